"""Why a figure moved: the search through its dimensions for what changed it beyond chance."""
