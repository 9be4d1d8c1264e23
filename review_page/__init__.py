"""The review page: the same verbs for people who would rather look. It calls `Ledger` and nothing behind it."""
