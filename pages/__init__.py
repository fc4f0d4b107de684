"""What a manager sees. A page arranges; it computes nothing, writes no SQL, formats no number by hand."""
