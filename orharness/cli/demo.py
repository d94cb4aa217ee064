"""``orharness demo``: the shipped recordings replayed, cancelled, and used to judge two clients, in a few seconds."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from itertools import islice
from pathlib import Path
from statistics import median

from rich.text import Text

from orharness.cassette import Interaction, header, load
from orharness.checks import cannot_be_known, upstream_failure
from orharness.cli.demo_clients import ClientRead, Naive, ask, correct, reads
from orharness.cli.resources import shipped
from orharness.contract import CASES, Client, claim_of, run
from orharness.contract.running.run import PATIENCE
from orharness.errors import CassetteError, OrharnessError
from orharness.journal import Exchange
from orharness.providers import AS_OF
from orharness.report.contents import contents, shown
from orharness.report.outcomes import BAD, GOOD, NOTE
from orharness.report.screen import Column, Row, Screen
from orharness.report.summary import summary
from orharness.report.text import BillLane, Look, Moment, show_bills, show_evidence, show_lanes
from orharness.report.timeline import timeline
from orharness.server.facade import SseServer
from orharness.server.handles import Call, LiveRoute
from orharness.server.thread import ServerThread
from orharness.stream import Chunk, Stream, Transform
from orharness.transforms import compose, first_chunk, scale, split_at
from orharness.upstream import PRICE
from orharness.verdict import Result, Verdict, count

RECORDING = "non-ascii.yaml"
_LONGEST = 1.5  # seconds that the replay takes: a longer recording is played faster
_FIRST = 0.3  # seconds before its first chunk, at most
_FOLD = 16  # chunks of the time line that are shown
_LEAVE_AFTER = 3  # pieces of text that the second client reads
_STOPS, _GOES_ON = "Anthropic", "Groq"  # one provider of each kind
_TOKENS, _LEAVE_AT = 200, 60  # tokens in the answer that both make, and how many of them are read
_A_TOKEN = 0.004  # seconds
_LOOK = 0.1  # seconds between two looks at the bills
_PATIENCE = 0.1  # seconds, for a client that is known to fail; each fail is confirmed with four times as many
# Cases that take milliseconds, for all three claims; the catalogue has more.
CHOSEN = (
    "boundaries/one-event-a-chunk",
    "boundaries/all-in-one-chunk",
    "boundaries/inside-a-character",
    "boundaries/between-newlines",
    "comments/openrouter",
    "comments/between",
    "framing/no-space-after-colon",
    "chat/usage-without-choices",
    "done/clean-end",
    "done/connection-left-open",
    "done/event-after",
    "cancellation/between-events",
)
# What the naive client does in these is seen only by waiting for what does not come.
_AWAITED = ("chat/usage-without-choices", "done/connection-left-open", "cancellation/between-events")


def show_demo(recording: Path | None = None, screen: Screen | None = None) -> None:
    """Show the demo. Raises ``OrharnessError`` if the recording is missing, or does not show what it should."""
    screen = screen or Screen()
    started = time.monotonic()
    interaction = _recorded(recording or shipped(RECORDING))
    naive = Naive()
    thread = ServerThread().start()
    with ThreadPoolExecutor(len(_AWAITED)) as beside:
        try:
            awaited = {case: beside.submit(_judged, naive, thread, [case]) for case in _AWAITED}
            naive.answered.wait(1.0)  # before that it computes, which would show in the times of the replay
            _introduce(screen)
            with SseServer(thread, strict=False, pacing="lockstep") as server:
                _replay(screen, server, interaction)
                _cancel(screen, server, interaction)
            _bills(screen, thread)
            good = _judged(correct, thread, CHOSEN)
            at_once = {case: _judged(naive, thread, [case]) for case in CHOSEN if case not in awaited}
            found = {**at_once, **{case: judging.result() for case, judging in awaited.items()}}
            bad = [verdict for case in CHOSEN for verdict in found[case]]
            _compare(screen, good, bad)
        finally:
            beside.shutdown()
            naive.close()
            thread.stop()
    _finish(screen, time.monotonic() - started)


def _recorded(path: Path) -> Interaction:
    for interaction in load(path):
        if "event-stream" in (header(interaction.headers, "content-type") or ""):
            return interaction
    raise CassetteError(f"{path}: there is no event stream in this cassette")


def _introduce(screen: Screen) -> None:
    screen.line("orharness: the test bench for programs that read streamed answers", "bold")
    screen.say("A real answer of a small model, from a server on this machine. No network, no key.", "dim")


def _heading(screen: Screen, number: int, title: str, text: str) -> None:
    screen.line()
    screen.line(Text.assemble((f"{number}  {title}", "bold cyan")))
    screen.say(text, "dim", indent=3)
    screen.line()


# 1: replay


def _replay(screen: Screen, server: SseServer, interaction: Interaction) -> None:
    through, played = _shortened(interaction.stream)
    cut = _inside_a_character(interaction.stream)
    if cut is not None:
        through.append(split_at(cut))
        played += ", and one boundary more: inside a character"
    recorded = "" if interaction.recorded_at is None else f" on {interaction.recorded_at[:10]}"
    _heading(
        screen,
        1,
        "Replay: a recorded answer, chunk by chunk",
        f"Recorded{recorded} from llama.cpp with SmolLM2. Played {played}. This is what the client's reads returned:",
    )
    route = server.post("/chat/completions").stream(interaction.stream, through=through)
    seen = _client_reads(server.base_url, interaction.request.body)
    screen.lines(timeline(screen, seen, fold_at=_FOLD))
    screen.line()
    if not route.call.wait_finished():
        raise OrharnessError(f"the demo's client did not finish: {route.call!r}")
    _compare_streams(screen, compose(through)(interaction.stream), seen, route.call.exchange)
    server.reset()


def _shortened(stream: Stream) -> tuple[list[Transform], str]:
    """Return what makes the replay short enough for a demo, and a sentence about it."""
    first = stream.chunks[0].delay if stream.chunks else 0.0
    rest = stream.duration - first
    through: list[Transform] = []
    played = "at its own pace"
    if rest > _LONGEST:
        through.append(scale(_LONGEST / rest))
        played = f"{rest / _LONGEST:.1f} times as fast"
    if first > _FIRST:
        through.append(first_chunk(_FIRST))
        played += f", the first wait cut to {_FIRST:g} s"
    return through, played


def _inside_a_character(stream: Stream) -> int | None:
    """Return the offset after the first byte of the first character that has several."""
    return next((at + 1 for at, byte in enumerate(stream.body) if byte >= 0xC0), None)


def _client_reads(base_url: str, body: bytes) -> Stream:
    """Return a client's reads as a stream, timed from the response head."""
    connection, response = ask(base_url, body)
    try:
        return _as_stream(time.monotonic(), reads(response))
    finally:
        response.close()
        connection.close()


def _as_stream(head: float, found: Iterator[ClientRead]) -> Stream:
    chunks = []
    before = head
    for read in found:
        chunks.append(Chunk(read.data, read.at - before))
        before = read.at
    return Stream(tuple(chunks))


def _compare_streams(screen: Screen, sent: Stream, seen: Stream, exchange: Exchange) -> None:
    # Reading a large chunk may return less than all of it, but a read never crosses a boundary.
    if seen.body != sent.body or not set(sent.boundaries) <= set(seen.boundaries):
        raise OrharnessError(f"the replay is not what was recorded: sent {summary(sent)}; read {summary(seen)}")
    proven = exchange.boundaries.proven
    boundaries = count(len(sent.chunks), "boundary", "boundaries")
    how = (
        f"{proven:,} of {boundaries} proven by the kernel" if proven else f"{boundaries} assumed (Linux can prove them)"
    )
    pairs = zip(sent.chunks[1:], seen.chunks[1:], strict=False) if len(sent.chunks) == len(seen.chunks) else ()
    late = [abs(a.delay - b.delay) for a, b in pairs]
    screen.say(f"✓ {summary(sent)}: read exactly as sent, {how}", GOOD, indent=3)
    if late:
        told = (
            f"gaps differ from the plan by {1000 * median(late):.1f} ms at the median, {1000 * max(late):.1f} at most"
        )
        screen.say(f"✓ {told}", GOOD, indent=3)


# 2: cancel


def _cancel(screen: Screen, server: SseServer, interaction: Interaction) -> None:
    through, _ = _shortened(interaction.stream)
    _heading(
        screen,
        2,
        "Cancel: a client that leaves in the middle",
        f"It closes its connection after {_LEAVE_AFTER} pieces of text. Both sides on one clock:",
    )
    route = server.post("/chat/completions").stream(interaction.stream, through=through, pacing="recorded")
    client = _leave(server.base_url, _LEAVE_AFTER)
    route.call.wait_ended()
    exchange = route.call.exchange
    sent = ["  ".join(part.text for part in row.parts) for row in contents(compose(through)(interaction.stream))]
    show_lanes(screen, _on_the_clock_of(route, client), exchange, sent)
    if (unknown := cannot_be_known(exchange)) is not None:
        screen.say(unknown, NOTE, indent=2)
    else:
        route.call.assert_upstream_stopped()


def _leave(base_url: str, pieces: int) -> list[Moment]:
    client = [Moment(time.monotonic(), "asks")]
    stream = correct(base_url)
    client.extend(Moment(time.monotonic(), f'reads "{shown(text)}"') for text in islice(stream, pieces))
    client.append(Moment(time.monotonic(), "closes the connection", f"bold {BAD}"))
    stream.close()
    return client


def _on_the_clock_of(route: LiveRoute, client: Sequence[Moment]) -> list[Moment]:
    started = route.exchanges[0].started
    return [replace(moment, at=moment.at - started) for moment in client]


# 3: two bills


def _bills(screen: Screen, thread: ServerThread) -> None:
    _heading(
        screen,
        3,
        "The bill: the same stop button, two providers",
        f"Both make an answer of {_TOKENS} tokens, and both clients leave after {_LEAVE_AT}. The tokens made so far: █"
        f" sent to the client, ▒ made for nobody. ${1e6 * PRICE:g} a million tokens; who stops is known as of {AS_OF}.",
    )
    with ExitStack() as stack:
        servers = [stack.enter_context(SseServer(thread, strict=False, pacing="recorded")) for _ in (_STOPS, _GOES_ON)]
        routes = [_long_answer(*pair) for pair in zip(servers, (_STOPS, _GOES_ON), strict=True)]
        pool = stack.enter_context(ThreadPoolExecutor(len(servers)))
        clients = [pool.submit(_leave, server.base_url, _LEAVE_AT) for server in servers]
        looks = _look_until_all_is_billed([route.wait_call() for route in routes])
        lanes = [_lane(*each) for each in zip(routes, clients, looks, strict=True)]
    show_bills(screen, *lanes)
    _check_bills(*(lane.exchange for lane in lanes))


def _long_answer(server: SseServer, provider: str) -> LiveRoute:
    return server.chat(tokens=_TOKENS, delay=_A_TOKEN, provider=provider, model="smollm2")


def _look_until_all_is_billed(calls: Sequence[Call]) -> list[list[Look]]:
    looks: list[list[Look]] = [[] for _ in calls]
    due = time.monotonic()
    while not all(_is_billed(call.exchange) for call in calls):
        due += _LOOK
        time.sleep(max(0.0, due - time.monotonic()))
        for call, seen in zip(calls, looks, strict=True):
            exchange = call.exchange
            if exchange.bill is None:
                raise OrharnessError(f"the demo's answer has no bill: {call!r}")
            seen.append(Look(time.monotonic(), exchange.bill))
    return looks


def _is_billed(exchange: Exchange) -> bool:
    bill = exchange.bill
    return exchange.outcome is not None and bill is not None and bill.tokens_made >= bill.tokens_billed


def _lane(route: LiveRoute, client: Future[list[Moment]], looks: Sequence[Look]) -> BillLane:
    started = route.exchanges[0].started
    exchange = route.call.exchange
    title = f"{exchange.provider}: {'stops with its client' if exchange.provider_stops else 'goes on without it'}"
    timed = [replace(look, at=look.at - started) for look in looks]
    return BillLane(title, timed, client.result()[-1].at - started, exchange)


def _check_bills(stopped: Exchange, went_on: Exchange) -> None:
    if upstream_failure(stopped) is not None or upstream_failure(went_on) is None:
        raise OrharnessError(f"the bills are not as they should be: {stopped.bill}; {went_on.bill}")


# 4: judge


def _judged(client: Client, thread: ServerThread, cases: Sequence[str]) -> list[Verdict]:
    patience = _PATIENCE if isinstance(client, Naive) else PATIENCE
    return [verdict for case in cases for verdict in run(client, only=case, thread=thread, patience=patience)]


def _compare(screen: Screen, good: Sequence[Verdict], bad: Sequence[Verdict]) -> None:
    _heading(
        screen,
        4,
        "Judge: two clients, three claims",
        "One follows the standard. The other is the loop that documentation shows and everybody has written once."
        f" {len(CHOSEN)} of the {len(CASES)} cases:",
    )
    columns = [Column("   claim"), Column("correct"), Column("naive"), Column("what it means", flexible=True)]
    screen.lines(screen.grid(columns, [_claim_row(claim, good, bad) for claim in _MEANING]))
    screen.line()
    screen.say("What the naive client does wrong:", indent=3)
    for verdict in bad:
        if verdict.result is Result.FAIL:
            screen.line()
            screen.say(Text.assemble(("✗ ", BAD), (verdict.case, "bold"), f"  {verdict.title}"), indent=3)
            show_evidence(screen, verdict, indent=5)


_MEANING = {
    "parsing": "it reads every answer, however the bytes are cut",
    "done": "it stops at [DONE], also if the connection stays open",
    "cancellation": "its stop button really stops the model, and the bill",
}


def _claim_row(claim: str, good: Sequence[Verdict], bad: Sequence[Verdict]) -> Row:
    return [Text(f"   {claim}"), _score(claim, good), _score(claim, bad), Text(_MEANING[claim], "dim")]


def _score(claim: str, verdicts: Sequence[Verdict]) -> Text:
    judged = [one.result for one in verdicts if claim_of(one.family) == claim]
    passed = judged.count(Result.PASS)
    return Text(
        f"{'✓' if passed == len(judged) else '✗'} {passed} of {len(judged)}", GOOD if passed == len(judged) else BAD
    )


# The end


def _finish(screen: Screen, seconds: float) -> None:
    screen.line()
    screen.say(f"That took {seconds:.1f} s. Try next, and point your own client at the address it prints:", "dim")
    screen.line()
    screen.line("   orharness serve --text 'Grüße, 世界' --delay 0.1 --comment ': ONEROUTER PROCESSING'", "bold")
