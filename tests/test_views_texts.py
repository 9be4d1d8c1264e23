"""The distinct texts of samples that stand: which there are, where their bytes are, what ties them to families."""

from __future__ import annotations

from pathlib import Path

from ledger import Ledger
from ledger.views import texts
from tests.judged import row_of
from tests.logs import line, store_of
from tests.scoring import take_in


def erase(ledger: Ledger, sample: str) -> None:
    """Let a sample be erased."""
    sql = "UPDATE samples SET status = 'erased' WHERE sample = ?"
    store_of(ledger).connection.execute(sql, (row_of(ledger, sample).sample,))


def test_each_text_once_all_or_of_a_campaign(ledger: Ledger, tmp_path: Path) -> None:
    """Samples that teach the same have one fingerprint; an edit brings another, a withdrawal the first again."""
    one, two, three = take_in(ledger, tmp_path, [line("p", "a"), line("p", "a", note=1), line("p", "b")], "x")
    (four,) = take_in(ledger, tmp_path, [line("p", "a", note=2)], "y")
    connection = store_of(ledger).connection
    ours = {one: row_of(ledger, one) for one in (one, two, three, four)}
    assert texts.each(connection, None).keys() == {ours[one].fingerprint, ours[three].fingerprint}
    assert texts.each(connection, "y").keys() == {ours[four].fingerprint}
    assert texts.each(connection, "z") == {}
    assert texts.standing(connection, None) == [row.sample for row in ours.values()]
    assert texts.standing(connection, "y") == [ours[four].sample]

    edit = ledger.edit(three, line("p", "c"))["events"][0]
    assert texts.each(connection, "x").keys() == {ours[one].fingerprint, row_of(ledger, three).fingerprint}
    ledger.withdraw([f"@{edit}"])
    assert texts.each(connection, "x").keys() == {ours[one].fingerprint, ours[three].fingerprint}


def test_the_bytes_are_those_of_the_oldest_that_stands(ledger: Ledger, tmp_path: Path) -> None:
    """Of all, or of the campaign; erased samples have none."""
    one, two = take_in(ledger, tmp_path, [line("p", "a"), line("p", "a", note=1)], "x")
    (three,) = take_in(ledger, tmp_path, [line("p", "a", note=2)], "y")
    connection = store_of(ledger).connection
    rows = [row_of(ledger, each) for each in (one, two, three)]
    print_ = rows[0].fingerprint
    assert texts.each(connection, None) == {print_: (rows[0].version, rows[0].reader, rows[0].prompt)}
    assert texts.each(connection, "y")[print_].version == rows[2].version
    erase(ledger, one)
    assert texts.each(connection, None)[print_].version == rows[1].version
    erase(ledger, two)
    assert texts.each(connection, "x") == {}
    assert texts.standing(connection, None) == [rows[2].sample]


def test_what_ties_a_text_to_its_family(ledger: Ledger, tmp_path: Path) -> None:
    """The prompt, or the text itself where nothing stands before the completion."""
    rows = [line("p", "c"), b'{"messages": [{"role": "assistant", "content": "alone"}]}']
    asked, alone = (row_of(ledger, one) for one in take_in(ledger, tmp_path, rows))
    found = texts.each(store_of(ledger).connection, None)
    assert alone.prompt is None
    assert found[alone.fingerprint].token == alone.fingerprint
    assert found[asked.fingerprint].token == asked.prompt
