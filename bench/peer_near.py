"""Near-duplicates beside bare rensa, in the same run: `python -m bench.peer_near [--texts N] [--runs N]`.

Bare rensa is what its users write: shingles as joined words, one digest matrix, its own LSH, and the Jaccard index of
the candidates' sets, everything in memory. The ledger's search finds the same pairs with texts read one at a time and
fetched again. Times are processor seconds, medians of the runs; both start from the texts and end with the pairs.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from statistics import median

from rensa import RMinHash, RMinHashLSH

from ledger.similarity.contract import NearRecipe
from ledger.similarity.fields import words
from ledger.similarity.near import find_twins
from tests.twins import key, shelf, text

Pairs = set[tuple[int, int]]
SEED = 42


def bare(texts: Sequence[str], recipe: NearRecipe, took: dict[str, float]) -> Pairs:
    """Return the near pairs by rensa alone."""
    begun = time.process_time()
    tokens = [_tokens(each, recipe.shingle) for each in texts]
    took["shingles"] = time.process_time() - begun
    matrix = RMinHash.digest_matrix_from_token_sets(tokens, recipe.hashes, SEED)
    lsh = RMinHashLSH(recipe.threshold / 1e6, recipe.hashes, recipe.bands)
    lsh.insert_matrix(matrix)
    took["matrix and LSH"] = time.process_time() - begun - took["shingles"]
    # A matrix answers only whether a row has a duplicate; to be told which, rensa wants its objects.
    asked = RMinHash.from_token_sets(tokens, recipe.hashes, SEED)
    pairs = {(first, second) for first, found in enumerate(lsh.query_all(asked)) for second in found if first < second}
    took["pairs"] = time.process_time() - begun - sum(took.values())
    sets = {each: frozenset(tokens[each]) for pair in pairs for each in pair}
    near = {pair for pair in pairs if _jaccard(sets[pair[0]], sets[pair[1]]) * 1e6 >= recipe.threshold}
    took["verification"] = time.process_time() - begun - sum(took.values())
    return near


def ours(texts: Sequence[str], recipe: NearRecipe) -> Pairs:
    """Return the near pairs as the ledger finds them."""
    ids = [key(number) for number in range(len(texts))]
    numbers = {each: number for number, each in enumerate(ids)}
    units = list(zip(ids, texts, strict=True))
    found = find_twins(units, shelf(units), recipe)
    pairs = [(numbers[one], numbers[other]) for one, other, _ in found.twins]
    return {(min(pair), max(pair)) for pair in pairs}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    texts = [text(number) for number in range(asked.texts)]
    ways: dict[str, Callable[[dict[str, float]], Pairs]] = {
        "bare rensa": lambda took: bare(texts, NearRecipe(), took),
        "ledger, rensa": lambda _: ours(texts, NearRecipe(engine="rensa")),
        "ledger, numpy": lambda _: ours(texts, NearRecipe(engine="numpy")),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(asked.runs):
        for name, way in ways.items():
            parts: dict[str, float] = {}
            begun = time.process_time()
            pairs = way(parts)
            seconds[name].append(time.process_time() - begun)
            shown = ", ".join(f"{part} {spent:.2f}" for part, spent in parts.items())
            sys.stdout.write(f"  {name}: {seconds[name][-1]:.2f} s, {len(pairs)} pairs {shown}\n")
    for name, times in seconds.items():
        ratio = median(mine / bare_ for mine, bare_ in zip(times, seconds["bare rensa"], strict=True))
        sys.stdout.write(f"{name:<14} {median(times):8.2f} s for {asked.texts} texts, {ratio:.2f} of bare rensa\n")


def _tokens(each: str, size: int) -> list[str]:
    told = words(each)
    return [" ".join(told[at : at + size]) for at in range(max(len(told) - size + 1, 1))] if told else []


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared) if shared else 0.0


if __name__ == "__main__":
    main()
