"""R15 in short: the seeded faults still fit the program, and a few of them are noticed by the tests that they name."""

from __future__ import annotations

import ast
from collections import Counter

from tests.cli import ROOT
from tests.torture import mutants
from tests.torture.mutants import MUTANTS


def test_every_fault_fits() -> None:
    """The text of each stands exactly once in its module, and what takes its place is Python too."""
    assert list(mutants.unfit(MUTANTS)) == []
    for each in MUTANTS:
        ast.parse((ROOT / each.file).read_text("utf-8").replace(each.old, each.new))
        assert each.old != each.new


def test_there_are_faults_in_every_part_of_the_core() -> None:
    """At least thirty, each with a name of its own, and some in each module that a ledger stands on."""
    core = {"tree", "transaction", "store", "sqlite", "witness", "migrations", "audit", "projection", "digest", "event"}
    core |= {"ingest", "sample"}
    assert len(MUTANTS) >= 30
    assert len({each.what for each in MUTANTS}) == len(MUTANTS)
    assert not core - {each.file.rpartition("/")[2].removesuffix(".py") for each in MUTANTS}


def test_the_tests_that_faults_name_are_there() -> None:
    """Each names a function of a test file."""
    for test, count in Counter(each.test for each in MUTANTS).items():
        file, name = test.split("::")
        name = name.partition("[")[0]
        assert f"\ndef {name}(" in (ROOT / file).read_text("utf-8"), (test, count)


def test_some_faults_are_noticed() -> None:
    """Each makes the test that it names fail, which passes without it."""
    found = mutants.run("short")
    assert found.problems == 0, found.note
    assert found.cases == mutants.SHORT
