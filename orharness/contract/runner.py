"""Running the catalogue against a client, one case after the other, on a server that sees all of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from time import monotonic, sleep

from orharness.checks import progress, state
from orharness.contract.cases import CANCELLATION, CASES, CLAIMS, DONE, Case
from orharness.contract.clients import Client, NotText, Session
from orharness.errors import ClientFailure, ScenarioError
from orharness.journal import Exchange
from orharness.server.facade import SseServer
from orharness.server.handles import LiveRoute
from orharness.server.thread import ServerThread
from orharness.verdict import Evidence, Result, Verdict, aligned, excerpt, shorten

PATIENCE = 1.0  # seconds that a client has for what it should do at once; a fail is confirmed with four times as many


def run(
    client: Client,
    *,
    claims: Iterable[str] = CLAIMS,
    only: str | None = None,
    thread: ServerThread | None = None,
    patience: float = PATIENCE,
) -> list[Verdict]:
    """One verdict for each case of the claims. ``only``: cases whose id contains this.

    A fail is confirmed by a second, more patient run before it is told. Raises ``ScenarioError`` for a claim that does
    not exist, or if no case is left.
    """
    wanted = set(claims)
    if unknown := wanted - set(CLAIMS):
        raise ScenarioError(f"the claims are {', '.join(CLAIMS)}; not {', '.join(sorted(unknown))}")
    chosen = [case for case in CASES if case.claim in wanted and (only is None or only in case.id)]
    if not chosen:
        raise ScenarioError(f"no case of {', '.join(sorted(wanted))} has {only!r} in its id")
    with SseServer(thread, strict=False) as server:
        return [_confirmed(server, client, case, patience) for case in chosen]


def failure_of(verdicts: Sequence[Verdict]) -> ClientFailure | None:
    """The failed verdicts as one failure that shows them all; ``None`` where none failed."""
    failed = [verdict for verdict in verdicts if verdict.result is Result.FAIL]
    if not failed:
        return None
    by_reason: dict[str, list[Verdict]] = {}
    for verdict in failed:
        by_reason.setdefault(verdict.evidence.reason if verdict.evidence else "", []).append(verdict)
    texts = "\n\n".join(_explain_alike(alike) for alike in by_reason.values())
    return ClientFailure(f"the client fails {len(failed)} of {len(verdicts)} cases\n\n{texts}")


def _explain_alike(verdicts: list[Verdict]) -> str:
    """The first of the verdicts with one reason; the others are only named."""
    text = explain(verdicts[0])
    others = ", ".join(verdict.case for verdict in verdicts[1:])
    return f"{text}\n  and for the same reason: {others}" if others else text


def explain(verdict: Verdict) -> str:
    """A verdict in words, with its evidence."""
    rows: list[tuple[str, str]] = []
    if verdict.evidence is not None:
        evidence = verdict.evidence
        rows = [("expected", evidence.expected), ("got", evidence.got)]
        rows += [("bytes", evidence.excerpt)] if evidence.excerpt else []
        rows += [("reason", evidence.reason)]
    tried = f"{verdict.boundaries_proven} of {verdict.boundaries_tried} boundaries proven"
    return f"{verdict.case}  {verdict.title}\n{aligned([*rows, ('chunks', tried)])}"


def _confirmed(server: SseServer, client: Client, case: Case, patience: float) -> Verdict:
    verdict = _judge(server, client, case, patience)
    return _judge(server, client, case, 4 * patience) if verdict.result is Result.FAIL else verdict


def _judge(server: SseServer, client: Client, case: Case, patience: float) -> Verdict:
    server.reset()
    route = server.post("/chat/completions").replies(case.reply())
    stop_after = case.leave_after if case.claim == CANCELLATION else None
    session = Session(client, server.base_url, stop_after, inside_read=case.inside_read)
    try:
        judge = _judge_cancel if case.claim == CANCELLATION else _judge_text
        return judge(case, session, route, patience)
    finally:
        session.close()
        server.reset()  # ends its connection, so that a client which still waits is let go
        session.join(patience)


def _judge_text(case: Case, session: Session, route: LiveRoute, patience: float) -> Verdict:
    ended = _wait_for_end(session, route, patience)
    exchanges = [call.exchange for call in route.calls]
    if not exchanges:
        return _verdict(case, None, _nothing_sent(session))
    exchange = exchanges[-1]
    evidence: Evidence | None = None
    if not _asks_for_a_stream(exchange):
        got = shorten(exchange.request.text, 200)
        evidence = Evidence('a request with "stream": true', got, "the client did not ask for a stream")
    elif session.error is not None:
        reason = _reason(case, session.text, session.error)
        evidence = _evidence(case, exchange, repr(session.error), reason)
    elif not ended:
        got = f"{shorten(session.text)!r}, and it still waits {patience:g} s after everything was sent"
        evidence = _evidence(case, exchange, got, "[DONE] is not obeyed: the loop around the lines goes on reading")
    elif session.text != case.text:
        evidence = _evidence(case, exchange, repr(session.text), _reason(case, session.text, None))
    elif len(exchanges) > 1:
        evidence = _evidence(case, exchange, f"{len(exchanges)} requests", "the request was silently sent again")
    return _verdict(case, exchange, evidence)


def _wait_for_end(session: Session, route: LiveRoute, patience: float) -> bool:
    """Patience runs while nothing happens: a client that still takes bytes is slow, not stuck."""
    seen: object = None
    deadline = monotonic() + patience
    while not session.ended.wait(min(0.05, patience)):
        now = (len(session.pieces), [call.exchange.bytes_read for call in route.calls])
        if now != seen:
            seen, deadline = now, monotonic() + patience
        elif monotonic() > deadline:
            return False
    return True


def _judge_cancel(case: Case, session: Session, route: LiveRoute, patience: float) -> Verdict:
    there = session.paused.wait(4 * patience) and not session.ended.is_set()
    if not route.calls:
        return _verdict(case, None, _nothing_sent(session))
    before = route.calls[-1].exchange
    if not there:
        return _verdict(case, before, _did_not_get_there(case, session))
    if case.inside_read and not session.is_async:
        return Verdict(case.id, case.title, Result.NOT_APPLICABLE)
    if case.silent:
        _wait_for_silence(route, 4 * patience)
    try:
        with route.expect_disconnect(within=patience):
            session.close()
    except ClientFailure as failure:
        exchange = route.calls[-1].exchange
        if _was_over(before):
            return _verdict(case, exchange, _did_not_get_there(case, session))
        return _verdict(case, exchange, _leak(case, exchange, str(failure).splitlines()[0]))
    return _verdict(case, route.calls[-1].exchange, None)


def _was_over(exchange: Exchange) -> bool:
    """Whether the client had taken the answer to its end marker."""
    taken = exchange.bytes_written if exchange.bytes_read is None else exchange.bytes_read
    return exchange.end is not None and taken >= exchange.end


def _wait_for_silence(route: LiveRoute, patience: float) -> None:
    """Until the stream stands at its gate with all before it read: otherwise the next event could wake the client."""
    deadline = monotonic() + patience
    while monotonic() < deadline and not any(call.exchange.held_at is not None for call in route.calls):
        sleep(0.002)


def _did_not_get_there(case: Case, session: Session) -> Evidence:
    got = (
        repr(session.error) if session.error is not None else f"{len(session.pieces)} pieces: {shorten(session.text)!r}"
    )
    reason = (
        "the client yields nothing before the answer is complete: a stop button could stop nothing"
        if session.error is None
        else "it raised before it could be cancelled"
    )
    return Evidence(f"{case.leave_after} pieces of text while the stream is open", got, reason)


def _leak(case: Case, exchange: Exchange, said: str) -> Evidence:
    silent = ": it waits for bytes that do not come" if case.silent else ""
    return Evidence(
        "the connection is closed at once, and the rest of the answer is never made",
        f"{said}\n{state(exchange)}; {progress(exchange)}",
        f"closing the client does not close its connection{silent}; the model goes on, and is billed:"
        " close the response with `with`, or in a `finally`",
    )


def _asks_for_a_stream(exchange: Exchange) -> bool:
    body = exchange.request.json
    return isinstance(body, dict) and body.get("stream") is True


def _nothing_sent(session: Session) -> Evidence:
    got = "nothing" if session.error is None else repr(session.error)
    reason = "the client never sent a request to the base_url it was given"
    if isinstance(session.error, TypeError):
        reason += ": a client is called with one argument, the base_url, and returns an iterator of text"
    return Evidence("POST …/chat/completions", got, reason)


def _evidence(case: Case, exchange: Exchange, got: str, reason: str) -> Evidence:
    return Evidence(repr(case.text), got, reason, _excerpt(case, exchange))


def _excerpt(case: Case, exchange: Exchange) -> str:
    """The bytes at the end marker, or at the boundary that hurts most: inside a character, else inside an event."""
    body, boundaries = exchange.body, exchange.boundaries_at
    if case.claim == DONE and exchange.end is not None:
        return excerpt(body, exchange.end)
    inside = [at for at in boundaries if at < len(body) and body[at] & 0xC0 == 0x80]
    within = [at for at in boundaries if not body[:at].endswith(b"\n\n")]
    chosen = next(iter([*inside, *within, *boundaries]), len(body))
    return excerpt(body, chosen)


def _verdict(case: Case, exchange: Exchange | None, evidence: Evidence | None) -> Verdict:
    proven = 0 if exchange is None else exchange.boundaries.proven
    tried = 0 if exchange is None else exchange.boundaries.proven + exchange.boundaries.assumed
    return Verdict(case.id, case.title, Result.FAIL if evidence else Result.PASS, evidence, tried, proven)


def _reason(case: Case, got: str, error: BaseException | None) -> str:
    """The likely cause in one sentence, told by what the text looks like."""
    expected = case.text
    if isinstance(error, ValueError) and case.broken_json is not None and not isinstance(error, UnicodeError):
        return case.broken_json
    if error is not None:
        return _reason_of(error)
    with suppress(UnicodeError):
        if got == expected.encode().decode("latin-1"):
            return "UTF-8 is read as Latin-1: the content type names no charset, and an event stream is always UTF-8"
    if "\ufffd" in got:
        return "bytes are decoded chunk by chunk: a character that a boundary cuts is lost"
    if case.cause is not None:
        return case.cause
    if got.startswith(expected):
        return "it goes on behind [DONE]"
    if "PROCESSING" in got:
        return "a comment is taken for text"
    if expected.startswith(got):
        return "the end of the text is missing: an event that a boundary cuts is dropped, or it stopped too early"
    return "text is lost or changed: an event that a boundary cuts is dropped or read in pieces"


def _reason_of(error: BaseException) -> str:
    match error:
        case NotText():
            return str(error)
        case UnicodeDecodeError():
            return "bytes are decoded chunk by chunk: a character that a boundary cuts cannot be decoded"
        case IndexError():
            return "it takes the first of an empty list: a usage chunk has no choices"
        case ValueError():
            return "something that is no JSON is given to the JSON parser: a comment, or a part of an event"
        case TypeError():
            return "null as content is taken for text"
        case asyncio.TimeoutError():
            return "it timed out"
    return "it raised"
