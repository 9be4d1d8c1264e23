"""The balanced word: the order of two labels in which every stretch of rows is as mixed as the counts allow."""

from __future__ import annotations


def balanced_word(n_true: int, n_false: int) -> bytes:
    """Return one byte per row, 1 for true and 0 for false, with exactly these counts.

    With N rows of which m have the rarer label, the rarer label stands at i where floor((i+1)m/N) > floor(i*m/N),
    so its j-th occurrence stands at ceil(jN/m) - 1. Every window of L rows then holds floor(Lm/N) or ceil(Lm/N) of
    them, hence every window of B rows has both labels if and only if B >= ceil(N/m) (the Bresenham or Christoffel
    word). With equal counts true comes first: T F T F.
    """
    total = n_true + n_false
    rare, rare_count = (1, n_true) if n_true < n_false else (0, n_false)
    word = bytearray([1 - rare]) * total
    for nth in range(1, rare_count + 1):
        word[-(-nth * total // rare_count) - 1] = rare
    return bytes(word)
