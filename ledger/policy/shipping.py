"""The policies that come with the program."""

from __future__ import annotations

from importlib import resources

SUFFIX = ".toml"


def shipped() -> dict[str, str]:
    """Return name -> TOML text of the policies that come with the program, sorted by name."""
    folder = resources.files("ledger.policy") / "shipped"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(SUFFIX)), key=lambda file: file.name)
    return {file.name.removesuffix(SUFFIX): file.read_text("utf-8") for file in files}
