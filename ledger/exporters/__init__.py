"""Exports: pure functions from rows to an order, a layout and a check; they know data only, never SQL or files."""
