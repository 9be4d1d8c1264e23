"""One sample: its conversation, its history, why it stands as it does, its versions, twins and releases."""

from __future__ import annotations

from collections.abc import Mapping

from ledger import Ledger
from review_page.chat import turns
from review_page.site import Facts, View


def ask(ledger: Ledger, state: Mapping[str, str]) -> Facts:
    """Return what `show` and `why` say of a sample, and its conversation turn by turn."""
    sample, as_of = state["sample"], state.get("as_of")
    shown = ledger.show(sample, as_of=as_of)
    return {"shown": shown, "why": ledger.why(sample, as_of=as_of), "turns": turns(ledger, shown["content"])}


VIEW = View("/sample/{sample}", "sample.html", "Sample", ask)
