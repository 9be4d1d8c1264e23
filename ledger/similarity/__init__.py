"""Similarity: which texts are near-duplicates of which, and which templates many texts are made from.

An edge: pure functions of texts with ids. The foreign packages (numpy, rensa, rapidfuzz) come with the extra `scale`;
modules that need them are imported by name, when they are needed.
"""
