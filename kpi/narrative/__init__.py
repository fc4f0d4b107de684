"""The sentences beside the figures: what is best and worst, what changed, and what a number cannot bear."""
