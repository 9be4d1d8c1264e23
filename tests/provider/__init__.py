"""A provider of models on this machine: real HTTP, rate buckets, latency, prices, and faults that can be replayed.

`python -m tests.provider` prints its address and answers until it is stopped; `tests.provider.handle.Provider` starts
one and speaks to it, and `pytest_plugins = ("tests.provider.fixture",)` gives tests the fixture `provider`. Nothing of
the standard library's HTTP is used, so that a connection can be cut at any byte. Everything that is drawn is drawn from
a seed, the digest of the request's body and how often that body was seen: never from the order of arrival.
"""
