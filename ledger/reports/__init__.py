"""Answers, as plain values with stable keys: from views, for the terminal, for `--json` and for other programs."""
