"""What can be done with a ledger, one verb a module: select from a view, judge with a pure function, append, fold."""
