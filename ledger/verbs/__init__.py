"""What can be done with a ledger. One verb, one module: select from a view, judge with a pure function, append, fold."""
