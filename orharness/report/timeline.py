"""A stream on a time line: when each chunk came, its size, and its contents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.text import Text

from orharness.cassette.interaction import CLIENT_DISCONNECTED, Interaction, header
from orharness.dialects.answer import Answer
from orharness.report.contents import Content, ContentPart, PartKind, contents, dialect_of, shown
from orharness.report.screen import Column, Row, Screen
from orharness.report.summary import summary
from orharness.stream import Stream
from orharness.verdict import BOUNDARY, shorten

FIRST, LAST = 12, 6  # chunks of a long stream that are shown at its beginning and its end
STYLES = {
    PartKind.TEXT: "",
    PartKind.REASONING: "italic",
    PartKind.TOOL: "cyan",
    PartKind.USAGE: "magenta",
    PartKind.FINISH: "green",
    PartKind.END: "bold green",
    PartKind.ERROR: "bold red",
    PartKind.EVENT: "",
    PartKind.COMMENT: "dim",
    PartKind.RETRY: "dim",
    PartKind.BYTES: "cyan",
    PartKind.CUT: "yellow",
}
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_MOST = 12  # parts of a chunk that are shown on a terminal
ENDINGS = {
    "eof": "the response ends cleanly",
    "abort": "the connection ends before the response does (FIN)",
    "reset": "the connection is reset (RST)",
    "hang": "nothing more comes, and the connection stays open",
    CLIENT_DISCONNECTED: "the client left here, so the recording ends; replayed, the connection ends here",
}


def show_interaction(screen: Screen, interaction: Interaction, *, every: bool = False) -> None:
    """Show a recorded exchange: request and head, the time line, how it ended, and its text.

    ``every``: also the chunks in the middle of a long stream; without a terminal they are always shown.
    """
    request = interaction.request
    screen.line(Text.assemble((request.method, "bold"), " ", (shown(request.uri), "bold")))
    screen.say(_head(interaction), indent=2)
    if interaction.note:
        screen.say(f"note: {shown(interaction.note)}", "yellow", indent=2)
    if not interaction.timed:
        screen.say("without boundaries and timing: another tool recorded it; one chunk an event", "yellow", indent=2)
    screen.line()
    screen.lines(timeline(screen, interaction.stream, every=every, timed=interaction.timed))
    screen.line()
    show_end(screen, interaction.stream, interaction.ending_recorded)


def _head(interaction: Interaction) -> str:
    kind = header(interaction.headers, "content-type")
    answered = interaction.status is not None
    status = f"{interaction.status} {interaction.reason}".strip() if answered else "no response"
    parts = [status, *([] if kind is None else [shown(kind)])]
    after = [f"{'head' if answered else 'ended'} after {interaction.head:.3f} s"] if interaction.timed else []
    when = [] if interaction.recorded_at is None else [f"recorded {shown(interaction.recorded_at)}"]
    return " · ".join([*parts, *after, interaction.stream.framing.value, *when])


def show_end(screen: Screen, stream: Stream, ending: str | None = None) -> None:
    """Show how a stream ends, its size, and its text."""
    ending = ending or stream.ending.value
    clean = ending == "eof"
    after = f", {stream.duration:.3f} s after its head" if stream.duration else ""
    screen.say(ENDINGS[ending] + after, "" if clean else "yellow", indent=2)
    screen.say(summary(stream), indent=2)
    for fault in stream.faults:
        screen.say(f"fault: {fault.name} at byte {fault.at:,}", "yellow", indent=2)
    answer = dialect_of(stream).fold(stream.frame.decode(stream.body))
    if answer.choices and not answer.complete:
        screen.say("there is no end marker: a client has to see that the answer is cut short", "yellow", indent=2)
    _show_answer(screen, answer)


def _show_answer(screen: Screen, answer: Answer) -> None:
    said = shown(answer.text.strip())
    if said:
        screen.say(f"text: {said if screen.width is None else shorten(said, 3 * screen.width)}", indent=2)
    if answer.error is not None:
        screen.say(f"error: {shown(answer.error.message)}", "red", indent=2)


def timeline(
    screen: Screen, stream: Stream, *, every: bool = False, fold_at: int | None = None, timed: bool = True
) -> Iterator[Text]:
    """Yield a row for each chunk. More than ``fold_at`` chunks are folded in the middle; by default on a terminal."""
    rows = contents(stream)
    if fold_at is None:
        fold_at = len(rows) if screen.width is None else FIRST + LAST + 2
    drawn = _Rows(screen, rows, timed=timed)
    return screen.grid(drawn.columns, drawn.all() if every or len(rows) <= fold_at else drawn.folded())


class _Rows:
    """The rows of a time line; numbered ones for a stream without times."""

    def __init__(self, screen: Screen, rows: Sequence[Content], *, timed: bool) -> None:
        self._rows = rows
        self._timed = timed
        self._bar = _Bar(rows, 10 if screen.width is not None and screen.width < 100 else 20)
        times = [Column("seconds", right=True), Column("gap", right=True), Column("")]
        self.columns = [*(times if timed else [Column("chunk", right=True)]), Column("bytes", right=True)]
        self._room = None if screen.width is None else max(24, screen.width - (43 if timed else 20))
        self.columns.append(Column("what is in it", flexible=True))

    def all(self) -> Iterator[Row]:
        """Yield every row."""
        return map(self._row, range(len(self._rows)))

    def folded(self) -> Iterator[Row]:
        """Yield the first rows, a line for those in between, and the last rows."""
        yield from map(self._row, range(FIRST))
        between = self._rows[FIRST:-LAST]
        size, seconds = sum(row.size for row in between), sum(row.gap for row in between)
        lasting = f", {seconds:.1f} s" if self._timed else ""
        yield Text(f"      … {len(between):,} chunks, {size:,} bytes{lasting} …", "dim")
        yield from map(self._row, range(len(self._rows) - LAST, len(self._rows)))

    def _row(self, number: int) -> Row:
        row = self._rows[number]
        size = Text(f"{row.size:,}")
        if not self._timed:
            return [Text(f"{number + 1:,}", "dim"), size, self._content(row)]
        times = [Text(f"{row.at:.3f}"), Text(f"+{row.gap:.3f}", "dim"), Text(self._bar.of(row.gap), "blue")]
        return [*times, size, self._content(row)]

    def _content(self, row: Content) -> list[Text]:
        if self._room is None:
            return [Text(part.text, STYLES[part.kind]) for part in row.parts]
        texts = [Text(_fitted(part, self._room), STYLES[part.kind]) for part in row.parts[:_MOST]]
        more = len(row.parts) - _MOST
        return texts if more <= 0 else [*texts, Text(f"… {more:,} more", "dim")]


def _fitted(part: ContentPart, room: int) -> str:
    """Return the part shortened so that it can be recognised; of a piece, the end at which it was cut."""
    text = part.text
    if part.kind is not PartKind.BYTES:
        return shorten(text, room if part.kind is PartKind.EVENT else 3 * room)
    most = room // 2
    if len(text) <= most:
        return text
    if text.startswith(BOUNDARY) and not text.endswith(BOUNDARY):
        return text[:most] + "…"
    return shorten(text, most) if text.startswith(BOUNDARY) else "…" + text[-most:]


class _Bar:
    """Gaps as bars on one scale. The first gap, the wait for the model, sets the scale only if it is the only one."""

    def __init__(self, rows: Sequence[Content], width: int) -> None:
        later = max((row.gap for row in rows[1:]), default=0.0)
        self._full = later or max((row.gap for row in rows), default=0.0)
        self._width = width

    def of(self, gap: float) -> str:
        """Return the bar; a gap beyond the scale ends in ``»``."""
        if self._full < 0.001:  # nothing but the noise of the clock
            return ""
        if gap > self._full:
            return "█" * (self._width - 1) + "»"
        eighths = round(gap / self._full * self._width * 8)
        return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def show_interactions(screen: Screen, interactions: Iterable[Interaction], *, every: bool = False) -> None:
    """Show each interaction of a cassette, separated by empty lines."""
    for number, interaction in enumerate(interactions):
        if number:
            screen.line()
        show_interaction(screen, interaction, every=every)
