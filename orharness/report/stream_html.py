"""Recorded streams as one self-contained HTML page: what `orharness show --format html` writes.

Each exchange has its numbers, a time line on which each chunk is a bar, and a table of the chunks with their gaps,
boundaries and events. Text of a recording is escaped, and what looks like a secret is left out.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import accumulate

from orharness.cassette.interaction import Interaction, header
from orharness.cassette.secrets import hidden
from orharness.dialects.answer import Answer
from orharness.report.contents import Content, PartKind, contents, dialect_of, shown
from orharness.report.frame import page
from orharness.report.summary import summary
from orharness.report.timeline import ENDINGS
from orharness.stream import Stream
from orharness.verdict import count

_WIDTH, _HEIGHT = 1000, 90  # of a time line, in its own units
_BAR = 3  # the width of a chunk there
_GAP = 112  # the width of the longest gap, in the table
_MOST = 2000  # chunks in a table; of more, the middle is left out
_ORDER = (PartKind.ERROR, PartKind.CUT, PartKind.TEXT, PartKind.TOOL, PartKind.REASONING, PartKind.END, PartKind.FINISH)
"""What decides the colour of a bar with several parts, the first first."""


def streams_as_html(title: str, interactions: Sequence[Interaction]) -> str:
    """Return the page. ``title``: the name of the recording."""
    clean = [hidden(one) for one in interactions]
    return "".join(page(f"{title}: {count(len(clean), 'exchange')}", _body(title, clean), sheets=_SHEETS))


_SHEETS = ("report.css", "stream.css")


def _body(title: str, interactions: Sequence[Interaction]) -> Iterator[str]:
    yield f'<header>\n<p class="tool">orharness show</p>\n<h1>{escape(title)}</h1>\n'
    yield f'<dl class="facts"><div><dt>exchanges</dt><dd>{len(interactions):,}</dd></div></dl>\n</header>\n'
    for one in interactions:
        yield '<section class="exchange">\n'
        yield from _exchange(one)
        yield "</section>\n"


def _exchange(one: Interaction) -> Iterator[str]:
    request, rows = one.request, contents(one.stream)
    yield f"<h2>{escape(request.method)} {escape(shown(request.uri))}</h2>\n"
    yield f'<p class="status">{escape(_status(one))}</p>\n'
    if one.note:
        yield f'<p class="warn">note: {escape(shown(one.note))}</p>\n'
    if not one.timed and one.stream.chunks:
        yield '<p class="warn">without boundaries and timing: another tool recorded it; one chunk an event</p>\n'
    answer = dialect_of(one.stream).fold(one.stream.frame.decode(one.stream.body))
    yield '<dl class="facts">\n'
    for name, value in _facts(one, rows, answer):
        yield f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>\n"
    yield "</dl>\n"
    if rows:
        yield from _line(one, rows)
        yield from _table(rows, timed=one.timed)
    yield f'<p class="said">{escape(ENDINGS[one.ending_recorded])}; {escape(summary(one.stream))}</p>\n'
    yield from _answer(answer)


def _status(one: Interaction) -> str:
    status = "no response" if one.status is None else f"{one.status} {one.reason}".strip()
    kind = header(one.headers, "content-type")
    when = [] if one.recorded_at is None else [f"recorded {one.recorded_at}"]
    return " · ".join(map(shown, [status, *([] if kind is None else [kind]), one.stream.framing.value, *when]))


def _answer(answer: Answer) -> Iterator[str]:
    if answer.text.strip():
        yield f"<h4>text</h4>\n<pre>{escape(_printable(answer.text))}</pre>\n"
    if answer.reasoning.strip():
        yield f"<h4>reasoning</h4>\n<pre>{escape(_printable(answer.reasoning))}</pre>\n"
    if answer.error is not None:
        yield f'<h4>error</h4>\n<pre class="warn">{escape(shown(answer.error.message))}</pre>\n'


def _printable(text: str) -> str:
    """Return the text with its line ends; other control characters are quoted."""
    return "\n".join(shown(line) for line in text.split("\n"))


# --- numbers ----------------------------------------------------------------------------------------------------------


def _facts(one: Interaction, rows: Sequence[Content], answer: Answer) -> Iterator[tuple[str, str]]:
    yield "chunks", f"{len(rows):,}"
    yield "bytes", f"{len(one.stream.body):,}"
    if not one.timed or not rows:
        return
    yield "head after", f"{one.head:.3f} s"
    yield "whole body after", f"{one.stream.duration:.3f} s"
    rate = rate_of(one.stream, answer)
    if rate is not None:
        one_of_them, all_of_them = ("token", "tokens") if rate.counted else ("event with text", "events with text")
        yield f"first {one_of_them} after", f"{rate.first:.3f} s"
        if rate.per_second is not None:
            yield f"{all_of_them} a second", f"{rate.per_second:.1f}"
    longest = max(rows[1:], key=lambda row: row.gap, default=None)
    if longest is not None:
        yield "longest gap", f"{longest.gap:.3f} s, before chunk {rows.index(longest) + 1:,}"


@dataclass(frozen=True)
class Rate:
    """How fast an answer came. ``counted``: in tokens, as the service counted them; else in events with a part of it.

    ``first``: seconds from the head to the first of them. ``per_second``: from the first to the last; ``None`` where
    all came at once.
    """

    counted: bool
    first: float
    per_second: float | None


def rate_of(stream: Stream, answer: Answer) -> Rate | None:
    """Return how fast the parts of the answer came; ``None`` for a stream without any."""
    tokens = dialect_of(stream).marked(stream).tokens
    if not tokens:
        return None
    ends = list(accumulate(len(chunk.data) for chunk in stream.chunks))
    moments = list(accumulate(chunk.delay for chunk in stream.chunks))
    first, last = (moments[bisect_left(ends, at)] for at in (tokens[0], tokens[-1]))
    counted = answer.tokens_made is not None
    number = answer.tokens_made if answer.tokens_made is not None else len(tokens)
    since_first = number * (len(tokens) - 1) / len(tokens)  # those of the first event came before the time that counts
    return Rate(counted, first, since_first / (last - first) if last > first else None)


# --- the time line ----------------------------------------------------------------------------------------------------


def _line(one: Interaction, rows: Sequence[Content]) -> Iterator[str]:
    """Yield the drawing: a bar for each chunk, at its time (or number), as high as its bytes are many."""
    whole = rows[-1].at if one.timed and rows[-1].at > 0 else 0.0
    most = max(row.size for row in rows)
    said = f"{len(rows)} chunks on a time line of {whole:.3f} s" if whole else f"{len(rows)} chunks in their order"
    yield f'<svg class="line" viewBox="0 0 {_WIDTH} {_HEIGHT + 16}" role="img" aria-label="{said}">\n'
    yield f'<line class="axis" x1="0" x2="{_WIDTH}" y1="{_HEIGHT}" y2="{_HEIGHT}"/>\n'
    for number, row in enumerate(rows):
        share = row.at / whole if whole else number / max(1, len(rows) - 1)
        height = max(3.0, row.size / most * (_HEIGHT - 4))
        x = share * (_WIDTH - _BAR)
        place = f'x="{x:.1f}" y="{_HEIGHT - height:.1f}" width="{_BAR}" height="{height:.1f}"'
        told = escape(_told(number, row, timed=one.timed))
        yield f'<rect class="bar {_kind(row)}" {place}><title>{told}</title></rect>\n'
    yield from _scale(whole) if whole else ()
    yield "</svg>\n"


def _scale(whole: float) -> Iterator[str]:
    for tick, anchor in enumerate(("start", "middle", "middle", "middle", "end")):
        place = f'x="{tick * _WIDTH / 4:.0f}" y="{_HEIGHT + 13}" text-anchor="{anchor}"'
        yield f"<text {place}>{whole * tick / 4:.3f} s</text>\n"


def _kind(row: Content) -> str:
    kinds = [part.kind for part in row.parts]
    return str(next((kind for kind in _ORDER if kind in kinds), kinds[0] if kinds else PartKind.EVENT))


def _told(number: int, row: Content, *, timed: bool) -> str:
    when = f", {row.at:.3f} s (+{row.gap:.3f} s)" if timed else ""
    return f"chunk {number + 1:,}{when}, {count(row.size, 'byte')}: {'  '.join(part.text for part in row.parts)[:200]}"


# --- the table --------------------------------------------------------------------------------------------------------


def _table(rows: Sequence[Content], *, timed: bool) -> Iterator[str]:
    longest = max((row.gap for row in rows[1:]), default=0.0) or rows[0].gap
    titles = ["chunk", *(["seconds", "gap", ""] if timed else []), "bytes", "what is in it"]
    head = "".join(f"<th>{title}</th>" for title in titles)
    yield f"<details open><summary>{count(len(rows), 'chunk')}</summary>\n"
    yield f'<table class="chunks">\n<thead><tr>{head}</tr></thead>\n<tbody>\n'
    half = _MOST // 2
    for number, row in enumerate(rows):
        if len(rows) <= _MOST or number < half or number >= len(rows) - half:
            yield _row(number, row, longest if timed else None)
        elif number == half:
            yield f'<tr><td colspan="6">… {len(rows) - _MOST:,} chunks …</td></tr>\n'
    yield "</tbody>\n</table>\n</details>\n"


def _row(number: int, row: Content, longest: float | None) -> str:
    cells = [f'<td class="number">{number + 1:,}</td>']
    if longest is not None:
        width = min(_GAP, row.gap / longest * _GAP) if longest else 0
        drawn = f'<svg viewBox="0 0 {_GAP} 12"><rect width="{width:.1f}" height="12"/></svg>'
        cells += [f'<td class="number">{row.at:.3f}</td>', f'<td class="number">+{row.gap:.3f}</td>']
        cells += [f'<td class="gap">{drawn}</td>']
    parts = "".join(f'<span class="part {part.kind}">{escape(part.text)}</span> ' for part in row.parts)
    return f'<tr>{"".join(cells)}<td class="number">{row.size:,}</td><td>{parts}</td></tr>\n'
