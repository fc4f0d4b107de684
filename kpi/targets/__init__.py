"""Targets: which one is in force where, how it is written in a file, and in words."""
