"""The command line: one verb, one file. The only importer of click and rich; the ledger is imported when it is used."""
