"""Question in, answer out. There is no other way to a number."""
