"""Lists and patterns that scorers go by, as data: one place to read them, one digest for all.

Sources. Formulas, hedges, indicator families and code domains: the quality pipeline of hafs (scawful/hafs) as its
source behaves. Mnemonics: the 92 of WDC's W65C816S data sheet. Registers: the names in common use for the SNES's
memory-mapped registers $2100-$21FF and $4016-$437A. Stop words: our own list of the commonest English function words
(the pipeline's is not on record word for word).

Every pattern is linear on hostile text: none can begin a long match at more than one place of a run.
"""

from __future__ import annotations

import re

from ledger.digest import digest_of


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


CODE_DOMAINS = frozenset(
    ("asm", "cpp", "yaze", "gigaleak", "oracle", "hack_curated", "asm+oracle", "asm+gigaleak", "yaze+narrative")
)

HEDGES = ("i don't know", "i'm not sure", "might be", "possibly", "i think", "maybe")

MNEMONICS = _words(
    "ADC AND ASL BCC BCS BEQ BIT BMI BNE BPL BRA BRK BRL BVC BVS CLC CLD CLI CLV CMP COP CPX CPY DEC DEX DEY EOR INC "
    "INX INY JML JMP JSL JSR LDA LDX LDY LSR MVN MVP NOP ORA PEA PEI PER PHA PHB PHD PHK PHP PHX PHY PLA PLB PLD PLP "
    "PLX PLY REP ROL ROR RTI RTL RTS SBC SEC SED SEI SEP STA STP STX STY STZ TAX TAY TCD TCS TDC TRB TSB TSC TSX TXA "
    "TXS TXY TYA TYX WAI WDM XBA XCE"
)

REGISTERS = _words(
    "INIDISP OBSEL OAMADDL OAMADDH OAMDATA BGMODE MOSAIC BG1SC BG2SC BG3SC BG4SC BG12NBA BG34NBA BG1HOFS BG1VOFS "
    "BG2HOFS BG2VOFS BG3HOFS BG3VOFS BG4HOFS BG4VOFS VMAIN VMADDL VMADDH VMDATAL VMDATAH M7SEL M7A M7B M7C M7D M7X M7Y "
    "CGADD CGDATA W12SEL W34SEL WOBJSEL WH0 WH1 WH2 WH3 WBGLOG WOBJLOG TM TS TMW TSW CGWSEL CGADSUB COLDATA SETINI "
    "MPYL MPYM MPYH SLHV OAMDATAREAD VMDATALREAD VMDATAHREAD CGDATAREAD OPHCT OPVCT STAT77 STAT78 APUIO0 APUIO1 APUIO2 "
    "APUIO3 WMDATA WMADDL WMADDM WMADDH JOYSER0 JOYSER1 NMITIMEN WRIO WRMPYA WRMPYB WRDIVL WRDIVH WRDIVB HTIMEL HTIMEH "
    "VTIMEL VTIMEH MDMAEN HDMAEN MEMSEL RDNMI TIMEUP HVBJOY RDIO RDDIVL RDDIVH RDMPYL RDMPYH JOY1L JOY1H JOY2L JOY2H "
    "JOY3L JOY3H JOY4L JOY4H"
) | {
    name.replace("*", str(channel))
    for name in _words("DMAP* BBAD* A1T*L A1T*H A1B* DAS*L DAS*H DASB* A2A*L A2A*H NTLR*")
    for channel in range(8)
}

STOP_WORDS = _words(
    "a about after again all also am an and any are as at be because been before being between both but by can could "
    "did do does each for from had has have he her here him his how i if in into is it its just me more most my no not "
    "of on one only or other our out over she should so some such than that the their them then there these they this "
    "to up was we were what when where which who why will with would you your"
)

ENTITY = re.compile(
    r"(?<!\w)(?:0x[0-9A-Fa-f]++|\$[0-9A-Fa-f]++|[A-Z][A-Z0-9_]{2,}+|[A-Z][a-z0-9]++(?:[A-Z][a-z0-9]++)++)(?!\w)"
)
"""0x hex, $ hex, words in capitals of three characters and more, CamelCase."""

MOST_ENTITIES = 20

INDICATORS = (
    re.compile(rf"\b(?:{'|'.join(sorted(MNEMONICS))})\b"),
    re.compile(r"[{}]"),
    re.compile(r";"),
    re.compile(
        r"^[ \t]*+(?:#include|auto|bool|char|class|const|enum|float|for|if|int|namespace|private|public|return|static"
        r"|struct|switch|template|typedef|using|void|while)\b",
        re.MULTILINE,
    ),
    re.compile(r"\b0x[0-9A-Fa-f]"),
    re.compile(r"\$[0-9A-Fa-f]"),
    re.compile(r":[ \t]*+$", re.MULTILINE),
)
"""Families of what code looks like: mnemonics in capitals, braces, `;`, a keyword of C++ at the beginning of a line,
0x hex, $ hex, a line that ends in a colon."""

PLACEHOLDERS = frozenset(("", "none", "null", "nil", "n/a", "na", "-", "starting new session"))
"""What stands where a memory of earlier steps should, compared in small letters without white space and full stops."""


def digest() -> str:
    """Return the digest of all lists and patterns, in hex: scores made by other lists are under another rubric."""
    lists = (CODE_DOMAINS, HEDGES, MNEMONICS, REGISTERS, STOP_WORDS, PLACEHOLDERS)
    patterns = [ENTITY.pattern, *(pattern.pattern for pattern in INDICATORS)]
    return digest_of([*(sorted(words) for words in lists), patterns, MOST_ENTITIES]).hex()
