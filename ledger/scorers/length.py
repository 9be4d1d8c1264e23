"""How long a sample is: characters, words and messages of each side. Any language, no lists."""

from __future__ import annotations

from ledger.fixed import LARGEST, ONE
from ledger.scorers.contract import Item, Score, Scorer
from ledger.scorers.texts import completion_text, prompt_text

TOO_LARGE = "over_a_million"


class Length(Scorer):
    """Characters, words (runs without white space) and messages of prompt and completion.

    Characters are code points. System messages are messages of the prompt but no part of its text. A standard content
    has text, not messages.
    """

    name = "length"
    version = "1"
    dimensions = (
        "prompt_chars",
        "prompt_words",
        "prompt_messages",
        "completion_chars",
        "completion_words",
        "completion_messages",
    )

    def score(self, item: Item) -> Score:
        """Return the counts; a count of over a million is unscored, since no score is larger."""
        prompt, completion = prompt_text(item.content), completion_text(item.content)
        counts = {
            "prompt_chars": len(prompt),
            "prompt_words": len(prompt.split()),
            "completion_chars": len(completion),
            "completion_words": len(completion.split()),
        }
        unscored = {}
        if item.content.form == "conversational":
            counts["prompt_messages"] = len(item.content.prompt)
            counts["completion_messages"] = len(item.content.completion)
        else:
            unscored = {"prompt_messages": "not_a_chat", "completion_messages": "not_a_chat"}
        numbers = {}
        for name, count in counts.items():
            if count > LARGEST:
                unscored[name] = TOO_LARGE
            else:
                numbers[name] = count * ONE
        return Score(numbers, unscored)
