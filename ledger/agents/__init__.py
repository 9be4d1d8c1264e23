"""Asking models: providers, limits, money, live and in batches. The only importer of providers' own packages."""
