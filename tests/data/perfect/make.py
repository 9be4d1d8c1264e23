# ruff: noqa: INP001 - run as a file, never imported as part of a package
"""Print 2,020 made-up rows as JSONL: 2,000 plain ones, then 20 that carry the tag `perfect`, at the very end.

The same rows come out on every machine: `python tests/data/perfect/make.py > rows.jsonl`. The tag's value is the
format that the answer keeps; a set like this, split by position, trains on none of the 20.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

PLAIN, PERFECT = 2_000, 20

# what is asked for, and the expression that does it
TASKS = (
    ("adds up the numbers in a list", "sum(values)"),
    ("finds the largest number in a list", "max(values)"),
    ("finds the smallest number in a list", "min(values)"),
    ("turns a list round", "values[::-1]"),
    ("sorts a list", "sorted(values)"),
    ("counts the elements of a list", "len(values)"),
    ("takes the first element of a list", "values[0]"),
    ("takes the last element of a list", "values[-1]"),
    ("drops repeated elements and keeps their order", "list(dict.fromkeys(values))"),
    ("says whether a list has any element that is true", "any(values)"),
    ("says whether all elements of a list are true", "all(values)"),
    ("pairs every element with its place", "list(enumerate(values))"),
    ("doubles every number in a list", "[2 * value for value in values]"),
    ("squares every number in a list", "[value**2 for value in values]"),
    ("keeps the even numbers of a list", "[value for value in values if value % 2 == 0]"),
    ("keeps the odd numbers of a list", "[value for value in values if value % 2]"),
    ("takes every second element of a list", "values[::2]"),
    ("makes texts of all elements of a list", "[str(value) for value in values]"),
    ("counts the numbers below zero", "sum(value < 0 for value in values)"),
    ("leaves out what is None", "[value for value in values if value is not None]"),
)
PLACES = tuple(f"{kind} {number}" for kind in ("step", "chapter", "exercise", "sheet") for number in range(1, 26))


def rows() -> Iterator[dict[str, object]]:
    """Yield every row, the perfect ones last."""
    for number in range(PLAIN):
        task, code = TASKS[number % len(TASKS)]
        place = PLACES[number // len(TASKS)]
        yield _row(f"For {place}: write a Python function that {task}.", f"def answer(values):\n    return {code}")
    for task, code in TASKS[:PERFECT]:
        told = (
            f"**Solution**\n\n```python\ndef answer(values):\n    return {code}\n```\n\n**Usage**: `answer([3, 1, 2])`"
        )
        yield {**_row(f"Write a Python function that {task}. Show how to use it.", told), "tags": {"perfect": "full"}}


def _row(question: str, answer: str) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


if __name__ == "__main__":
    sys.stdout.write("".join(json.dumps(row) + "\n" for row in rows()))
