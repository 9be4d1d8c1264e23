"""Rejections as one HTML page: no script, nothing fetched, every text of a sample escaped.

A page is a function of the answer alone, so the same answer gives the same bytes. Histograms are SVG whose bars carry
their counts. Colours are from the palette of Okabe and Ito, which people who are colour-blind can tell apart, and no
fact is told by colour alone.
"""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from commands._render import clean
from commands._words import bins, excerpt

Answer = Mapping[str, Any]

COLUMNS = 12
"""Domains with a column of their own; the others are one column together."""

_BAR, _GAP, _LABEL, _WIDTH, _NUMBER = 18, 6, 170, 420, 70

_STYLE = """
:root { color-scheme: light dark; --ink: #1a1a1a; --dim: #595959; --paper: #ffffff; --line: #d0d0d0; --bar: #0072b2;
  --mark: #b34700; }
@media (prefers-color-scheme: dark) { :root { --ink: #ececec; --dim: #a8a8a8; --paper: #16181c; --line: #3a3d44;
  --bar: #56b4e9; --mark: #f0a050; } }
body { margin: 2rem auto; max-width: 75rem; padding: 0 1rem; color: var(--ink); background: var(--paper);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { margin: .25rem 0; } .dim { color: var(--dim); } .mark { color: var(--mark); font-weight: 600; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; } .wide { overflow-x: auto; }
th, td { padding: .2rem .75rem .2rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th { font-weight: 600; } td.n, th.n { text-align: right; } td.text { unicode-bidi: isolate; overflow-wrap: anywhere; }
code { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
svg { max-width: 100%; height: auto; } svg text { fill: var(--ink); font: 13px system-ui, sans-serif; }
svg rect { fill: var(--bar); } li { margin: .5rem 0; } bdi { unicode-bidi: isolate; }
"""


def page(found: Answer) -> str:
    """Return the page of an answer of `Ledger.rejections`."""
    where = "" if found["campaign"] is None else f" of the campaign {found['campaign']}"
    title = f"Rejected samples{where}"
    allowed = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{allowed}'\">",
        '<meta name="referrer" content="no-referrer">',
        f"<title>{_safe(title)}</title>",
        f"<style>{_STYLE}</style>",
        "</head>",
        "<body>",
        "<main>",
        *_summary(found, title),
        *(_body(found) if found["total"] else ()),
        "</main>",
        "</body>",
        "</html>",
    ]
    return "\n".join(parts) + "\n"


def _body(found: Answer) -> Iterable[str]:
    yield "<h2>By reason</h2>"
    yield _bars("Rejected samples by reason", list(found["by_reason"].items()), found["total"])
    yield "<h2>By domain</h2>"
    yield _bars("Rejected samples by domain", list(found["by_domain"].items()), found["total"])
    yield "<h2>By reason and domain</h2>"
    yield from _matrix(found)
    yield f"<h2>Spread of {_safe(found['headline'] or 'scores')}</h2>"
    yield from _spread(found)
    yield "<h2>Closest to passing</h2>"
    yield from _closest(found["closest"])
    yield "<h2>What could be done</h2>"
    yield "<ol>"
    yield from (_advice(advice, found["total"]) for advice in found["recommendations"])
    yield "</ol>"


def _summary(found: Answer, title: str) -> Iterable[str]:
    rate = f" ({100 * found['total'] / found['considered']:.1f} %)" if found["considered"] else ""
    sums = " + ".join(f"{count:,} {_safe(reason)}" for reason, count in found["by_reason"].items())
    policies = ", ".join(
        f"{_safe(one['name'])} <code>{_safe(one['policy'][:15])}</code>"
        + ("" if one["campaign"] is None else f" (campaign {_safe(one['campaign'])})")
        for one in found["policies"]
    )
    yield f"<h1>{_safe(title)}</h1>"
    yield (
        f"<p><strong>{found['total']:,} of {found['considered']:,} samples</strong>{rate} are rejected, "
        f"{found['accepted']:,} are accepted.</p>"
    )
    if sums:
        yield f"<p>{found['total']:,} = {sums}</p>"
    if found["due"]:
        yield (
            f'<p class="mark">{found["due"]:,} of them the policy in force would not reject: '
            "run <code>ledger decide</code>.</p>"
        )
    head = found["head"]
    yield f'<p class="dim">Policy: {policies or "none adopted"}. Head: @{head["position"]} '
    yield f"<code>{_safe(head['root'])}</code>.</p>"


def _matrix(found: Answer) -> Iterable[str]:
    """Yield the table of reasons and domains, with its sums."""
    domains = list(found["by_domain"])
    shown, rest = domains[:COLUMNS], domains[COLUMNS:]
    heads = [_safe(domain or "none") for domain in shown] + ([f"{len(rest):,} others"] if rest else [])
    yield '<div class="wide"><table>'
    yield '<thead><tr><th scope="col">reason</th>' + "".join(_head(head) for head in [*heads, "sum"]) + "</tr></thead>"
    yield "<tbody>"
    for reason, counts in found["by_reason_domain"].items():
        yield _sums(_safe(reason), [*_cells(counts, shown, rest), found["by_reason"][reason]])
    yield "</tbody><tfoot>"
    yield _sums("sum", [*_cells(found["by_domain"], shown, rest), found["total"]])
    yield "</tfoot></table></div>"


def _cells(counts: Mapping[str, int], shown: Sequence[str], rest: Sequence[str]) -> list[int]:
    cells = [counts.get(domain, 0) for domain in shown]
    return [*cells, sum(counts.get(domain, 0) for domain in rest)] if rest else cells


def _sums(name: str, cells: Sequence[int]) -> str:
    return f'<tr><th scope="row">{name}</th>' + "".join(f'<td class="n">{cell:,}</td>' for cell in cells) + "</tr>"


def _head(name: str) -> str:
    return f'<th scope="col" class="n">{name}</th>'


def _spread(found: Answer) -> Iterable[str]:
    if not found["scored"]:
        yield "<p>None of them has a score.</p>"
        return
    without = found["total"] - found["scored"]
    yield (
        f"<p>{found['scored']:,} scored{f', {without:,} without a score' if without else ''}: "
        f"mean {found['average']:.3f}, from {found['min']:.3f} to {found['max']:.3f}. "
        "A bin holds its lower edge, the last one both.</p>"
    )
    histogram = found["histogram"]
    counts = list(zip(bins(histogram["edges"]), histogram["counts"], strict=True))
    yield _bars("Rejected samples by score", counts, found["scored"])


def _bars(title: str, counts: Sequence[tuple[str, int]], whole: int) -> str:
    """Return counts as an SVG of bars, each with its name, its number and its share."""
    most, step = max(count for _, count in counts), _BAR + _GAP
    height, width = step * len(counts), _LABEL + _WIDTH + 2 * _NUMBER
    made = [f'<svg role="img" aria-label="{_safe(title)}" viewBox="0 0 {width} {height}" width="{width}">']
    for place, (name, count) in enumerate(counts):
        top, middle = place * step, place * step + _BAR * 3 // 4
        long = max(count * _WIDTH // max(most, 1), bool(count))
        told = f"{count:,} ({100 * count / whole:.1f} %)"
        hint = f"<title>{_safe(name or 'none')}: {told}</title>"
        made += [
            f'<text x="0" y="{middle}">{_safe(_cut(name or "none"))}</text>',
            f'<rect x="{_LABEL}" y="{top}" width="{long}" height="{_BAR}" data-n="{count}">{hint}</rect>',
            f'<text x="{_LABEL + long + _GAP}" y="{middle}">{told}</text>',
        ]
    return "\n".join([*made, "</svg>"])


def _closest(entries: Sequence[Answer]) -> Iterable[str]:
    if not entries:
        yield "<p>None has a margin.</p>"
        return
    heads = (
        "sample",
        "domain",
        "reason",
        "margin",
        "observed",
        "threshold",
        "score",
        "components",
        "also fails",
        "prompt",
    )
    yield (
        '<div class="wide"><table><thead><tr>'
        + "".join(f'<th scope="col">{head}</th>' for head in heads)
        + "</tr></thead>"
    )
    yield "<tbody>"
    for entry in entries:
        components = ", ".join(f"{name} {value or '-'}" for name, value in entry["components"].items())
        failed = ", ".join(f"{one['rule']} {one['margin'] or ''}".strip() for one in entry["failed"])
        numbers = (entry[name] or "" for name in ("margin", "observed", "threshold", "score"))
        yield (
            f'<tr><td><code title="{_safe(entry["sample"])}">{_safe(entry["sample"][:12])}</code></td>'
            f"<td>{_safe(entry['domain'] or '')}</td><td>{_safe(entry['rule'] or '')}</td>"
        )
        yield "".join(f'<td class="n">{_safe(number)}</td>' for number in numbers)
        yield f"<td>{_safe(components)}</td><td>{_safe(failed)}</td>"
        yield f'<td class="text">{_safe(excerpt(entry["prompt"]))}</td></tr>'
    yield "</tbody></table></div>"


def _advice(advice: Answer, total: int) -> str:
    where = f" in {advice['domain']}" if advice["domain"] else ""
    tried = f"<br><code>ledger whatif --set {_safe(_shell(advice['set']))}</code>" if advice["set"] else ""
    return (
        f"<li><strong>{_safe(advice['reason'] + where)}</strong>: {advice['samples']:,} "
        f"({100 * advice['samples'] / total:.1f} %). {_safe(advice['advice'])}{tried}</li>"
    )


def _shell(setting: str) -> str:
    import shlex

    return shlex.quote(setting)


def _cut(name: str, most: int = 24) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _safe(text: str) -> str:
    """Return text as HTML shows it: what could steer a reader's eye is written out, what could be markup escaped."""
    return html.escape(clean(text), quote=True)
