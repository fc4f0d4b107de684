"""What pages are made of: cards, panels, tables, the filter bar, the drill-down."""
