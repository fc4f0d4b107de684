"""The demo bank: a synthetic warehouse, the same for the same options. ``python -m seed`` fills it."""
