"""Running the catalogue against a relay: we are its upstream and its browser. The judging is in ``judge``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from time import monotonic, sleep
from typing import Any

from orharness.errors import ClientFailure, ScenarioError
from orharness.journal import Exchange, Outcome
from orharness.relay import judge
from orharness.relay.browser import RelayClient
from orharness.relay.cases import CASES, LONGEST, Act, Case
from orharness.relay.judge import Buffering, Leaving, Seen
from orharness.relay.views import says
from orharness.scenario import Route
from orharness.server.facade import SseServer
from orharness.server.handles import Call, LiveRoute
from orharness.verdict import Evidence, Result, Verdict

PATIENCE = 2.0  # seconds that a relay has for what it should do at once
_TRIES_AGAIN = 5  # times the patience: clients try again, with pauses of seconds, before they tell of an error
_GLANCE = 0.25  # times the patience: for what has failed already, and only the evidence is missing
_LOOK = 0.005  # seconds between two looks
_ALL = 1_000  # gates, more than any stream has
_ASKED = "fidelity/asks"


def check(
    url: str,
    json: Any = None,
    *,
    server: SseServer,
    method: str = "POST",
    headers: Mapping[str, str] | None = None,
    patience: float = PATIENCE,
    only: str | Sequence[str] | None = None,
    told: Callable[[Verdict], None] = lambda verdict: None,
) -> list[Verdict]:
    """One verdict a case, on the relay at ``url`` whose upstream is ``server``.

    ``json``, ``method``, ``headers``: the request that the browser sends. ``patience``: seconds that the relay has for
    what it should do at once. ``only``: cases whose id contains one of these. ``told`` is called with each verdict as
    it is found. The server is reset, before and behind. Where the relay never asks it, that is the one verdict.

    Raises ``ScenarioError`` where the relay cannot be reached.
    """
    parts = ("",) if only is None else (only,) if isinstance(only, str) else only
    chosen = [case for case in CASES if any(part in case.id for part in parts)]
    if not chosen:
        raise ScenarioError(f"no case is named {' or '.join(map(repr, parts))}: {', '.join(c.id for c in CASES)}")
    runs = _Runs(server, lambda: RelayClient(url, json, method=method, headers=headers, timeout=patience), patience)
    found = []
    server.reset()
    try:
        first = _verdict(_asks(), runs.of(CASES[0]))
        told(first)
        if first.result is Result.FAIL:
            return [first]
        found.append(first)
        for case in chosen:
            verdict = _verdict(case, runs.of(case))
            told(verdict)
            found.append(verdict)
    finally:
        server.reset()
    return found


def _asks() -> Case:
    return replace(CASES[0], id=_ASKED, title="The backend asks this upstream for a stream.", judges=(judge.asked,))


def _verdict(case: Case, seen: Seen) -> Verdict:
    title = case.title + judge.measured(seen)
    for one in case.judges:
        found = one(seen)
        if isinstance(found, Evidence):
            return Verdict(case.id, title, Result.FAIL, found, level=case.level)
        if isinstance(found, str):
            return Verdict(case.id, title, Result.NOT_APPLICABLE, level=case.level, note=found)
    return Verdict(case.id, title, Result.PASS, level=case.level)


@dataclass(frozen=True)
class _Runs:
    """Runs of cases on one server."""

    server: SseServer
    browser: Callable[[], RelayClient]
    patience: float

    def of(self, case: Case) -> Seen:
        """What is seen when the browser does what the case says."""
        before = len(self.server.calls)
        route = self.server.mount(Route("POST", "/chat/completions", (case.reply(),)), strict=False)
        seen = Seen(self.server.base_url, patience=self.patience)
        act = {Act.READ: self._read, Act.STEP: self._step, Act.LEAVE: self._leave}[case.act]
        with self.browser() as browser:
            try:
                seen = act(case, route, browser, seen)
            except ClientFailure as failure:
                seen = replace(seen, problem=str(failure))
            finally:
                route.release(_ALL)
            if browser.begun:
                kind = browser.headers.get("content-type", "")
                seen = replace(seen, status=browser.status, content_type=kind)
            seen = replace(seen, content=browser.received, ended=browser.ended)
        unmatched = [one.exchange for one in self.server.calls_from(before) if one.outcome is Outcome.UNMATCHED]
        return replace(seen, exchanges=self._ended(case, route.calls), unmatched=tuple(unmatched))

    def _read(self, case: Case, route: LiveRoute, browser: RelayClient, seen: Seen) -> Seen:
        self._read_to_end(browser, self.patience * _TRIES_AGAIN)
        return seen

    def _read_to_end(self, browser: RelayClient, patience: float) -> None:
        """Patience runs while nothing comes: a slow relay is not a stuck one."""
        while browser.ended is None:
            size = len(browser.received)
            if not browser.read_while(lambda size=size: len(browser.received) == size, patience):  # type: ignore[misc]
                return

    def _step(self, case: Case, route: LiveRoute, browser: RelayClient, seen: Seen) -> Seen:
        """The gate behind each token is opened when it came out."""
        for number, token in enumerate(case.tokens, 1):
            if not self._comes(browser, token, self.patience) and browser.ended is None:
                stuck = Buffering(number, token, self._freed_by(case, route, browser, number))
                self._finish(route, browser)
                return replace(seen, buffering=stuck)
            route.release()
        self._finish(route, browser)
        return seen

    def _freed_by(self, case: Case, route: LiveRoute, browser: RelayClient, number: int) -> int | None:
        """How many more events it took until the one that was stuck came out."""
        for more in range(1, len(case.tokens) - number + 1):
            route.release()
            if self._comes(browser, case.tokens[number - 1], self.patience * _GLANCE):
                return more
        return None

    def _finish(self, route: LiveRoute, browser: RelayClient) -> None:
        route.release(_ALL)
        self._read_to_end(browser, self.patience)

    def _comes(self, browser: RelayClient, text: str, patience: float) -> bool:
        """Whether the text comes out, in whatever form."""
        browser.read_while(lambda: not says(browser.received, text), patience)
        return says(browser.received, text)

    def _leave(self, case: Case, route: LiveRoute, browser: RelayClient, seen: Seen) -> Seen:
        if not route.calls:
            self._wait(lambda: bool(route.calls), self.patience * _TRIES_AGAIN)
        self._wait(lambda: all(self._there(case, call) for call in route.calls), self.patience)
        if case.marker:
            self._comes(browser, case.marker, self.patience * _GLANCE)
        calls = route.calls
        written = sum(call.bill.tokens_written for call in calls if call.bill is not None)
        left_at = monotonic()
        browser.leave(case.how)
        if self._all_left(calls, self.patience):
            return replace(seen, leaving=Leaving(monotonic() - left_at, written))
        return replace(seen, leaving=Leaving(None, written, self._woken_by(case, route, calls)))

    def _there(self, case: Case, call: Call) -> bool:
        exchange = call.exchange
        if exchange.outcome is not None:
            return True
        return exchange.held_at is not None if case.until is None else exchange.chunks_written >= case.until

    def _woken_by(self, case: Case, route: LiveRoute, calls: Sequence[Call]) -> int | None:
        """How many further events it took until the relay left, where the upstream was silent."""
        if case.until is not None:
            return None
        for more in range(1, 10):
            route.release()
            if self._all_left(calls, self.patience * _GLANCE / 2):
                return more
        return None

    def _all_left(self, calls: Sequence[Call], patience: float) -> bool:
        """Whether every upstream call that the browser's request made has been left."""
        self._end(calls, patience)
        return bool(calls) and all(call.outcome is Outcome.CANCELLED for call in calls)

    def _ended(self, case: Case, calls: Sequence[Call]) -> tuple[Exchange, ...]:
        """The exchanges as they ended, as far as they do: all gates are open now."""
        self._end(calls, self.patience * _GLANCE + (0.0 if case.until is None else LONGEST))
        return tuple(call.exchange for call in calls)

    def _end(self, calls: Sequence[Call], patience: float) -> None:
        """Waits for their outcomes; not by looking, which would be seen in the seconds that are told."""
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
