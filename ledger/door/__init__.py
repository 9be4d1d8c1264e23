"""The methods of class Ledger, by what they are about."""
