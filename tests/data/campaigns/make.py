# ruff: noqa: INP001 - run as a file, never imported
"""Write the two made-up campaigns of docs/judging.md: questions about a small console, in three domains.

Run it in this folder: `python make.py`. The same files come out on every machine.
"""

from __future__ import annotations

import json
from pathlib import Path

HERE = Path(__file__).parent

# routine, what it does, the register it writes, its code
ROUTINES = (
    ("WaitVBlank", "waits until the picture has been drawn", "$4212", ("lda", "bpl", "rts")),
    ("FadeOut", "lowers the brightness step by step", "$2100", ("lda", "dec", "sta")),
    ("CopyTiles", "moves tile graphics into video memory", "$4300", ("ldx", "stx", "sta")),
    ("ReadPad", "reads the buttons of the first controller", "$4218", ("lda", "sta", "rts")),
    ("SetScroll", "moves the background sideways", "$210D", ("lda", "sta", "sta")),
    ("ClearSprites", "takes all sprites off the screen", "$2102", ("stz", "lda", "sta")),
    ("PlaySound", "starts a sound effect", "$2140", ("lda", "sta", "rts")),
    ("SaveGame", "writes the player's progress to battery memory", "$700000", ("lda", "sta", "jsl")),
    ("LoadPalette", "fills the colour memory", "$2121", ("stz", "lda", "sta")),
    ("DivideByTen", "divides a number by ten in hardware", "$4204", ("sta", "lda", "nop")),
    ("EnableIRQ", "asks for an interrupt at a scan line", "$4209", ("lda", "sta", "cli")),
    ("MaskWindow", "cuts a window out of a layer", "$2123", ("lda", "sta", "rts")),
)
# how a question about a routine can be asked; spring asked one way far too often
ASKED = (
    "Write the routine {name}, which {does}.",
    "My game {does} too late. What should {name} look like?",
    "Show me, with comments, how one {does} on this console.",
    "Review this idea: {name} {does} once per frame. Give the code you would ship.",
)
ONE_WAY = "Write a short assembly routine for the console, called {name}, with comments, please."
# question, its full answer, its poor answer
TALKS = (
    (
        "Why does the picture tear when tiles are copied while the screen is drawn?",
        (
            "The picture tears because tiles that are copied while the screen is drawn change under the beam: the"
            " upper part of the picture still shows old tiles, the lower part new ones. Copy tiles while nothing "
            "is drawn."
        ),
        "I'm not sure, it might be the cable. Maybe try another one.",
    ),
    (
        "What does the battery in a cartridge keep alive, and what happens to saved games when the battery is empty?",
        (
            "The battery keeps the memory of saved games alive while the console is off. When the battery is "
            "empty, saved games are lost at the next switch-off; the cartridge itself still works."
        ),
        "I think it might be for the clock, possibly, or for the saved games. I'm not sure; maybe they are lost.",
    ),
    (
        "How many colours can one sprite have on this console, and where are its colours stored?",
        (
            "One sprite can have fifteen colours and transparency. Its colours are stored in one of eight "
            "palettes in the upper half of colour memory, and each sprite names its palette."
        ),
        "I don't know. I think it might be sixteen, possibly; maybe fifteen, I'm not sure, in a palette somewhere.",
    ),
    (
        "When should a game read the controller, before or after the frame has been drawn?",
        (
            "A game should read the controller after the frame has been drawn, once the console has finished "
            "reading it by itself, so that the whole next frame sees the same buttons."
        ),
        "Before. Or after; I think it might be the same.",
    ),
    (
        "Why do old games slow down when many sprites are on the screen?",
        (
            "Old games slow down when many sprites are on the screen because moving and comparing them takes "
            "longer than one frame, so the game waits for the next one."
        ),
        "Maybe because of the sprites.",
    ),
    (
        "Which is the better place for music data, the cartridge or the sound chip's own memory?",
        (
            "Music data lives in the cartridge, which is the better place for all that is not playing; the sound "
            "chip's own memory holds only the song that is."
        ),
        "I'm not sure. Possibly the cartridge? I think so. It might be, maybe.",
    ),
)
BROKEN = (
    ("The assembler says 'branch out of range'. What now?", "The branch is out of range: use a jump instead."),
    ("The screen stays black after reset. What now?", "After reset the screen stays black until $2100 is set to $0F."),
    (
        "Sprites flicker in rows of more than 32. What now?",
        "More than 32 sprites in a row flicker: rotate their order.",
    ),
    ("The save is gone after power-off. What now?", "I think the battery might be empty, possibly. Maybe not."),
)


def code(name: str, register: str, words: tuple[str, ...], *, full: bool) -> str:
    """Return an answer in assembly: with a label, comments and a known register, or only a guess."""
    if not full:
        return f"I think {words[0]} and then {words[1]} might be enough, possibly. I'm not sure about {name}Ex."
    lines = [f"    {words[0]} #$0F", f"    {words[1]} {register} ; the register for this", f"    {words[2]}"]
    return "\n".join([f"{name}:", *lines])


def spring() -> list[dict[str, str]]:
    """Return the first campaign: half of its questions are one question, and a third of its answers are guesses."""
    rows = []
    for n, (name, does, register, words) in enumerate(ROUTINES):
        for m, asked in enumerate((ONE_WAY, ONE_WAY, ASKED[n % 4])):
            row = {"instruction": asked.format(name=name, does=does)}
            row["output"] = code(name, register, words, full=(n + m) % 3 != 1)
            rows.append(row | {"domain": "asm"})
    for n, (question, full, poor) in enumerate(TALKS):
        rows.append({"instruction": question, "output": poor if n % 2 else full, "domain": "text"})
    rows += [{"instruction": question, "output": answer, "domain": "errors"} for question, answer in BROKEN]
    return rows


def autumn() -> list[dict[str, str]]:
    """Return the second campaign: other questions, each asked in its own way, and few guesses."""
    rows = []
    for n, (name, does, register, words) in enumerate(ROUTINES):
        for m in (1, 2):
            row = {"instruction": ASKED[(n + m) % 4].format(name=name, does=does)}
            row["output"] = code(name, register, words, full=(n + m) % 9 != 1)
            rows.append(row | {"domain": "asm"})
    rows += [{"instruction": question, "output": full, "domain": "text"} for question, full, _ in TALKS[1::2]]
    return rows


def main() -> None:
    """Write spring.jsonl, autumn.jsonl and graph.json."""
    for name, rows in (("spring", spring()), ("autumn", autumn())):
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (HERE / f"{name}.jsonl").write_text(text, "utf-8")
    nodes = sorted({name for name, *_ in ROUTINES} | {register for _, _, register, _ in ROUTINES} | {"$0F"})
    (HERE / "graph.json").write_text(json.dumps({"nodes": nodes}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
