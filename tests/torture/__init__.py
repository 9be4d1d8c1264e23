"""The reliability matrix: what a ledger must survive, tried in full by `python -m tests.torture`."""
