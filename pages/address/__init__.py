"""What an address says: the view, its filters and period, and the state of a session."""
