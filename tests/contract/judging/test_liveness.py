"""Living streams live and dead ones die: by our own clock, and by one that libfaketime makes faster."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from time import sleep

import pytest

from orharness.contract import run
from orharness.contract.catalogue import lives_of
from orharness.contract.catalogue.case import Case
from orharness.contract.catalogue.export import as_document
from orharness.contract.catalogue.parse import parse
from orharness.contract.catalogue.selection import EVERY_CLAIM
from orharness.contract.driving import host
from orharness.contract.driving.clocks import ClientClock, libfaketime
from orharness.contract.driving.drivers import DriverSubject
from orharness.contract.judging.heard import Heard
from orharness.contract.judging.liveness import Limit, is_dead
from orharness.contract.running.jobs import opened
from orharness.contract.running.liveness import Liveness, LivenessOptions, _Known, _Seen
from orharness.contract.running.trials import Tried
from orharness.dialects import DIALECTS
from orharness.errors import ScenarioError
from orharness.journal import Exchange, Request
from orharness.verdict import Evidence, Result, Verdict
from tests.support import waiting_clients
from tests.support.waiting_clients import LIMIT

LIVES = lives_of(DIALECTS.default)
DEAD = {"liveness/dead-stream", "liveness/dead-before-the-text", "liveness/asked-again"}
needs_faketime = pytest.mark.skipif(libfaketime() is None, reason="there is no libfaketime here")
Client = Callable[[str], Iterator[str]]


def judged(client: Client, only: list[str], limit: float | None = LIMIT) -> dict[str, Verdict]:
    verdicts = run(client, LIVES, claims=EVERY_CLAIM, only=only, pace=LivenessOptions(limit=limit), patience=0.4)
    return {one.case.partition("/")[2]: one for one in verdicts}


def fails(verdicts: dict[str, Verdict]) -> dict[str, str]:
    return {name: one.evidence.reason for name, one in verdicts.items() if one.evidence is not None}


@pytest.mark.slow
def test_a_client_that_waits_as_long_as_it_declares_holds_everywhere() -> None:
    verdicts = judged(waiting_clients.right, ["liveness"])
    assert {name: one.note for name, one in verdicts.items() if one.result is not Result.PASS} == {}
    assert len(verdicts) == len(LIVES)


@pytest.mark.parametrize(
    ("client", "case", "reason"),
    [
        (waiting_clients.counts_texts_only, "events-without-text", "an event without text does not count as a sign of"),
        (waiting_clients.counts_events_only, "comments", "a comment does not count as a sign of life"),
        (waiting_clients.in_all, "long-answer", "a time limit on the whole answer ends a stream that is alive"),
        (waiting_clients.asks_again, "asked-again", "2 requests, each of them billed, and its text is 'HelloHello wor"),
        (
            waiting_clients.asks_again_and_goes_on,
            "asked-again",
            "it asks again after a silence, when text had come: 2 requests, each of them billed",
        ),
        (waiting_clients.ends_silently, "dead-stream", "ends as if the answer were whole"),
        (waiting_clients.waits_for_ever, "dead-stream", "of silence, and declares to allow 0.5 s"),
    ],
)
@pytest.mark.slow
def test_each_kind_of_wrong_waiting_has_its_reason(client: Client, case: str, reason: str) -> None:
    assert reason in fails(judged(client, [f"liveness/{case}"]))[case]


@pytest.mark.slow
def test_a_limit_on_the_whole_answer_is_the_cause_where_comments_come_as_well() -> None:
    [reason] = fails(judged(waiting_clients.in_all, ["liveness/comments"])).values()
    assert reason.startswith("a time limit on the whole answer ends a stream that is alive; it gave up")


@pytest.mark.slow
def test_a_shorter_limit_than_the_declared_one_is_a_fail() -> None:
    [reason] = fails(judged(waiting_clients.right, ["silence-in-the-middle"], limit=4 * LIMIT)).values()
    assert "sooner than after the silence that it declares to allow" in reason
    assert "allows 2.0 s of silence, as declared" in reason


@pytest.mark.slow
def test_what_could_not_be_seen_is_said_and_is_no_pass() -> None:
    [verdict] = judged(waiting_clients.waits_for_ever, ["liveness/comments"], limit=None).values()
    assert verdict.result is Result.NOT_APPLICABLE
    assert "still waits after 2.0 s of silence, and may do so for longer: a function of this process" in verdict.note


def test_a_client_that_fails_a_plain_answer_is_not_judged_by_its_times() -> None:
    verdicts = judged(lambda _: iter(["nothing"]), ["liveness/comments", "liveness/dead-stream"])
    assert {one.note for one in verdicts.values()} == {"the client fails on a plain answer (framing/lf)"}


@pytest.mark.slow
def test_a_fail_that_has_nothing_to_do_with_time_is_none_of_the_family() -> None:
    def chokes(base_url: str) -> Iterator[str]:
        for data, texts in waiting_clients._texts(base_url, LIMIT):
            if data.startswith(b": ") or b"\n: " in data:
                raise ValueError("a comment")
            yield from texts

    verdict = judged(chokes, ["liveness/comments"])["comments"]
    assert verdict.note.startswith("it fails for another reason than time: it raised ValueError('a comment')")


@pytest.mark.long
@pytest.mark.slow
def test_a_client_that_asks_again_for_another_reason_than_time_is_not_told_of_time() -> None:
    def stumbles_and_goes_on_asking(base_url: str) -> Iterator[str]:
        for pause in (0.0, 0.0, 2.5):
            sleep(pause)
            with suppress(ValueError):
                for data, texts in waiting_clients._texts(base_url, LIMIT):
                    if b"data:\n" in data:
                        raise ValueError("empty data")
                    yield from texts
                return

    [reason] = fails(judged(stumbles_and_goes_on_asking, ["liveness/empty-data"], limit=LIMIT / 5)).values()
    assert reason == "the request was silently sent again"


# -- a faster clock ----------------------------------------------------------------------------------------------------


def by_its_clock(name: str, only: set[str], pace: LivenessOptions | None = None) -> dict[str, Verdict]:
    words = [f"tests.support.waiting_clients:{name}"]
    cases = [case for case in LIVES if case.id.partition("/")[2] in only]
    verdicts = Liveness(partial(opened, words), pace or LivenessOptions(), 1.0).judge(cases)
    return {one.case.partition("/")[2]: one for one in verdicts}


@needs_faketime
@pytest.mark.slow
def test_ten_minutes_pass_in_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAITING_LIMIT", "300")
    verdicts = by_its_clock("waits_in_a_queue", {"dead-stream", "comments"})
    assert {one.result for one in verdicts.values()} == {Result.PASS}


@needs_faketime
@pytest.mark.slow
def test_a_client_without_a_limit_is_found_by_a_faster_clock() -> None:
    verdicts = by_its_clock("waits_for_ever", {"dead-stream", "comments"})
    # 600 s and a half, and a second of patience by a clock that is 600 times as fast, on a busy machine 300 times.
    waits = "it still waits after {} s of silence: it sets no limit on the silence of a stream"
    assert fails(verdicts) in [{"dead-stream": waits.format(seconds)} for seconds in ("1,500", "1,200")]
    assert verdicts["comments"].result is Result.PASS


@pytest.mark.long
@needs_faketime
@pytest.mark.slow
def test_a_short_limit_is_measured_at_a_lower_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAITING_LIMIT", "5")
    [reason] = fails(by_its_clock("in_all", {"long-answer"})).values()
    assert "a time limit on the whole answer ends a stream that is alive; it gave up" in reason


class Delayed(Liveness):
    """What it sees of a client whose limit is 60 s, on a machine that delays the end of each run."""

    delay = 0.3  # seconds

    def _once(self, case: Case, rate: float, patience: float) -> tuple[Tried, _Seen]:
        if not is_dead(case):
            return Tried(None), _Seen()
        return Tried(None, heard=Heard("Hello", TimeoutError(), True, patience, 60 / rate + self.delay)), _Seen()


@needs_faketime
@pytest.mark.parametrize("lasts", [1.0, 2.0])
def test_the_delay_of_a_busy_machine_is_no_part_of_a_limit(lasts: float) -> None:
    limit = Delayed(partial(opened, []), LivenessOptions(), 1.0, lasts=lambda: lasts)._measured(LIVES[0]).limit
    assert limit is not None
    assert 60 < limit.seconds < 60 * 1.6  # the silences of living streams are half of it, and shorter than 60 s


class SentLate(Liveness):
    """What it sees of a client that allows 60 s of its clock, at a rate of 60, on a machine that stands still.

    ``stalls``: the seconds of it in each trial of a living stream, the first one left out.
    """

    stalls: tuple[float, ...] = ()
    unsure = False

    def _once(self, case: Case, rate: float, patience: float) -> tuple[Tried, _Seen]:
        if is_dead(case) or case.id == "framing/lf":
            return Tried(None, heard=Heard("Hello", TimeoutError(), True, patience, 60 / rate)), _Seen()
        self.tries = getattr(self, "tries", 0) + 1
        stall = self.stalls[self.tries - 2] if self.tries > 1 else 60 / rate
        exchange = Exchange("1", "", Request("POST", "/"), written_at=(0.0, 24 / rate), left_after=24 / rate + stall)
        heard = Heard("Hello", TimeoutError(), True, 0.0, 84 / rate)
        if not stall:
            return Tried(None, exchange, heard), _Seen()
        return Tried(Evidence("", "", "", likely=True), exchange, heard, unsure=self.unsure), _Seen()


@needs_faketime
@pytest.mark.parametrize(
    ("stalls", "unsure", "result"),
    [
        ((0.0,), False, Result.PASS),  # it was that once
        ((4.0, 0.0), False, Result.PASS),
        ((4.0, 4.0), False, Result.NOT_APPLICABLE),
        ((1.0,), False, Result.FAIL),  # a silence of 15 s of the client's clock is none that it must not bear
        ((1.0, 1.0), True, Result.NOT_APPLICABLE),
    ],
)
def test_a_stream_that_the_machine_did_not_send_in_time_fails_nobody(
    stalls: tuple[float, ...], unsure: bool, result: Result
) -> None:
    [case] = [one for one in LIVES if one.id == "liveness/comments"]
    machine = SentLate(partial(opened, []), LivenessOptions(), 1.0, lasts=lambda: 1.0)
    machine.stalls, machine.unsure = stalls, unsure
    verdict = machine._judged(case, known=_Known(60.0, Limit(60.0, declared=False)))
    assert verdict.result is result
    assert verdict.note.startswith("not known") == (result is Result.NOT_APPLICABLE)


class LimitedInAll(Liveness):
    """What it sees of a client that ends any answer after 45 s of its clock; a plain one takes 0.25 s of ours."""

    answer, limit = 0.25, 45.0  # seconds

    def _once(self, case: Case, rate: float, patience: float) -> tuple[Tried, _Seen]:
        if is_dead(case):
            return Tried(None, heard=Heard("Hello", TimeoutError(), True, patience, self.limit / rate)), _Seen()
        return Tried(None if self.answer * rate < self.limit else Evidence("", "", "it raised TimeoutError()")), _Seen()


@needs_faketime
def test_a_limit_that_ends_a_plain_answer_by_a_much_faster_clock_is_measured_by_a_slower_one() -> None:
    known = LimitedInAll(partial(opened, []), LivenessOptions(), 1.0, lasts=lambda: 1.0)._measured(LIVES[0])
    assert (known.limit is not None and known.limit.seconds, known.note) == (45.0, "")
    assert 1 < known.rate < LimitedInAll.limit / LimitedInAll.answer


@needs_faketime
def test_a_rate_that_its_user_names_is_not_lowered_but_to_the_real_clock() -> None:
    options = LivenessOptions(rate=600.0)
    known = LimitedInAll(partial(opened, []), options, 1.0, lasts=lambda: 1.0)._measured(LIVES[0])
    assert known.rate == 1.0


@needs_faketime
@pytest.mark.skipif(shutil.which("go") is None, reason="there is no go here")
@pytest.mark.slow
def test_a_program_that_reads_its_clock_past_the_c_library_is_not_covered(tmp_path: Path) -> None:
    (tmp_path / "main.go").write_text('package main\nimport "time"\nfunc main() { time.Sleep(20 * time.Second) }\n')
    subprocess.run(["go", "build", "-o", "sleeps", "main.go"], cwd=tmp_path, check=True)
    clock = ClientClock(10.0)
    process = subprocess.Popen([tmp_path / "sleeps"], env={**clock.environment})
    try:
        assert clock.uncovered() == "sleeps is a Go program, which reads its clock past the C library"
    finally:
        process.kill()
        process.wait()


@needs_faketime
def test_the_faster_clock_is_that_of_the_named_process_alone() -> None:
    clock = ClientClock(1000.0)
    code = "import time; a = time.monotonic(); time.sleep(100); print(time.monotonic() - a)"
    took = subprocess.run([sys.executable, "-c", code], env={**clock.environment}, capture_output=True, timeout=30)
    assert 100 <= float(took.stdout) < 20_000
    assert ClientClock(1.0).environment == {}
    assert clock.uncovered() is None


# -- the cases, and their options ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", ["chat", "messages", "responses", "gemini", "ollama"])
def test_each_dialect_has_living_and_dead_streams(dialect: str) -> None:
    cases = [case for case in lives_of(DIALECTS.named(dialect)) if case.inapplicable is None]
    assert {case.id for case in cases} >= DEAD | {"liveness/long-answer", "liveness/events-without-text"}


def test_a_case_of_ones_own_is_read_and_written_in_limits() -> None:
    case = next(one for one in LIVES if one.id == "liveness/asked-again")
    written = as_document(case)
    assert written["unit"] == "limit"
    again = parse({**written, "id": "mine/again"}, case.dialect)
    assert again.in_limits
    assert again.again is not None
    with pytest.raises(ScenarioError, match="unit is limit, or left out for seconds; not 'days'"):
        parse({**written, "unit": "days"}, case.dialect)


@pytest.mark.parametrize(
    ("pace", "said"),
    [
        ({"rate": 0.5}, "--time-rate is how many times faster the clock runs, 1 to 10000; not 0.5"),
        ({"rate": float("nan")}, "--time-rate is"),
        ({"limit": 0.0}, "--idle-limit is the silence that the client allows, in seconds; not 0"),
    ],
)
def test_a_wrong_number_is_told(pace: dict[str, float], said: str) -> None:
    with pytest.raises(ScenarioError, match=said):
        LivenessOptions(**pace)


@pytest.mark.slow
def test_a_function_in_a_process_of_its_own_says_what_it_said_here() -> None:
    command = host.command("tests.support.correct_clients:correct", 1.0)
    with DriverSubject(command) as subject:
        verdicts = run(subject, only=["done/clean-end", "done/as-content", "errors/http-400-onerouter"])
    assert {one.result for one in verdicts} == {Result.PASS}
