"""Verdicts on what a client did: pure functions of what was expected, what it yielded and what the server saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from http.client import HTTPException
from itertools import pairwise
from typing import Any

from orharness.checks import cannot_be_known, progress, state, upstream_failure
from orharness.contract.catalogue.case import Cancel, Case, Pauses
from orharness.contract.driving.subject import ClientError, NotText, Trouble
from orharness.contract.judging.heard import Heard
from orharness.contract.judging.reasons import reason_of, reason_of_loops
from orharness.dialects import Refused
from orharness.dialects.conversation import NEW, Conversation
from orharness.gateways import ONEROUTER
from orharness.journal import Exchange
from orharness.parts import TITLES, Part, differs, folded
from orharness.verdict import Evidence, Expected, count, excerpt, shorten, spelled

NOTHING_EARLY = "the client yields nothing before the answer is complete: a stop button could stop nothing"
_NEARLY = 0.95  # of a pause: clocks are adjusted
_MANY = 4  # requests; two further ones may come at once
_LONGEST = 200  # characters of a text that are shown
MOST_REQUESTS = 10  # where a case sets no limit: SDKs try three times, and a few of them wrap one another


def judge_text(case: Case, heard: Heard, exchanges: Sequence[Exchange]) -> Evidence | None:
    """Return what is wrong with one run, ``None`` if nothing is; ``exchanges``: those of this run, at least one."""
    exchange = exchanges[-1]
    if (wrong := _wrong_request(case, exchange)) is not None:
        return wrong
    if (again := _sent_again(case, len(exchanges))) is not None:
        return _evidence(case, exchange, _requests(heard, exchanges), again, heard.text)
    if case.pauses is not None and (soon := _too_soon(case.pauses, exchanges)) is not None:
        return Evidence(in_words(case.expected), _when_asked(exchanges), soon)
    if not heard.ended:
        got = f"{_shown(heard.text)}, and it still waits {heard.waited:g} s after everything was sent"
        return _likely(case, exchange, got, reason_of(case, heard, len(exchanges)), heard.text)
    if not any(_fits(one, heard) for one in (case.expected, *case.also)):
        return _likely(case, exchange, _got(heard), reason_of(case, heard, len(exchanges)), heard.text)
    return None


AN_AGENT = (
    "the client is an agent: it goes on with the conversation by itself after this answer,"
    " so what it makes of the answer alone is not seen"
)


def goes_on(case: Case, exchanges: Sequence[Exchange]) -> bool:
    """Return whether a later request of a run is the next step of its conversation, and not the first one again."""
    first, *others = (_conversation(case, one) for one in exchanges)
    return any(one is not None and one not in (first, NEW) for one in others)


def _conversation(case: Case, exchange: Exchange) -> Conversation | None:
    try:
        return case.dialect.asked(exchange.request, ONEROUTER).conversation
    except Refused:
        return None


def _sent_again(case: Case, requests: int) -> str | None:
    """Return what is wrong with the number of requests. This is checked first: other faults may follow from it."""
    if case.requests is not None and requests > case.requests:
        return "the request was silently sent again"
    return "the request is sent again and again, without an end" if requests > MOST_REQUESTS else None


def _too_soon(pauses: Pauses, exchanges: Sequence[Exchange]) -> str | None:
    """Return what is wrong with the pauses between requests. They are longer on a busy machine, and never shorter."""
    gaps = _gaps(exchanges)
    if gaps and min(gaps) < _NEARLY * pauses.each:
        return f"it asks again after {min(gaps):.2f} s, and was told to wait for {pauses.each:g} s (Retry-After)"
    if len(exchanges) >= _MANY and max(gaps) < pauses.longest:
        return _hammers(gaps)
    return None


def perhaps_too_soon(case: Case, exchanges: Sequence[Exchange], starved: float) -> Evidence | None:
    """Return what is wrong with the pauses unless the client made them, which cannot be known.

    ``starved``: the seconds of the run for which the client, or the server, was ready to run and had no core. ``None``
    where they are shorter than the longest pause, so the client made that.
    """
    if case.pauses is None or not case.pauses.longest or len(exchanges) < _MANY:
        return None
    gaps = _gaps(exchanges)
    if max(gaps) - starved >= case.pauses.longest:
        return None
    return Evidence(in_words(case.expected), _when_asked(exchanges), _hammers(gaps))


def _gaps(exchanges: Sequence[Exchange]) -> list[float]:
    """Return the seconds from each request to the next."""
    asked = [datetime.fromisoformat(one.started_at).timestamp() for one in exchanges]
    return [later - earlier for earlier, later in pairwise(asked)]


def _hammers(gaps: Sequence[float]) -> str:
    return f"it asks again and again without a pause: {len(gaps) + 1} requests in {sum(gaps):.2f} s"


def _when_asked(exchanges: Sequence[Exchange]) -> str:
    """Return when each request came, in seconds after the first one."""
    first, *others = (datetime.fromisoformat(one.started_at) for one in exchanges)
    after = ", ".join(f"{(one - first).total_seconds():.2f} s" for one in others)
    return f"{count(len(exchanges), 'request')}, the further ones after {after}"


def _requests(heard: Heard, exchanges: Sequence[Exchange]) -> str:
    """Return how many requests a run has sent, when the last one came, and what it made of the answers."""
    first, last = (datetime.fromisoformat(one.started_at) for one in (exchanges[0], exchanges[-1]))
    gap = (last - first).total_seconds()
    return f"{len(exchanges)} requests in {gap:.1f} s, each of them billed; its text is {_shown(heard.text)}"


def in_trouble(case: Case, trouble: Trouble, exchange: Exchange | None) -> Evidence:
    """Return that the client could not be driven; ``exchange``: the one that was open, if any."""
    if exchange is None:
        return Evidence(in_words(case.expected), trouble.got, str(trouble))
    return _evidence(case, exchange, trouble.got, str(trouble))


def _fits(expected: Expected, heard: Heard) -> bool:
    text = expected.text is None or expected.text == heard.text
    error = expected.error is None or expected.error == (heard.error is not None)
    return text and error and not wrong_parts(expected, heard)


def wrong_parts(expected: Expected, heard: Heard) -> list[str]:
    """Return the kinds of parts that the client reports differently from what was sent, omits, or makes up."""
    wanted, got = folded(expected.parts), folded(heard.parts)
    wrong = [kind for kind, value in wanted.items() if kind not in got or differs(kind, value, got[kind])]
    return wrong + [kind for kind in expected.unsaid if kind in got]


def makes_the_mistake(case: Case, heard: Heard, kinds: Sequence[str]) -> bool:
    """Return whether what the client reports of these kinds is what the mistake that the case names makes of it."""
    got = folded(heard.parts)
    mistakes = [folded(one) for one in case.mistaken]
    return not mistakes or any(all(_alike(kind, one, got) for kind in kinds) for one in mistakes)


def _alike(kind: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    if kind in one and kind in other:
        return not differs(kind, one[kind], other[kind])
    return (kind in one) is (kind in other)


def _wrong_request(case: Case, exchange: Exchange) -> Evidence | None:
    if (refused := refusal(case, exchange)) is not None:
        return refused
    if not case.dialect.asked(exchange.request, ONEROUTER).stream:
        got = shorten(exchange.request.text, _LONGEST)
        return Evidence('a request with "stream": true', got, "the client did not ask for a stream")
    if case.wrong_request is not None and (wrong := case.wrong_request(exchange.request)) is not None:
        return Evidence(case.title, wrong, wrong)
    return None


def refusal(case: Case, exchange: Exchange) -> Evidence | None:
    """Return why the API refuses a request, ``None`` if it takes it."""
    try:
        case.dialect.asked(exchange.request, ONEROUTER)
    except Refused as refused:
        got = shorten(exchange.request.text, _LONGEST)
        return Evidence("a request that the API takes", got, f"the API refuses the request: {refused}")
    return None


def in_words(expected: Expected) -> str:
    """Return what is expected, as a report says it."""
    text = "any text" if expected.text is None else _shown(expected.text)
    text = text if expected.error is not True else f"{text}, and then an error that its user sees"
    nothing = "".join(f"\nnothing of {TITLES.get(kind, kind)}" for kind in expected.unsaid)
    return f"{text}{_and_parts(expected.parts)}{nothing}"


def _and_parts(parts: Sequence[Part]) -> str:
    return "".join(f"\n{TITLES.get(kind, kind)}: {value!r}" for kind, value in folded(parts).items())


def _got(heard: Heard) -> str:
    if heard.error is None:
        return f"{_shown(heard.text)}{shorten(_and_parts(heard.parts), _LONGEST)}"
    error = _error(heard.error)
    return f"{_shown(heard.text)}, and then {error}" if heard.text else error


def _error(error: BaseException) -> str:
    told = shorten(spelled(error), _LONGEST)
    return f"{told}\nits stderr: {error.said}" if isinstance(error, ClientError) and error.said else told


def _shown(text: str) -> str:
    return repr(shorten(text, _LONGEST))


def judge_cancel(cancel: Cancel, exchange: Exchange, said: str | None, why: str | None = None) -> Evidence | None:
    """Return what is wrong with a cancel.

    ``said``: why the leaving was not seen, ``None`` if it came in time. ``why``: why the client stays, if known.
    """
    if said is not None:
        return _leak(cancel, exchange, said, why)
    if cancel.stops and (failure := upstream_failure(exchange)) is not None:
        return _leak(cancel, exchange, str(failure).splitlines()[0])
    return None if cancel.stops else _unbilled(exchange)


def _unbilled(exchange: Exchange) -> Evidence | None:
    """Return what is wrong with a bill that must be for the whole answer, since the provider does not stop."""
    bill = exchange.bill
    if bill is not None and bill.cancelled and bill.tokens_billed == exchange.tokens_total:
        return None
    expected = f"a cancel, and a bill of all {exchange.tokens_total or 0:,} tokens"
    got = "no bill" if bill is None else f"{bill.tokens_billed:,} tokens billed; {state(exchange)}"
    return Evidence(expected, got, f"{exchange.provider} does not stop with its client: it makes and bills the rest")


def not_known(exchange: Exchange) -> str:
    """Return why nothing can be said of a cancel, empty where something can: what was read cannot be known."""
    return cannot_be_known(exchange) or ""


def was_over(exchange: Exchange) -> bool:
    """Return whether the client was seen to take the answer to its end marker."""
    return exchange.end is not None and exchange.bytes_read is not None and exchange.bytes_read >= exchange.end


def did_not_get_there(cancel: Cancel, heard: Heard) -> Evidence:
    """Return that the client had ended, or yielded nothing, when it was to be cancelled."""
    got = spelled(heard.error) if heard.error is not None else f"{_shown(heard.text)} when it was to be cancelled"
    reason = "it raised before it could be cancelled"
    if isinstance(heard.error, NotText):
        reason = str(heard.error)
    elif heard.error is None:
        reason = NOTHING_EARLY
    expected = f"{cancel.after} pieces of text while the stream is open"
    return Evidence(expected, got, reason, likely=True)


def _leak(cancel: Cancel, exchange: Exchange, said: str, why: str | None = None) -> Evidence:
    silent = ": it waits for bytes that do not come" if cancel.silent else ""
    closes = f"closing the client does not close its connection{silent}; the model goes on, and is billed:"
    return Evidence(
        "the connection is closed at once, and the rest of the answer is never made",
        f"{said}\n{state(exchange)}; {progress(exchange)}",
        f"{why}; the model goes on, and is billed"
        if why is not None
        else f"{closes} close the response with `with`, or in a `finally`",
    )


def nothing_sent(
    path: str,
    error: BaseException | None,
    others: Sequence[Exchange] = (),
    *,
    waited: float | None = None,
    late: int = 0,
    text: str = "",
) -> Evidence:
    """Return what is wrong where no request to the path came; ``others``: what came instead.

    ``waited``: seconds that a client which has not ended was waited for; ``None`` if it has ended. ``late``: how many
    requests came to the base URLs of earlier runs meanwhile. ``text``: what the client said all the same.
    """
    nothing = f"nothing, and the text {_shown(text)}" if text else "nothing"
    wanted, got, ended = f"POST …{path}", nothing if error is None else _error(error), waited is None
    if others:
        asked = ", ".join(dict.fromkeys(f"{one.request.method} {one.request.path}" for one in others))
        doubled = any("/v1/v1/" in one.request.path for one in others)
        cure = ": the base_url ends in /v1 already" if doubled else ""
        return Evidence(wanted, f"{asked}\n{got}", f"the client asks for something else{cure}")
    said = f": it says {_shown(text)} without one" if text else ""
    never = f"the client never sent a request to the base_url it was given{said}"
    if waited is not None:
        never = f"the client sent no request to the base_url it was given within {waited:.3g} s, and still runs"
    if isinstance(error, ConnectionError | HTTPException) and not said:
        never = f"no request came to the base_url that it was given: it raised {shorten(spelled(error), _LONGEST)}"
    if late:
        never += (
            f"; {count(late, 'request')} came to the base_url of an earlier run: too late,"
            " or because the client keeps the first base_url, and every run has its own"
        )
    reason = reason_of_loops(error) or never
    if isinstance(error, ClientError):
        return Evidence(wanted, got, f"it ended before it sent a request: {error}", unsent=ended)
    if isinstance(error, NotText):
        reason += f": {error}"
    elif isinstance(error, TypeError):
        reason += ": a client is called with one argument, the base_url, and returns an iterator of text"
    return Evidence(wanted, got, reason, unsent=ended and not late, mute=not ended)


def _evidence(case: Case, exchange: Exchange, got: str, reason: str, text: str = "") -> Evidence:
    cuts = exchange.boundaries_at[:-1]
    at = _telling(case, exchange, text)
    return Evidence(in_words(case.expected), got, reason, excerpt(exchange.body, at), exchange.body, cuts, at)


def _likely(case: Case, exchange: Exchange, got: str, reason: str, text: str) -> Evidence:
    return replace(_evidence(case, exchange, got, reason, text), likely=True)


def _telling(case: Case, exchange: Exchange, got: str) -> int:
    """Return the body offset to show.

    The end marker; or the most severe boundary (inside a character, else inside an event); or, if no boundary can be
    at fault, the place of the missing text.
    """
    body, boundaries = exchange.body, exchange.boundaries_at[:-1]
    if case.family == "done" and exchange.end is not None:
        return exchange.end
    inside = [at for at in boundaries if body[at] & 0xC0 == 0x80]
    within = [at for at in boundaries if not body[:at].endswith(b"\n\n")]
    return next(iter([*inside, *within, *boundaries]), _missing_at(body, case.expected.text or "", got))


def _missing_at(body: bytes, expected: str, got: str) -> int:
    """Return the offset of the first text that differs from what was expected; the body's end if not found."""
    same = next((at for at, (a, b) in enumerate(zip(expected, got, strict=False)) if a != b), len(got))
    for length in (8, 4, 2, 1):
        wanted = expected[same : same + length].encode("utf-8", "replace")
        if wanted and (at := body.find(wanted)) >= 0:
            return at
    return len(body)
