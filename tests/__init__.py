"""The claims about the ledger, one file per module or law; helpers that several of them use stand beside them."""
