"""The fold of findings: the latest look at a version is what counts of it."""

from __future__ import annotations

from pathlib import Path

from ledger import Ledger
from ledger.views import findings
from tests.logs import line
from tests.scoring import find, some
from tests.test_views_scores import handle, views

ERROR = ["tools/unknown", "error", "messages[1]"]
WARNING = ["text/long", "warning", ""]


def version(ledger: Ledger, sample: str) -> int:
    """Return the row of the blob that a sample is now."""
    sql = "SELECT version FROM samples WHERE sample = ?"
    return int(views(ledger).execute(sql, (handle(ledger, sample),)).fetchone()[0])


def found(ledger: Ledger, sample: str) -> list[str]:
    """Return the rules that the latest look at a sample's version found, in order."""
    return [each.rule for each in findings.of_sample(views(ledger), handle(ledger, sample), version(ledger, sample))]


def test_findings_stand_in_the_order_in_which_they_were_found(ledger: Ledger, tmp_path: Path) -> None:
    """With rule, severity and path; the look counts errors and warnings."""
    (one,) = some(ledger, tmp_path, 1)
    (at,) = find(ledger, {one: [WARNING, ERROR, WARNING]}, schema=b"{}")
    rows = findings.of_sample(views(ledger), handle(ledger, one), version(ledger, one))
    assert [[each.rule, each.severity, each.path] for each in rows] == [WARNING, ERROR, WARNING]
    assert {each.position for each in rows} == {at}
    sql = "SELECT position, errors, warnings, length(schema) FROM validations"
    assert views(ledger).execute(sql).fetchall() == [(at, 1, 2, 64)]


def test_the_latest_look_counts_also_where_it_found_nothing(ledger: Ledger, tmp_path: Path) -> None:
    """What an earlier one found no longer stands; nobody looked is something else."""
    one, two = some(ledger, tmp_path, 2)
    find(ledger, {one: [ERROR]})
    find(ledger, {one: []})
    assert found(ledger, one) == []
    assert findings.is_validated(views(ledger), handle(ledger, one), version(ledger, one))
    assert not findings.is_validated(views(ledger), handle(ledger, two), version(ledger, two))


def test_a_look_is_about_one_version(ledger: Ledger, tmp_path: Path) -> None:
    """An edit leaves nothing found; when it is withdrawn, what was found before stands again."""
    (one,) = some(ledger, tmp_path, 1)
    find(ledger, {one: [ERROR]})
    (edit,) = ledger.edit(one, line("prompt", "another"))["events"]
    assert found(ledger, one) == []
    assert not findings.is_validated(views(ledger), handle(ledger, one), version(ledger, one))
    find(ledger, {one: [WARNING]})
    assert found(ledger, one) == ["text/long"]
    ledger.withdraw([f"@{edit}"])
    assert found(ledger, one) == ["tools/unknown"]


def test_the_latest_look_of_each_sample_names_its_event(ledger: Ledger, tmp_path: Path) -> None:
    """Of any version; samples that nobody looked at are left out."""
    one, two, three = some(ledger, tmp_path, 3)
    find(ledger, {one: [ERROR], two: []})
    (last,) = find(ledger, {one: []})
    handles = [handle(ledger, each) for each in (one, two, three)]
    latest = findings.latest(views(ledger), handles)
    assert latest.keys() == set(handles[:2])
    assert latest[handles[0]].position == last
    assert latest[handles[0]].op.hex() == ledger.log(one)[-1]["event"]
    assert '"findings":[]' in latest[handles[1]].leaf
