"""Vectors that the tests compare with, and the independent scripts that make them."""
