"""The four components of a quality pipeline: diversity, graph consistency, hallucination risk, coherence.

What cannot be computed is unscored and says why; no component stands at 1 or 0.5 for want of knowledge. How the four
become one number is a policy's business: its weights are there, not here.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType

from ledger.digest import digest_of
from ledger.errors import BadRequest
from ledger.fixed import ONE
from ledger.scorers import lexicon
from ledger.scorers.contract import File, Item, Options, Score, Scorer, share
from ledger.scorers.graph import read_graph
from ledger.scorers.neighbours import Neighbours, words_of
from ledger.scorers.texts import completion_text, prompt_text

_TENTH = ONE // 10
_CODE_BY_FAMILIES = (200_000, 400_000, 600_000, 800_000)
"""Coherence of code by the number of indicator families that occur: none, one, two, three and more."""

_LEXICAL = {"hallucination_risk": "lexical part only"}


class Pipeline(Scorer):
    """Diversity, consistency with a knowledge graph, lexical hallucination risk and coherence, each from 0 to 1.

    The instruction is the text of the prompt (without system messages), the output that of the completion. Diversity
    is 1 minus the similarity to the nearest of all samples that are scored together; the digest of that set is part of
    the rubric. What cannot be computed is unscored.
    """

    name = "pipeline"
    version = "1"
    dimensions = ("diversity", "kg_consistency", "hallucination_risk", "coherence")
    options = MappingProxyType({"graph": 'a knowledge graph, as JSON: {"nodes": ["name", ...]}'})
    files = ("graph",)

    def __init__(self, options: Options) -> None:
        """Read the graph, if there is one; raise GraphUnreadable."""
        given = options.get("graph")
        if given is not None and not isinstance(given, File):
            raise BadRequest("The graph must be given as a file")
        self._graph = None if given is None else read_graph(given)
        self._others: Neighbours | None = None
        self.rubric = self._rubric(None)

    def prepare(self, items: Iterable[Item]) -> None:
        """Take all items as the set that each is compared with."""
        others = Neighbours()
        for item in items:
            others.add(words_of(prompt_text(item.content)), item.fingerprint)
        self.rubric = self._rubric(others.close())
        self._others = others

    def score(self, item: Item) -> Score:
        """Return the components, each a number or the reason why there is none."""
        asked, said = prompt_text(item.content), completion_text(item.content)
        code = item.domain in lexicon.CODE_DOMAINS
        found: dict[str, int | str] = {
            "diversity": self._diversity(asked),
            "kg_consistency": self._consistency(said),
            "hallucination_risk": risk(asked, said, code=code),
            "coherence": coherence_of_code(said) if code else coherence_of_text(asked, said),
        }
        numbers = {name: value for name, value in found.items() if isinstance(value, int)}
        unscored = {name: value for name, value in found.items() if isinstance(value, str)}
        return Score(numbers, unscored, _LEXICAL if "hallucination_risk" in numbers else {})

    def _diversity(self, asked: str) -> int | str:
        if self._others is None:
            return "not_prepared"
        words = words_of(asked)
        if not words:
            return "empty_prompt"
        if self._others.size <= 1:
            return "nothing_to_compare"
        nearest = self._others.nearest(words)
        return "not_compared" if nearest is None else ONE - nearest

    def _consistency(self, said: str) -> int | str:
        if self._graph is None:
            return "no_graph"
        entities = entities_of(said)
        if not entities:
            return "no_entities"
        return share(sum(entity in self._graph.nodes for entity in entities), len(entities))

    def _rubric(self, compared: bytes | None) -> bytes:
        graph = None if self._graph is None else self._graph.digest.hex()
        against = None if compared is None else compared.hex()
        return digest_of({"compared": against, "graph": graph, "lexicon": lexicon.digest(), "scorer": self.name})


def entities_of(text: str) -> list[str]:
    """Return the first distinct entities of a text in order of appearance, without mnemonics and register names."""
    found: dict[str, None] = {}
    for match in lexicon.ENTITY.finditer(text):
        upper = match[0].upper()
        if upper not in lexicon.MNEMONICS and upper not in lexicon.REGISTERS:
            found[match[0]] = None
            if len(found) == lexicon.MOST_ENTITIES:
                break
    return list(found)


def risk(asked: str, said: str, *, code: bool) -> int | str:
    """Return a tenth for each hedge in the output, and one or two for lengths that do not fit each other; 1 at most."""
    before, after = len(asked.split()), len(said.split())
    if not after:
        return "empty_completion"
    lower = said.lower().replace("\u2019", "'")
    points = sum(hedge in lower for hedge in lexicon.HEDGES)
    if code:
        points += before > 10 * after or 20 * before < after
    else:
        points += 2 * (before > 5 * after or 10 * before < after)
    return min(points, 10) * _TENTH


def coherence_of_code(said: str) -> int | str:
    """Return how much the output looks like code, by the families of indicators that occur in it."""
    if not said.strip():
        return "empty_completion"
    families = sum(pattern.search(said) is not None for pattern in lexicon.INDICATORS)
    return _CODE_BY_FAMILIES[min(families, len(_CODE_BY_FAMILIES) - 1)]


def coherence_of_text(asked: str, said: str) -> int | str:
    """Return the Jaccard index of the words of both sides without stop words (words as white space parts them)."""
    one = set(asked.lower().split()) - lexicon.STOP_WORDS
    other = set(said.lower().split()) - lexicon.STOP_WORDS
    if not one:
        return "empty_prompt" if not asked.strip() else "only_stop_words"
    if not other:
        return "empty_completion" if not said.strip() else "only_stop_words"
    return share(len(one & other), len(one | other))
