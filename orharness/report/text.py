"""Journals, cancels and verdicts on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from orharness.checks import EVENTS_FOR_TOKENS, events_unsent, how_sure, upstream_failure
from orharness.errors import OrharnessError
from orharness.journal import Bill, Counted, Exchange, Outcome
from orharness.report.contents import shown
from orharness.report.outcomes import BAD, GOOD, NOTE, in_words, outcome_style, outcomes
from orharness.report.screen import Column, Row, Screen
from orharness.verdict import Verdict, count, shorten

_WIDE = 100  # cells: from here on a journal's numbers are columns; below, they are on a line of their own
_BAR = 24  # cells for the tokens of a whole answer
_HOW = {"fin": "FIN", "rst": "RST", "half_close": "half-close"}


# Journals


def show_journal(screen: Screen, journal: Mapping[str, Any] | Sequence[Exchange]) -> None:
    """Show a row for each exchange, with faults and differences below it, then the number of each outcome.

    ``journal``: exchanges, or the document of ``GET /_orharness/journal``; raises ``OrharnessError`` for anything else.
    """
    entries = _entries(journal)
    if not entries:
        screen.line("no exchange yet: nothing was asked")
        return
    narrow = screen.width is not None and screen.width < _WIDE
    columns = [Column("id"), Column("request", flexible=True), Column("outcome"), Column("after", right=True)]
    if not narrow:
        columns += [Column(name, right=True) for name in ("chunks", "written", "read")] + [Column("boundaries")]
    rows: list[Row] = []
    for number, entry in enumerate(entries, 1):
        try:
            rows += _entry_rows(entry, narrow=narrow)
        except (AttributeError, LookupError, TypeError, ValueError) as error:  # a file may contain anything
            raise OrharnessError(f"this journal is damaged: exchange {number} cannot be read: {error}") from error
    screen.lines(screen.grid(columns, rows))
    screen.line()
    screen.say(outcomes([entry.get("outcome") for entry in entries]))
    if isinstance(journal, Mapping) and (dropped := journal.get("dropped")):
        screen.say(f"{count(dropped, 'older exchange')} not in the journal any more", "dim")


def _entries(journal: Mapping[str, Any] | Sequence[Exchange]) -> list[dict[str, Any]]:
    if not isinstance(journal, Mapping):
        return [{**exchange.to_json(), "size": exchange.stream_size, "chunks": exchange.chunks} for exchange in journal]
    if journal.get("format") != 1:
        raise OrharnessError(f"a journal of format {journal.get('format')!r} is not known here, only format 1")
    entries = journal.get("exchanges")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise OrharnessError("this is not a journal: its `exchanges` is not a list of objects")
    return entries


def _entry_rows(entry: Mapping[str, Any], *, narrow: bool) -> Iterator[Row]:
    outcome = entry.get("outcome")
    sure = entry.get("certainty") or {}
    how = f" {_HOW.get(str(entry['how']), entry['how'])}{_sure(sure.get('how'))}" if entry.get("how") else ""
    known = _sure(sure.get("outcome")) if outcome is not None else ""
    row = [
        Text(str(entry.get("id", "?")).lstrip("0") or "0", "dim"),
        Text(_asked(entry)),
        Text(f"{in_words(outcome)}{known}{how}", outcome_style(outcome)),
        Text("-" if entry.get("ended_after") is None else f"{entry['ended_after']:.3f} s"),
    ]
    chunks = _of(entry.get("chunks_written"), entry.get("chunks"))
    written = _of(entry.get("bytes_written"), entry.get("size"))
    read = "?" if entry.get("bytes_read") is None else f"{_least(sure)}{entry['bytes_read']:,}"
    boundaries = _boundaries(entry.get("boundaries") or {})
    if narrow:
        yield row
        yield Text(f"    chunks {chunks}, bytes {written}, read {read}, boundaries {boundaries}", "dim")
    else:
        yield [*row, Text(chunks), Text(written), Text(read), Text(boundaries)]
    if entry.get("faults"):
        yield Text(f"    fault: {', '.join(map(str, entry['faults']))}", NOTE)
    for line in str(entry.get("difference") or "").splitlines():
        yield Text(f"    {shown(line)}", NOTE)


def _asked(entry: Mapping[str, Any]) -> str:
    request = entry.get("request") or {}
    if not request.get("method"):
        return "(no HTTP)"
    status = "" if entry.get("status") is None else f" → {entry['status']}"
    return shown(f"{request['method']} {request.get('path', '')}") + status


def _sure(known: object) -> str:
    """Return how a value is known, to be put after it; empty if it was seen, or if an older journal does not say."""
    return "" if known in (None, "seen") else f" [{str(known).replace('_', ' ')}]"


def _least(sure: Mapping[str, Any]) -> str:
    return "≥" if sure.get("bytes_read") == "at_least" else ""


def _of(number: int | None, total: int | None) -> str:
    return f"{number or 0:,}" if total is None or total == number else f"{number or 0:,}/{total:,}"


def _boundaries(found: Mapping[str, int]) -> str:
    parts = [f"{number:,} {kind}" for kind in ("proven", "assumed") if (number := found.get(kind, 0))]
    return ", ".join(parts) or "-"


# A cancel, seen from both sides


@dataclass(frozen=True, slots=True)
class Moment:
    """Something the client did, at ``at`` seconds since the server read the request."""

    at: float
    text: str
    style: str = ""


def show_lanes(screen: Screen, client: Sequence[Moment], exchange: Exchange, sent: Sequence[str] = ()) -> None:
    """Show client and server side by side until the client left, and what was not sent after that.

    ``sent``: what was in each chunk that the server wrote.
    """
    server = [Moment(0.0, "has read the request")]
    room = None if screen.width is None else screen.width - 33 - max((len(one.text) for one in client), default=0)
    for number, at in enumerate(exchange.written_at):
        what = sent[number] if number < len(sent) else ""
        what = what if room is None else shorten(what, max(room, 16))
        server.append(Moment(at, f"writes chunk {number + 1}{': ' if what else ''}{what}"))
    if exchange.left_after is not None:
        how = _HOW[exchange.how or "fin"] + how_sure(exchange.certainty.how)
        server.append(Moment(exchange.left_after, f"sees the client leave ({how}) and stops", f"bold {GOOD}"))
    both = [(one, False) for one in client] + [(one, True) for one in server]
    columns = [Column("seconds", right=True), Column("client"), Column("│"), Column("server", flexible=True)]
    rows: list[Row] = [
        [
            Text(f"{one.at:.4f}"),
            Text() if right else Text(one.text, one.style),
            Text("│", "dim"),
            Text(one.text, one.style) if right else Text(),
        ]
        for one, right in sorted(both, key=lambda pair: (pair[0].at, not pair[1]))
    ]
    screen.lines(screen.grid(columns, rows))
    screen.line()
    screen.say(_saved(exchange), indent=2)


def _saved(exchange: Exchange) -> Text:
    if exchange.outcome is not Outcome.CANCELLED:
        known = "" if exchange.outcome is None else how_sure(exchange.certainty.outcome)
        return Text(f"nothing was saved: the exchange is {in_words(exchange.outcome)}{known}", BAD)
    chunks = f"{(exchange.chunks or 0) - exchange.chunks_written:,} of {count(exchange.chunks or 0, 'chunk')}"
    unsent = [chunks, count(len(exchange.unsent), "byte")]
    if (events := events_unsent(exchange)) is not None:
        unsent.append(count(events, "event"))
    return Text.assemble(("not sent: ", "bold"), ", ".join(unsent))


# Two bills, beside each other


@dataclass(frozen=True, slots=True)
class Look:
    """A bill at one time, in seconds since the server read the request."""

    at: float
    bill: Bill


@dataclass(frozen=True, slots=True)
class BillLane:
    """The bills of one model, taken repeatedly while its client was there and afterwards.

    ``closed``: when the client closed its connection, in seconds since the server read the request.
    """

    title: str
    looks: Sequence[Look]
    closed: float
    exchange: Exchange


def show_bills(screen: Screen, left: BillLane, right: BillLane) -> None:
    """Show two lanes on one clock: the tokens that each model has made, the leaving, and the two bills at the end.

    Both lanes have bills of the same times, so that each row is one time.
    """
    total = max(one.exchange.tokens_total or 1 for one in (left, right))
    lanes = (left, right)
    rows: list[Row] = []
    for number, look in enumerate(left.looks):
        before = left.looks[number - 1].at if number else 0.0
        if before < left.closed <= look.at:
            rows.append([Text(f"{left.closed:.2f}"), *_beside(*(_leaving(one) for one in lanes))])
        rows.append([Text(f"{look.at:.2f}"), *_beside(*(_looked(one, number, total) for one in lanes))])
    rows += [[Text(), *_beside(Text(), Text())]]
    rows += [[Text("bill", "bold"), *_beside(*map(_charged, lanes))]]
    rows += [[Text("test", "bold"), *_beside(*map(_tested, lanes))]]
    columns = [Column("seconds", right=True), Column(left.title), Column("│"), Column(right.title)]
    screen.lines(screen.grid(columns, rows))


def _beside(left: Text, right: Text) -> tuple[Text, Text, Text]:
    return left, Text("│", "dim"), right


def _looked(lane: BillLane, number: int, total: int) -> Text:
    """Return the tokens as a bar: those that the client got, and those made for no one."""
    bill = lane.looks[number].bill
    sent, made = (round(_BAR * tokens / total) for tokens in (bill.tokens_written, bill.tokens_made))
    return Text.assemble(f"{bill.tokens_made:>4,} ", ("█" * sent, GOOD), ("▒" * (made - sent), BAD))


def _leaving(lane: BillLane) -> Text:
    left = lane.exchange.left_after
    if left is None:
        return Text("the client has not left", BAD)
    return Text(f"the client leaves: seen in {1000 * max(0.0, left - lane.closed):.1f} ms", "bold")


def _charged(lane: BillLane) -> Text:
    bill = lane.exchange.bill
    assert bill is not None
    counted = "" if bill.counted is Counted.TOKENS else f" ({EVENTS_FOR_TOKENS})"
    return Text(f"{count(bill.tokens_billed, bill.noun)}, ${bill.cost:.4f}{counted}", f"bold {_style(lane)}")


def _tested(lane: BillLane) -> Text:
    failed = upstream_failure(lane.exchange) is not None
    return Text(f"{'✗' if failed else '✓'} assert_upstream_stopped {'fails' if failed else 'holds'}", _style(lane))


def _style(lane: BillLane) -> str:
    return GOOD if upstream_failure(lane.exchange) is None else BAD


# Verdicts


def show_evidence(screen: Screen, verdict: Verdict, indent: int = 8, *, reason: bool = True) -> None:
    """Show what a failed case expected, what it got, the bytes at the boundary, and the reason."""
    evidence = verdict.evidence
    if evidence is None:
        return
    rows = [
        ("expected", evidence.expected, GOOD),
        ("got", evidence.got, BAD),
        ("bytes", evidence.excerpt, "cyan"),
        ("reason", evidence.reason if reason else "", NOTE),
    ]
    for name, value, style in rows:
        for number, line in enumerate(value.splitlines()):
            label = Text(f"{' ' * indent}{'' if number else name:<10}", "dim")
            screen.lines(screen.indented(screen.held(line, style), indent + 10, label))
