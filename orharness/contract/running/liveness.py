"""Living and dead streams: the cases whose times are multiples of the silence that the client allows, side by side.

First the plain answer and a dead stream, which show whether the client's clock can be made faster, and the silence that
it allows. Then each case runs in a process of its own, at a rate at which that silence takes two seconds: a busy
machine delays by a fraction of that. What fails is confirmed at a lower rate. The server and its proofs keep to our
clock.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from math import inf
from threading import Event, Thread

from orharness.contract.catalogue import lives_of, plainest
from orharness.contract.catalogue.case import Case
from orharness.contract.driving.clocks import INSTALL, ClientClock, libfaketime
from orharness.contract.driving.subject import Subject
from orharness.contract.judging.liveness import Limit, is_dead, on_its_clock, reason, says_so, spell, with_reason
from orharness.contract.running.patience import NOT_KNOWN
from orharness.contract.running.trials import Trials, Tried
from orharness.errors import ScenarioError
from orharness.journal import Exchange
from orharness.scenario import Reply
from orharness.server.facade import SseServer
from orharness.server.handles import LiveRoute
from orharness.server.thread import ServerThread
from orharness.transforms import scale
from orharness.verdict import Got, Result, Verdict, spelled

LONGEST = 600.0  # seconds of silence that the widest known default allows: the read timeout of OpenAI's SDKs
_SURE = 2.0  # times that is waited, before a client counts as one that waits for ever
_LASTS = 1.0  # seconds, by our clock, for which the silence that the client allows is made to last
_LASTS_IF_BUSY = 2.0  # ... where more processes want to run than there are cores
_ENOUGH = 0.8  # of ``lasts``: a limit that was over sooner is measured again, at a lower rate
_LOWER = 4.0  # times lower is the rate at which a fail is confirmed, or a plain answer is tried again
_LOWERED = 5  # rates, each lower than the one before, at which a plain answer is tried
_PATIENT = 5.0  # times patience that is waited by our own clock for a client that declares no limit
_MEASURED = 6  # times at most
_DEAD = 1.5  # times the limit within which a client is to leave a dead stream
_LATE = 0.75  # of the limit: a silence of a living stream that was longer was not sent in time
_AT_ONCE = 6  # trials side by side
# A limit that is shorter than declared ends each stream; one on the whole answer also one that has text all the time.
_PLAINER = ("liveness/silence-in-the-middle", "liveness/long-answer")
_NOT_OF_TIME = "it fails for another reason than time"
_LOOK = 0.02  # seconds between two looks for the client's process

Opened = Callable[[ClientClock], AbstractContextManager[Subject]]
"""Opens the client with a clock: it raises ``ScenarioError`` where it cannot."""


@dataclass(frozen=True)
class LivenessOptions:
    """The options of the family. ``rate``: of the client's clock, ``None`` to find one. ``limit``: what it declares."""

    rate: float | None = None
    limit: float | None = None

    def __post_init__(self) -> None:
        if self.rate is not None and not 1 <= self.rate <= 10_000:
            raise ScenarioError(f"--time-rate is how many times faster the clock runs, 1 to 10000; not {self.rate:g}")
        if self.limit is not None and not 0 < self.limit <= 86_400:
            raise ScenarioError(f"--idle-limit is the silence that the client allows, in seconds; not {self.limit:g}")


NO_OPTIONS = LivenessOptions()


@dataclass(frozen=True)
class _Known:
    """What the first trials showed.

    ``limit``: ``None`` if it bears any silence. ``note``: why nothing can be judged.
    """

    rate: float
    limit: Limit | None = None
    note: str = ""


@dataclass(frozen=True)
class _Seen:
    """What one run showed: why its clock was not the faster one, and after how many of our seconds it asked again."""

    uncovered: str | None = None
    asked_again: float | None = None


def lasts() -> float:
    """Return the seconds, by our clock, for which the silence that the client allows is made to last."""
    busy = not hasattr(os, "getloadavg") or os.getloadavg()[0] > (os.cpu_count() or 1)
    return _LASTS_IF_BUSY if busy else _LASTS


class Liveness:
    """Judges one client. ``patience`` as for ``run``. ``named``: it can be started in a process of its own.

    ``lasts``: the seconds, by our clock, for which the silence that the client allows is made to last.
    """

    def __init__(
        self,
        opened: Opened,
        pace: LivenessOptions,
        patience: float,
        *,
        named: bool = True,
        thread: ServerThread | None = None,
        lasts: Callable[[], float] = lasts,
    ) -> None:
        self._opened = opened
        self._pace = pace
        self._patience = patience
        self._named = named
        self._thread = thread
        self._lasts = lasts

    def judge(self, cases: Sequence[Case], on_verdict: Callable[[Verdict], None] = lambda _: None) -> list[Verdict]:
        """Return one verdict for each case, in their order; ``on_verdict`` is called with each."""
        sendable = [case for case in cases if case.inapplicable is None]
        known = self._measured(sendable[0]) if sendable else _Known(1.0)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = list(pool.map(partial(self._judged, known=known), cases))
        verdicts = self._with_common_cause(cases, found, known)
        for verdict in verdicts:
            on_verdict(verdict)
        return verdicts

    def _with_common_cause(self, cases: Sequence[Case], found: Sequence[Verdict], known: _Known) -> list[Verdict]:
        """Return the verdicts; if a plainer live stream fails as well, each has the cause of that one."""
        living = [one for one, case in zip(found, cases, strict=True) if one.evidence is not None and not is_dead(case)]
        causes = {case.id: case.cause for case in cases}
        for plainer in _PLAINER if living else ():
            case = next(one for one in lives_of(cases[0].dialect) if one.id == plainer)
            verdict = next((one for one in found if one.case == plainer), None) or self._judged(case, known=known)
            if verdict.result is Result.FAIL:
                return [_because(one, causes[one.case], case.cause) if one in living else one for one in found]
        return list(found)

    # -- what is known of the client -------------------------------------------------------------------------------

    def _measured(self, case: Case) -> _Known:
        """Return the silence that the client allows, and the rate of its clock at which it is judged."""
        slow = self._why_slow()
        asked = 1.0 if slow else self._pace.rate or self._first_rate
        plain = plainest([case])
        assert plain is not None
        rate = self._that_holds(plain, asked)
        if rate is None:
            return _Known(1.0, note=f"the client fails on a plain answer ({plain.id})")
        if rate == 1 and asked > 1:
            slow = f"with its clock {asked:g} times faster the client fails on a plain answer"
        most = rate if rate < asked else inf
        dead = lives_of(case.dialect)[0]
        least = inf
        for _ in range(_MEASURED):
            waits = self._longest(rate)
            tried, seen = self._once(dead, rate, waits)
            if seen.uncovered is not None:
                rate, slow = 1.0, f"its clock is not covered: {seen.uncovered}"
                continue
            heard = tried.heard
            took = seen.asked_again or (0.0 if heard is None or not heard.ended else heard.took)
            if heard is None or not took:
                return self._never(rate, slow)
            # A busy machine delays the end, which the rate multiplies: the limit is that of the run that ended first.
            least = min(least, took * rate) if heard.text else least
            if rate == 1 or self._pace.rate or (took >= _ENOUGH * self._lasts() and heard.text):
                return self._allows(rate, slow, min(least, took * rate), most)
            rate = min(most, max(1.0, least / self._lasts())) if heard.text else max(1.0, rate / 10)
        return _Known(rate, note="the silence that it allows could not be measured: it was another one each time")

    def _that_holds(self, plain: Case, asked: float) -> float | None:
        """Return a rate at which the client holds a plain answer, ``None`` if it does so at none.

        The faster its clock, the sooner a limit on the whole answer, or on the time to connect, ends even a plain one.
        """
        rates = [asked] if self._pace.rate else [asked / _LOWER**times for times in range(_LOWERED)]
        for rate in (*(one for one in rates if one > 1), 1.0):
            if self._once(plain, rate, self._patience * _PATIENT)[0].evidence is None:
                return rate
        return None

    def _why_slow(self) -> str:
        if self._pace.rate == 1:
            return "its clock is our own (--time-rate 1)"
        if not self._named:
            return "a function of this process has our clock: orharness check starts it in a process of its own"
        return "" if libfaketime() is not None else INSTALL

    @property
    def _first_rate(self) -> float:
        return max(1.0, (self._pace.limit or LONGEST) / self._lasts())

    def _longest(self, rate: float) -> float:
        """Return the seconds, by our clock, that are waited for the end of a run on a dead stream."""
        if self._pace.limit is not None:
            return _DEAD * self._pace.limit / rate + self._patience
        return _PATIENT * self._patience if rate == 1 else _SURE * LONGEST / rate

    def _never(self, rate: float, slow: str) -> _Known:
        limit = None if self._pace.limit is None else Limit(self._pace.limit, declared=True)
        if rate == 1 and limit is None:
            waited = spell(_PATIENT * self._patience)
            note = f"the client still waits after {waited} of silence, and may do so for longer: {slow};"
            return _Known(rate, note=f"{note} --idle-limit S declares the limit, --patience S waits longer")
        return _Known(rate, limit)

    def _allows(self, rate: float, slow: str, seconds: float, most: float) -> _Known:
        declared = self._pace.limit
        limit = Limit(seconds, declared=False) if declared is None else Limit(declared, declared=True)
        faster = rate if self._pace.rate or slow else max(1.0, limit.seconds / self._lasts())
        return _Known(min(faster, most), limit)

    # -- trials ----------------------------------------------------------------------------------------------------

    def _judged(self, case: Case, *, known: _Known) -> Verdict:
        if case.inapplicable is not None or known.note:
            return _verdict(case, None, case.inapplicable or known.note)
        tried = self._trial(case, known, known.rate)
        if tried.evidence is None:
            return _verdict(case, tried)
        if tried.evidence.likely:
            return _verdict(case, tried, f"{_NOT_OF_TIME}: {tried.evidence.reason}")
        ended = tried.heard is not None and tried.heard.ended
        if ended or known.limit is not None:  # else it was seen twice to wait for ever
            rate = max(1.0, known.rate / (_LOWER if ended else 1))
            tried = self._trial(case, known, rate)
            if self._is_excused(case, tried, known, rate):
                tried = self._trial(case, known, rate)
            if self._is_excused(case, tried, known, rate):
                return _verdict(case, tried, NOT_KNOWN)
        if tried.evidence is None or not tried.evidence.likely:
            return _verdict(case, tried)
        return _verdict(case, tried, f"{_NOT_OF_TIME}: {tried.evidence.reason}")

    def _is_excused(self, case: Case, tried: Tried, known: _Known, rate: float) -> bool:
        """Return whether the machine may be the cause of a fail: it kept the client waiting, or a silence was longer.

        A stream that is alive is silent for half of what the client allows, at most, as long as it is sent in time.
        """
        if tried.evidence is None or tried.heard is None:
            return False
        if is_dead(case) or not tried.heard.ended:
            return tried.unsure and not tried.heard.ended
        late = known.limit is not None and longest_silence(tried.exchange) * rate > _LATE * known.limit.seconds
        return late or tried.unsure

    def _trial(self, case: Case, known: _Known, rate: float) -> Tried:
        """Return the result of one trial at a rate; the reason of a fail is one about time, or there is none."""
        length = known.limit.seconds if known.limit is not None else LONGEST
        timed = replace(case, reply=_in_seconds(case.reply, length / rate))
        if case.again is not None:
            timed = replace(timed, again=_in_seconds(case.again, length / rate))
        patience = _DEAD * length / rate + self._patience if is_dead(case) else self._patience * _PATIENT
        tried, _ = self._once(timed, rate, patience)
        if tried.evidence is None or tried.heard is None:
            return tried
        heard = on_its_clock(tried.heard, rate)
        if (why := reason(case, heard, tried.requests, known.limit)) is None:
            return tried
        if not is_dead(case) and not says_so(heard) and not self._holds_at_once(case, rate):
            return tried
        return replace(tried, evidence=with_reason(tried.evidence, why, heard))

    def _holds_at_once(self, case: Case, rate: float) -> bool:
        """Return whether the client holds where the same stream comes without its silences."""
        tried, _ = self._once(replace(case, reply=_in_seconds(case.reply, 0.0)), rate, self._patience * _PATIENT)
        return tried.evidence is None

    def _once(self, case: Case, rate: float, patience: float) -> tuple[Tried, _Seen]:
        """Run the client once, in a process of its own."""
        clock = ClientClock(rate)
        with SseServer(self._thread, strict=False) as server, self._opened(clock) as subject:
            trials = Trials(server, subject, self._patience)
            route = trials.route(case, [case.reply(), *([] if case.again is None else [case.again()])])
            with _Watch(clock, route) as watch:
                tried = trials.run(case, route, patience)
            calls = route.calls
            again = calls[1].started - calls[0].started if len(calls) > 1 else None
        return tried, _Seen(watch.uncovered, again)


class _Watch:
    """Looks for the processes of a client when its request has come: they may have ended when its run has."""

    def __init__(self, clock: ClientClock, route: LiveRoute) -> None:
        self.uncovered: str | None = None
        self._clock = clock
        self._route = route
        self._over = Event()
        self._thread = Thread(target=self._look, name="orharness-clock", daemon=True)

    def __enter__(self) -> _Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._route.exchanges:
            if self._over.wait(_LOOK):
                return
        self.uncovered = self._clock.uncovered()


def longest_silence(exchange: Exchange | None) -> float:
    """Return the longest time, in seconds, in which nothing was written, up to the moment when the client left."""
    if exchange is None:
        return 0.0
    left = () if exchange.left_after is None else (exchange.left_after,)
    return max((then - before for before, then in pairwise((0.0, *exchange.written_at, *left))), default=0.0)


def _because(verdict: Verdict, cause: str | None, other: str | None) -> Verdict:
    """Return a failed verdict whose reason has another cause."""
    if verdict.evidence is None or cause is None or other is None:
        return verdict
    return replace(verdict, evidence=replace(verdict.evidence, reason=verdict.evidence.reason.replace(cause, other)))


def _in_seconds(reply: Callable[[], Reply], limit: float) -> Callable[[], Reply]:
    """Return the reply with its times in seconds, where ``limit`` is the silence that the client allows."""
    return lambda: reply().with_transforms(after=[scale(limit)])


def _verdict(case: Case, tried: Tried | None, note: str = "") -> Verdict:
    evidence = None if tried is None or note else tried.evidence
    heard = None if tried is None else tried.heard
    return Verdict(
        case.id,
        case.title,
        Result.FAIL if evidence else Result.NOT_APPLICABLE if note else Result.PASS,
        evidence,
        level=case.level,
        source=case.source,
        expected=case.expected,
        got=None if heard is None else Got(heard.text, None if heard.error is None else spelled(heard.error)),
        note=note,
    )
