"""Snapshots: what is rendered from answers on a schedule, delivered, and accounted for."""
