"""The fixture `provider`, for test modules that say `pytest_plugins = ("tests.provider.fixture",)`.

One process serves a whole run of tests; each test finds it as if it had just started.
"""

from __future__ import annotations

import pytest

from tests.provider.handle import Provider

_KEPT = pytest.StashKey[Provider]()


@pytest.fixture
def provider(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Provider:
    """Return a provider that has seen nothing, with its key in the environment."""
    config = request.config
    if _KEPT not in config.stash:
        config.stash[_KEPT] = Provider()
        config.add_cleanup(config.stash[_KEPT].close)
    kept = config.stash[_KEPT]
    kept.reset()
    for name, value in kept.env.items():
        monkeypatch.setenv(name, value)
    for name in (
        "ANTHROPIC_BASE_URL",
        "ANTHROPIC_AUTH_TOKEN",
        "ANTHROPIC_PROFILE",
        "LEDGER_API_KEY",
        "OPENAI_BASE_URL",
    ):
        monkeypatch.delenv(name, raising=False)
    return kept
