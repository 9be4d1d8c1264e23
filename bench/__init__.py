"""The promises on speed, measured: `make bench`, or `python -m bench.table` for one table of ratios to the floor."""
