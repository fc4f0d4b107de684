"""Statistics that know nothing of the product: intervals, significance, control charts, queues, decomposition."""
