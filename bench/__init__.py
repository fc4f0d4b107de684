"""Figures of speed: ``make bench``. They are printed, never asserted."""
