"""Honest statistics: what a number can and cannot bear."""
