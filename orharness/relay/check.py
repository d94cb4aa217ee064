"""Running the cases against a relay, as its upstream and as its browser.

The judging is in ``judge`` (what comes out), ``whole`` (whole chunks) and ``asking`` (what the upstream sees).

A relay gets one upstream address when it starts, so its cases share one. A request belongs to the case whose turn it
is, but one that no browser asked for (such as a retry after a cancel) may come in the turn of a later case. So a
verdict is reported some time after its case, while the next cases run, and for a relay that never asks again there is
one wait, at the end. If such a request does come, each case that may have caused it runs again, and the next one begins
when the upstream is quiet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from time import monotonic, sleep
from typing import Any

from orharness.dialects import DIALECTS, Dialect
from orharness.errors import ClientFailure, ScenarioError
from orharness.journal import Exchange, Outcome, Request
from orharness.relay import asking, promptly, texts
from orharness.relay.browser import RelayClient
from orharness.relay.cases import CASES, LONGEST, BrowserAct, RelayCase
from orharness.relay.reasons import RelayKind, kind_of
from orharness.relay.seen import Buffering, Leaving, Seen
from orharness.relay.views import says
from orharness.scenario import Reply, Route
from orharness.server.facade import SseServer
from orharness.server.handles import Call, LiveRoute
from orharness.verdict import Evidence, Result, Verdict, did_you_mean, with_parts

PATIENCE = 2.0  # seconds that a relay has for what it should do at once
_TRIES_AGAIN = 5  # times the patience: clients retry, with pauses of seconds, before they report an error
_GLANCE = 0.25  # times the patience: for what has failed already, when only evidence is missing
_LOOK = 0.005  # seconds between two looks
_ALL = 1_000  # gates, more than any stream has
_ASKED = "fidelity/asks"
_DIRECT = "/_without_the_relay"  # the path of an answer that no relay asks for
# Seconds after a case in which requests without a browser's are watched for. The wait at the end of a check is a
# little longer than the OpenAI SDKs wait before their first retry (0.5 s at most). The longer time is for cases that
# others follow, where watching costs no time, and for a relay that was seen to ask again.
_WATCH = 0.6
_WATCH_LONG = 2.0
_WATCH_LIMIT = _WATCH_LONG + LONGEST + 2 * _WATCH  # seconds, for a relay that asks again and again


def check(
    url: str,
    json: Any = None,
    *,
    server: SseServer,
    method: str = "POST",
    headers: Mapping[str, str] | None = None,
    patience: float = PATIENCE,
    only: str | Sequence[str] | None = None,
    on_verdict: Callable[[Verdict], None] = lambda verdict: None,
) -> list[Verdict]:
    """Return a verdict for each case, on the relay at ``url`` whose upstream is ``server``.

    ``json``, ``method``, ``headers``: the request that the browser sends. ``patience``: seconds that the relay has for
    what it should do at once. ``only``: cases whose id contains one of these. ``on_verdict`` gets each verdict
    once it is certain. The server is reset before and after. If the relay never asks it, that is the only verdict.
    Raises ``ScenarioError`` if the relay cannot be reached, and for a part in ``only`` that is in no case's id.
    """
    cases = chosen(only)
    runs = _Runs(server, lambda: RelayClient(url, json, method=method, headers=headers, timeout=patience), patience)
    verdicts = _Verdicts(runs, on_verdict)
    server.reset()
    try:
        first = verdicts.tell(_asks(), runs.of(CASES[0]).seen)
        if first.result is not Result.FAIL:
            for case in cases:
                verdicts.run(case)
            verdicts.finish()
    finally:
        server.reset()
    return verdicts.found


def chosen(only: str | Sequence[str] | None) -> list[RelayCase]:
    """Return the cases whose id contains one of these parts. Raises ``ScenarioError`` for a part in no case's id."""
    if only is None:
        return list(CASES)
    parts = [only] if isinstance(only, str) else only
    ids = [case.id for case in CASES]
    if not parts:
        raise ScenarioError(f"only= names no case: leave it out for all of them, {', '.join(ids)}")
    if unknown := [part for part in parts if not part or not any(part in one for one in ids)]:
        named, hint = " or ".join(map(repr, unknown)), did_you_mean(unknown, with_parts(ids))
        raise ScenarioError(f"no case is named {named}: {', '.join(ids)}{hint}")
    return [case for case in CASES if any(part in case.id for part in parts)]


def _asks() -> RelayCase:
    return replace(CASES[0], id=_ASKED, title="The backend asks this upstream for a stream.", judges=(asking.asked,))


def verdict_of(case: RelayCase, seen: Seen) -> Verdict:
    title = case.title + asking.measured(seen)
    if case.id != _ASKED and (why := asking.answers_itself(seen)) is not None:
        return Verdict(case.id, title, Result.NOT_APPLICABLE, level=case.level, note=why)
    for one in case.judges:
        found = (None if one is asking.asked else texts.unreadable(seen)) or one(seen)
        if isinstance(found, Evidence):
            return Verdict(case.id, title, Result.FAIL, asking.counted(found, seen), level=case.level)
        if isinstance(found, str):
            return Verdict(case.id, title, Result.NOT_APPLICABLE, level=case.level, note=found)
    return Verdict(case.id, title, Result.PASS, level=case.level)


@dataclass(frozen=True)
class _Run:
    """A finished run of a case: its route, and what was seen by then."""

    case: RelayCase
    route: LiveRoute
    over_at: float
    at_its_end: Seen

    @property
    def seen(self) -> Seen:
        """Return what has been seen of it so far, including requests that came after it was over."""
        if len(self.route.exchanges) == len(self.at_its_end.exchanges):
            return self.at_its_end
        return replace(self.at_its_end, exchanges=tuple(call.exchange for call in self.route.calls))

    @property
    def asked_again(self) -> bool:
        """Whether a request came that no browser asked for and that is billed."""
        return bool(asking.asked_again(self.seen, billed=True))


@dataclass
class _Verdicts:
    """The verdicts on cases that run one after the other, each reported once all effects of its case are certain."""

    runs: _Runs
    on_verdict: Callable[[Verdict], None]
    found: list[Verdict] = field(default_factory=list)
    undecided: list[_Run] = field(default_factory=list)
    asks_again: bool = False

    def run(self, case: RelayCase) -> None:
        """Run the case, and report the cases before it that are certain now."""
        if self.asks_again:
            self._tell_of(self.runs.apart([case]))
            return
        self.undecided.append(self.runs.of(case))
        self._decide()

    def finish(self) -> None:
        """Watch for effects of the last cases, and report all that remain."""
        if self.undecided:
            self.runs.watch(self.undecided[-1])
            self._decide()
            self._tell_of(self.undecided)

    def tell(self, case: RelayCase, seen: Seen) -> Verdict:
        """Return one verdict."""
        verdict = verdict_of(case, seen)
        self.found.append(verdict)
        self.on_verdict(verdict)
        return verdict

    def _decide(self) -> None:
        over_before = monotonic() - _WATCH_LONG  # taken before looking: what comes meanwhile is seen the next time
        if any(run.asked_again for run in self.undecided):
            self._run_again()
        while self.undecided and self.undecided[0].over_at <= over_before:
            self._tell_of([self.undecided.pop(0)])

    def _run_again(self) -> None:
        """Run again those that read to the end, then those that leave: asking again is mostly caused by a leaving."""
        undecided, self.undecided = self.undecided, []
        self.runs.wait_quiet(undecided[-1:])
        for _, group in groupby(undecided, lambda run: run.case.act is BrowserAct.LEAVE):
            again = self.runs.apart([run.case for run in group])
            self.asks_again = self.asks_again or any(run.asked_again for run in again)
            self._tell_of(again)

    def _tell_of(self, runs: Sequence[_Run]) -> None:
        for run in runs:
            self.tell(run.case, run.seen)


@dataclass
class _Runs:
    """Runs of cases on one server."""

    server: SseServer
    browser: Callable[[], RelayClient]
    patience: float
    kind: RelayKind | None = None  # what the relay is, according to the last response that said
    upstream: Dialect | None = None  # the API in which the relay asks, once it has
    turn: int = 0  # the number of the case that requests belong to

    def apart(self, cases: Sequence[RelayCase]) -> list[_Run]:
        """Run these cases and wait for a quiet upstream: after all, or after each if one makes the relay ask again."""
        runs: list[_Run] = []
        for case in cases:
            runs.append(self.of(case))
            if any(run.asked_again for run in runs):
                break
        self.wait_quiet(runs)
        if len(cases) == 1 or not any(run.asked_again for run in runs):
            return runs
        return [run for case in cases for run in self.apart([case])]

    def watch(self, last: _Run) -> None:
        """Watch for a short while for a request that no browser asked for."""
        self._wait(lambda: last.asked_again, last.over_at + _WATCH - monotonic())

    def wait_quiet(self, runs: Sequence[_Run]) -> None:
        """Wait until nothing is open upstream and nothing new has come for a while, at most ``_WATCH_LIMIT`` s."""
        route = runs[-1].route  # every request that comes now is one of its calls
        deadline = monotonic() + _WATCH_LIMIT
        number, quiet_since = len(route.calls), monotonic()
        while monotonic() < deadline:
            calls = route.calls
            if len(calls) != number or any(call.outcome is None for call in calls):
                number, quiet_since = len(calls), monotonic()
            known = any(asking.asked_again(run.seen) for run in runs)  # then only requests like it are awaited
            if monotonic() - quiet_since > (_WATCH if known else _WATCH_LONG):
                return
            sleep(_LOOK)

    def of(self, case: RelayCase) -> _Run:
        """Run the case: return what is seen while the browser does what the case says."""
        before = len(self.server.calls)
        route = self._mount(case)
        seen = Seen(self.server.base_url, patience=self.patience)
        act = {
            BrowserAct.READ: self._read,
            BrowserAct.STEP: self._step,
            BrowserAct.TIME: self._time,
            BrowserAct.LEAVE: self._leave,
            BrowserAct.SEVERAL: self._several,
        }[case.act]
        with self.browser() as browser:
            try:
                seen = act(case, route, browser, seen)
            except ClientFailure as failure:
                several = (b"",) * (1 + len(case.others)) if case.others else ()
                seen = replace(seen, problem=str(failure), several=several)
            finally:
                route.release(_ALL)
            if browser.begun:
                content_type = browser.headers.get("content-type", "")
                self.kind = kind_of(browser.headers) or self.kind
                seen = replace(seen, status=browser.status, content_type=content_type, headers=browser.headers)
            seen = replace(seen, content=browser.received, ended=browser.ended, kind=self.kind)
        unmatched = [one.exchange for one in self.server.calls_from(before) if one.outcome is Outcome.UNMATCHED]
        seen = replace(seen, exchanges=self._ended(case, route.calls), unmatched=tuple(unmatched))
        if seen.exchanges:
            self.upstream = DIALECTS.at(seen.exchanges[-1].request.path) or self.upstream
        return _Run(case, route, monotonic(), seen)

    def _mount(self, case: RelayCase) -> LiveRoute:
        """Mount its route until the next case's turn: afterwards it takes no request of another case."""
        self.turn = turn = self.turn + 1

        def its_turn(request: Request, *, streamed: bool) -> bool:
            return self.turn == turn and (not case.others or asking.wants_stream(request) is streamed)

        def mounted(*replies: Reply, streamed: bool) -> LiveRoute:
            route = Route("POST", None, replies, when=partial(its_turn, streamed=streamed))
            return self.server.mount(route, strict=False)

        def made(reply: Callable[[Dialect], Reply]) -> Reply:
            """The relay may ask in any API; that of its last request is the one in which it is answered."""
            return reply(self.upstream) if self.upstream else replace(reply(DIALECTS.default), dialect=None)

        if case.others:  # each of them is for one browser; what else the relay asks must not take one
            mounted(made(CASES[0].reply), streamed=False)
        return mounted(made(case.reply), *map(made, case.others), streamed=True)

    def _read(self, case: RelayCase, route: LiveRoute, browser: RelayClient, seen: Seen) -> Seen:
        self._read_to_end(browser, self.patience * _TRIES_AGAIN)
        return seen

    def _read_to_end(self, browser: RelayClient, patience: float) -> None:
        """Read to the end; patience counts while nothing comes, since a slow relay is not stuck."""
        while browser.ended is None:
            size = len(browser.received)
            if not browser.read_while(lambda size=size: len(browser.received) == size, patience):  # type: ignore[misc]
                return

    def _several(self, case: RelayCase, route: LiveRoute, browser: RelayClient, seen: Seen) -> Seen:
        """Ask with several browsers; the answers are held until all are asked for, or until no more requests come."""
        with ExitStack() as stack:
            browsers = [browser, *(stack.enter_context(self.browser()) for _ in case.others)]
            self._wait(lambda: len(route.exchanges) >= len(browsers), self.patience)
            together = len(route.exchanges)
            route.release(_ALL)
            for one in browsers:
                self._read_to_end(one, self.patience * _TRIES_AGAIN)
            return replace(seen, several=tuple(one.received for one in browsers), together=together)

    def _step(self, case: RelayCase, route: LiveRoute, browser: RelayClient, seen: Seen) -> Seen:
        """Open the gate after each token once that token came out."""
        for number, token in enumerate(case.tokens, 1):
            if not self._comes(browser, token, self.patience) and browser.ended is None:
                came = browser.received
                stuck = Buffering(number, token, self._freed_by(case, route, browser, number), came)
                self._finish(route, browser)
                return replace(seen, buffering=stuck)
            route.release()
        self._finish(route, browser)
        return seen

    def _time(self, case: RelayCase, route: LiveRoute, browser: RelayClient, seen: Seen) -> Seen:
        """Open the gate after each token once that token came out, and note how long each has needed."""
        found = promptly.waits(case.tokens, lambda token: self._comes(browser, token, self.patience), route.release)
        self._finish(route, browser)
        return replace(seen, waits=found, direct=self._direct(case) if promptly.are_late(found) else None)

    def _direct(self, case: RelayCase) -> tuple[float, ...] | None:
        """Return how long the tokens need without the relay."""
        dialect = DIALECTS.default
        route = self.server.mount(Route("POST", _DIRECT, (case.reply(dialect),)), strict=False)
        with RelayClient(self.server.url_for(_DIRECT), dialect.example(), timeout=self.patience) as browser:
            return promptly.waits(case.tokens, lambda token: self._comes(browser, token, self.patience), route.release)

    def _freed_by(self, case: RelayCase, route: LiveRoute, browser: RelayClient, number: int) -> int | None:
        """Return how many more events were sent until the one that was stuck came out."""
        for more in range(1, len(case.tokens) - number + 1):
            route.release()
            if self._comes(browser, case.tokens[number - 1], self.patience * _GLANCE):
                return more
        return None

    def _finish(self, route: LiveRoute, browser: RelayClient) -> None:
        route.release(_ALL)
        self._read_to_end(browser, self.patience)

    def _comes(self, browser: RelayClient, text: str, patience: float) -> bool:
        """Return whether the text comes out, in any form."""
        browser.read_while(lambda: not says(browser.received, text), patience)
        return says(browser.received, text)

    def _leave(self, case: RelayCase, route: LiveRoute, browser: RelayClient, seen: Seen) -> Seen:
        if not route.calls:
            self._wait(lambda: bool(route.calls), self.patience * _TRIES_AGAIN)
        self._wait(lambda: all(self._there(case, call) for call in route.calls), self.patience)
        if case.marker:
            self._comes(browser, case.marker, self.patience * _GLANCE)
        else:  # a relay that has still to write its head would notice by that alone
            browser.read_while(lambda: browser.status is None, self.patience * _GLANCE)
        calls = route.calls
        written = sum(call.bill.tokens_written for call in calls if call.bill is not None)
        left_at = monotonic()
        browser.leave(case.how)
        if self._all_left(calls, self.patience):
            return replace(seen, leaving=Leaving(monotonic() - left_at, written, asked=len(calls)))
        return replace(seen, leaving=Leaving(None, written, self._woken_by(case, route, calls), len(calls)))

    def _there(self, case: RelayCase, call: Call) -> bool:
        exchange = call.exchange
        if exchange.outcome is not None:
            return True
        return exchange.held_at is not None if case.until is None else exchange.chunks_written >= case.until

    def _woken_by(self, case: RelayCase, route: LiveRoute, calls: Sequence[Call]) -> int | None:
        """Return how many further events a silent upstream had to send until the relay left."""
        if case.until is not None:
            return None
        for more in range(1, 10):
            route.release()
            if self._all_left(calls, self.patience * _GLANCE / 2):
                return more
        return None

    def _all_left(self, calls: Sequence[Call], patience: float) -> bool:
        """Return whether every upstream call that the browser's request made has been left."""
        self._end(calls, patience)
        return bool(calls) and all(call.outcome is Outcome.CANCELLED for call in calls)

    def _ended(self, case: RelayCase, calls: Sequence[Call]) -> tuple[Exchange, ...]:
        """Return the exchanges as they ended, as far as they do: all gates are open now."""
        self._end(calls, self.patience * _GLANCE + (0.0 if case.until is None else LONGEST))
        return tuple(call.exchange for call in calls)

    def _end(self, calls: Sequence[Call], patience: float) -> None:
        """Wait for their outcomes; without polling, which would be visible in the seconds reported."""
        deadline = monotonic() + patience
        for call in calls:
            with suppress(ClientFailure):  # it is still open
                call.wait_ended(max(0.0, deadline - monotonic()))

    def _wait(self, true: Callable[[], bool], patience: float) -> bool:
        deadline = monotonic() + patience
        while not true():
            if monotonic() > deadline:
                return False
            sleep(_LOOK)
        return True
