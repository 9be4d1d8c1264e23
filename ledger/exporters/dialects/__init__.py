"""Dialects: for each trainer or tool, how a sample becomes a row. One dialect, one file."""
