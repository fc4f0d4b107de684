"""The declarations: every KPI once, every dimension once, and the roll-ups that can answer for them."""
