"""Leaves written in pieces are the leaves that everything else writes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ledger import leaves
from ledger.digest import decode
from ledger.event import Stamp, draft, leaf_bytes, op_of, pairs

NAMES = st.text(st.characters(codec="utf-8"), max_size=12)
PRINTS = st.binary(min_size=32, max_size=32)
SAID = st.builds(
    leaves.Said,
    fingerprint=PRINTS,
    prompt=st.none() | PRINTS,
    reader=st.sampled_from(("messages@1", "instruction@1")),
    form=st.sampled_from(("conversational", "standard")),
    type=st.sampled_from(("prompt_completion", "prompt_only")),
    label=st.sampled_from((True, False, None)),
    domain=st.none() | NAMES,
    tags=st.dictionaries(NAMES, NAMES, max_size=3),
)
STAMPS = st.builds(
    Stamp, actor=NAMES, via=st.sampled_from(("cli", "api")), at=st.integers(0, 2**52), run=st.integers(0, 2**40)
)


@given(NAMES, NAMES, PRINTS, SAID, st.integers(1, 2**40), st.integers(0, 2**20), STAMPS)
def test_pieces_make_the_leaf(
    campaign: str, source: str, digest: bytes, said: leaves.Said, line: int, nth: int, stamp: Stamp
) -> None:
    """Whatever a line says, wherever it stood: the same bytes as `leaf_bytes`, the same op as `op_of`."""
    where = leaves.origin(campaign, source, stamp.via)
    blob = digest.hex()
    fields = {
        "blob": blob,
        "campaign": campaign,
        "domain": said.domain,
        "fingerprint": said.fingerprint.hex(),
        "form": said.form,
        "label": said.label,
        "line": line,
        "nth": nth,
        "prompt": None if said.prompt is None else said.prompt.hex(),
        "reader": said.reader,
        "source": source,
        "tags": pairs(said.tags),
        "type": said.type,
    }
    made = leaves.whole(leaves.open_leaf(stamp), leaves.pieces(where, blob, line, said), nth, b"%d" % stamp.run)
    assert made == leaf_bytes("ingested", fields, stamp)
    assert decode(made) == {**fields, **stamp._asdict(), "kind": "ingested", "v": 1}
    assert leaves.birth(where, blob, nth) == op_of("ingested", fields) == draft("ingested", None, None, fields).op
