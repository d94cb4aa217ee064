"""A judgement as one self-contained HTML page: a matrix of families, and each fail with its bytes drawn.

It has no script and loads nothing, so it can be attached to a build or sent by mail. Text from a client is escaped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import chain, pairwise

from orharness.report.frame import page
from orharness.report.groups import boundaries, by_family, by_reason
from orharness.report.words import headline, once_in_words
from orharness.verdict import Evidence, Judgement, Level, Result, Verdict

_AROUND = 28  # bytes that are drawn on either side of a boundary
_KINDS = {"pass": "holds", "fail": "fails", "should": "should hold, and does not", "na": "not applicable"}
_NAMES = {"\n": "LF", "\r": "CR", "\t": "TAB", "\0": "NUL", " ": "·", "\ufeff": "BOM"}


def as_html(judgement: Judgement) -> str:
    """Return the page. ``judgement`` is shown whole, except for the middle of long bodies."""
    title = f"{judgement.client}: {headline(judgement)}"
    parts = (_head(judgement), _matrix(judgement), _fails(judgement), _all_cases(judgement))
    return "".join(page(title, chain.from_iterable(parts)))


def _head(judgement: Judgement) -> Iterator[str]:
    kind = "pass" if judgement.ok else "fail"
    yield f'<header class="{kind}">\n<p class="tool">orharness {judgement.command}</p>\n'
    yield f"<h1>{escape(judgement.client)}</h1>\n"
    yield f'<p class="headline">{escape(headline(judgement))}</p>\n<dl class="facts">\n'
    for name, value in _facts(judgement):
        yield f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>\n"
    yield "</dl>\n</header>\n"


def _facts(judgement: Judgement) -> Iterator[tuple[str, str]]:
    proven, tried = boundaries(judgement.verdicts)
    if judgement.profile is not None:
        yield "profile", judgement.profile
    if judgement.seed is not None:
        yield "seed", str(judgement.seed)
    yield "cases", f"{len(judgement.verdicts):,}"
    yield "not applicable", f"{judgement.number(Result.NOT_APPLICABLE):,}"
    yield "boundaries sent", f"{tried:,}"
    yield "proven to be observed", f"{proven:,}"
    if judgement.made is not None:
        yield "orharness", judgement.made.version
        yield "platform", judgement.made.platform
        yield "date", judgement.made.date
        yield "duration", f"{judgement.made.seconds:.1f} s"


# The matrix


def _kind(verdict: Verdict) -> str:
    if verdict.result is Result.FAIL:
        return "fail" if verdict.counts else "should"
    return "pass" if verdict.result is Result.PASS else "na"


def _matrix(judgement: Judgement) -> Iterator[str]:
    yield '<section class="matrix" aria-label="all cases by family">\n'
    for family, verdicts in by_family(judgement.verdicts).items():
        held = sum(one.result is Result.PASS for one in verdicts)
        judged = sum(one.result is not Result.NOT_APPLICABLE for one in verdicts)
        bad = " bad" if any(one.counts for one in verdicts) else ""
        yield f'<div class="family{bad}"><h2>{escape(family)}</h2><div class="tiles">'
        yield from map(_tile, verdicts)
        yield f'</div><p class="count">{held:,}<span> of {judged:,}</span></p></div>\n'
    yield '<p class="legend">'
    yield "".join(f'<span><i class="tile {kind}"></i>{said}</span>' for kind, said in _KINDS.items())
    yield "</p>\n</section>\n"


def _tile(verdict: Verdict) -> str:
    kind = _kind(verdict)
    told = escape(f"{verdict.case}: {_KINDS[kind]}. {verdict.title}", quote=True)
    return f'<a class="tile {kind}" href="#{_anchor(verdict)}" title="{told}"><span>{told}</span></a>'


def _anchor(verdict: Verdict) -> str:
    return escape(verdict.case.replace("/", "--"), quote=True)


# What fails


def _fails(judgement: Judgement) -> Iterator[str]:
    groups = by_reason(judgement.verdicts)
    if not groups:
        return
    yield '<section class="fails">\n<h2>What fails, and why</h2>\n'
    for alike in groups:
        yield from _group(alike)
    yield "</section>\n"


def _group(alike: Sequence[Verdict]) -> Iterator[str]:
    first, *others = alike
    evidence = first.evidence
    reason = evidence.reason if evidence else "it fails"
    yield f'<article class="{_kind(first)}">\n<h3>{_sentence(reason)}</h3>\n'
    yield from _case(first)
    if others:
        number = "one more case" if len(others) == 1 else f"{len(others):,} more cases"
        yield f"<details><summary>and for the same reason {number}</summary>\n"
        for one in others:
            yield from _case(one)
        yield "</details>\n"
    yield "</article>\n"


def _sentence(text: str) -> str:
    return _prose(text[:1].upper() + text[1:])


def _prose(text: str) -> str:
    """Return a sentence as HTML; text between backticks is code."""
    parts = escape(text).split("`")
    if len(parts) % 2 == 0:  # an unpaired backtick is a plain character
        return "`".join(parts)
    return "".join(f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts))


def _case(verdict: Verdict) -> Iterator[str]:
    yield f'<div class="case" id="{_anchor(verdict)}">\n<p class="name"><code>{escape(verdict.case)}</code> '
    yield f'<span class="level">{verdict.level.value}</span> {_prose(verdict.title)}{_source(verdict)}</p>\n'
    if verdict.evidence is not None:
        yield from _evidence(verdict, verdict.evidence)
    yield "</div>\n"


def _source(verdict: Verdict) -> str:
    if not verdict.source.startswith(("https://", "http://")):
        return ""
    return f' <a class="source" href="{escape(verdict.source, quote=True)}">where this is said</a>'


def _evidence(verdict: Verdict, evidence: Evidence) -> Iterator[str]:
    expected, got = _compared(evidence.expected, evidence.got)
    yield f'<div class="pair"><div><h4>expected</h4><pre>{expected}</pre></div>'
    yield f"<div><h4>got</h4><pre>{got}</pre></div></div>\n"
    if evidence.body:
        yield f"<h4>{escape(_chunks_in_words(evidence))}</h4>\n"
        yield from map(_strip, windows(evidence))
    for name, command in (("run just this", verdict.replay), ("serve this stream to any client", verdict.serve)):
        if command:
            yield f'<h4>{name}</h4>\n<pre class="command">{escape(command)}</pre>\n'


def _chunks_in_words(evidence: Evidence) -> str:
    if not evidence.cuts:
        return f"{len(evidence.body):,} bytes, in one chunk"
    where = ", ".join(f"{cut:,}" for cut in evidence.cuts[:6]) + (", …" if len(evidence.cuts) > 6 else "")
    return f"{len(evidence.body):,} bytes in {len(evidence.cuts) + 1:,} chunks, cut at byte {where}"


def _compared(expected: str, got: str) -> tuple[str, str]:
    """Return both texts as HTML, with the part in which they differ marked."""
    front = next((at for at, (a, b) in enumerate(zip(expected, got, strict=False)) if a != b), None)
    front = min(len(expected), len(got)) if front is None else front
    most = min(len(expected), len(got)) - front
    back = next((at for at in range(most) if expected[-1 - at] != got[-1 - at]), most)
    return _marked(expected, front, len(expected) - back), _marked(got, front, len(got) - back)


def _marked(text: str, start: int, end: int) -> str:
    middle = f"<mark>{escape(text[start:end])}</mark>" if start < end else ""
    return f"{escape(text[:start])}{middle}{escape(text[end:])}"


# Bytes


@dataclass(frozen=True)
class Window:
    """A part of a body that is drawn: from ``start`` to ``end``, with its cuts."""

    body: bytes
    start: int
    end: int
    cuts: tuple[int, ...]


def windows(evidence: Evidence) -> list[Window]:
    """Return the parts that are drawn: around the first cuts, or around the most telling place. They do not overlap."""
    size = len(evidence.body)
    places = evidence.cuts[:3] or (min(evidence.at, size),)
    spans: list[list[int]] = []
    for place in places:
        start = _at_character(evidence.body, max(0, place - _AROUND), -1)
        end = _at_character(evidence.body, min(size, place + _AROUND), 1)
        if spans and start <= spans[-1][1]:
            spans[-1][1] = end
        else:
            spans.append([start, end])
    return [
        Window(evidence.body, start, end, tuple(cut for cut in evidence.cuts if start <= cut <= end))
        for start, end in spans
    ]


def _at_character(body: bytes, at: int, step: int) -> int:
    """Return the nearest offset in that direction that cuts no character: an edge of a drawing is not a boundary."""
    for _ in range(3):
        if not 0 < at < len(body) or body[at] & 0xC0 != 0x80:
            break
        at += step
    return at


@dataclass(frozen=True)
class Cell:
    """One character, or the part of one between two cuts: its bytes and how it is shown."""

    data: bytes
    text: str
    whole: bool = True


def cells(window: Window) -> list[list[Cell]]:
    """Return the window's characters, chunk by chunk. A character that is cut shows its bytes."""
    marks = sorted({window.start, *window.cuts, window.end})
    return [list(_cells_of(window.body, start, end)) for start, end in pairwise(marks)]


def _cells_of(body: bytes, start: int, end: int) -> Iterator[Cell]:
    at = start
    while at < end:
        size = _size_at(body, at, end)
        data = body[at : at + size]
        try:
            text = data.decode()
        except UnicodeDecodeError:
            yield from (Cell(bytes([byte]), f"{byte:02X}", whole=False) for byte in data)
        else:
            yield Cell(data, _NAMES.get(text, text if text.isprintable() else f"U+{ord(text):04X}"))
        at += size


def _size_at(body: bytes, at: int, end: int) -> int:
    """Return the bytes of the character that begins there, as far as they are before ``end``; 1 inside a character."""
    size = 1
    if body[at] >= 0xC0:
        while at + size < end and size < 4 and body[at + size] & 0xC0 == 0x80:
            size += 1
    return size


def _strip(window: Window) -> str:
    chunks = "".join(f'<span class="chunk">{"".join(map(_cell, chunk))}</span>' for chunk in cells(window))
    before = f'<span class="more">{window.start:,} bytes</span>' if window.start else ""
    rest = len(window.body) - window.end
    after = f'<span class="more">{rest:,} bytes</span>' if rest else ""
    return f'<div class="bytes">{before}{chunks}{after}</div>\n'


def _cell(cell: Cell) -> str:
    kind = "part" if not cell.whole else "sign" if cell.text in _NAMES.values() or len(cell.text) > 1 else "char"
    wide = " many" if len(cell.data) > 1 else ""
    told = " ".join(f"{byte:02X}" for byte in cell.data)
    return f'<b class="{kind}{wide}" title="{told}">{escape(cell.text)}<i>{told}</i></b>'


# All cases


def _all_cases(judgement: Judgement) -> Iterator[str]:
    yield "<details class='all'><summary>All cases</summary>\n<table>\n<thead><tr><th>case</th><th>result</th>"
    yield "<th>boundaries proven</th><th>what is checked</th></tr></thead>\n<tbody>\n"
    failed = {one.case for one in judgement.verdicts if one.result is Result.FAIL}
    yield from (_row(one, named=one.case not in failed) for one in judgement.verdicts)
    yield "</tbody>\n</table>\n</details>\n"


def _row(verdict: Verdict, *, named: bool) -> str:
    kind = _kind(verdict)
    anchor = f' id="{_anchor(verdict)}"' if named else ""
    tried = f"{verdict.boundaries_proven:,} of {verdict.boundaries_tried:,}" if verdict.boundaries_tried else ""
    said = [verdict.note] if verdict.note else []
    said += [once_in_words(verdict.once)] if verdict.once else []
    note = "".join(f'<br><span class="note">{escape(one)}</span>' for one in said)
    level = ' <span class="level">SHOULD</span>' if verdict.level is Level.SHOULD else ""
    return (
        f"<tr{anchor}><td><code>{escape(verdict.case)}</code></td>"
        f'<td class="{kind}">{_KINDS[kind]}</td><td>{tried}</td>'
        f"<td>{_prose(verdict.title)}{level}{_source(verdict)}{note}</td></tr>\n"
    )
