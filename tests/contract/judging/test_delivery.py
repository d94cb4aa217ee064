"""When text is handed over, two answers at once, and the answer after a cancel."""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

import pytest

from orharness.contract import Client, run
from orharness.contract.catalogue import cases_of
from orharness.contract.catalogue.case import Case
from orharness.contract.driving.commands import CommandSubject
from orharness.contract.driving.drivers import DriverSubject
from orharness.contract.judging.delivery import LATE, Handed, judge_delivery
from orharness.contract.running import delivering
from orharness.contract.running.patience import NOT_KNOWN
from orharness.contract.running.replies import representative
from orharness.dialects import DIALECTS
from orharness.journal import Exchange
from orharness.server.thread import ServerThread
from orharness.verdict import Evidence, Result, Verdict
from tests.support.correct_clients import HEADERS, Answer, asked, correct, correct_async, reads
from tests.support.places import ROOT
from tests.support.starvation import counted_as_starved

STARTERS = ROOT / "orharness" / "contract" / "starters"
BRIEF = 0.3  # seconds of patience where the client is to be caught waiting
ENOUGH = 10.0
HELD = "delivery/as-it-comes"


@pytest.fixture(scope="module")
def thread() -> Iterator[ServerThread]:
    started = ServerThread().start()
    yield started
    started.stop()


def verdict_of(client: Client, case: str, thread: ServerThread, patience: float = BRIEF) -> Verdict:
    return run(client, only=case, thread=thread, patience=patience)[-1]


def reason_of(client: Client, case: str, thread: ServerThread, patience: float = BRIEF) -> str:
    evidence = verdict_of(client, case, thread, patience).evidence
    assert evidence is not None
    return evidence.reason


# -- when text is handed over ----------------------------------------------------------------------------------------


def unpacks(base_url: str) -> Iterator[str]:
    """Asks for gzip, and unpacks each read as it comes."""
    import zlib

    answer, unpacker = Answer(), zlib.decompressobj(wbits=31)
    with asked(base_url, headers={**HEADERS, "Accept-Encoding": "gzip"}) as response:
        coded = response.headers["Content-Encoding"] == "gzip"
        for data in reads(response):
            yield from answer.feed(unpacker.decompress(data) if coded else data)
            if answer.done:
                return


def unpacks_at_the_end(base_url: str) -> Iterator[str]:
    """Asks for gzip, and unpacks the body when all of it is there."""
    import gzip

    with asked(base_url, headers={**HEADERS, "Accept-Encoding": "gzip"}) as response:
        if response.headers["Content-Encoding"] != "gzip":
            yield from correct(base_url)
            return
        yield from Answer().feed(gzip.decompress(response.read()))


@pytest.mark.parametrize("client", [correct, correct_async, unpacks], ids=lambda one: one.__name__)
def test_who_hands_over_each_text_at_once_holds(client: Client, thread: ServerThread) -> None:
    only = [HELD, "delivery/before-half-an-event", "delivery/gzip-as-it-comes"]
    verdicts = run(client, only=only, thread=thread, patience=ENOUGH)
    assert [one.result for one in verdicts[:2]] == [Result.PASS] * 2
    assert verdicts[0].boundaries_proven >= 7
    assert verdicts[2].result is (Result.PASS if client is unpacks else Result.NOT_APPLICABLE)
    assert verdicts[2].note in ("", "the client does not ask for gzip")


def in_batches(base_url: str) -> Iterator[str]:
    batch: list[str] = []
    for piece in correct(base_url):
        batch.append(piece)
        if len(batch) == 3:
            yield "".join(batch)
            batch.clear()
    yield "".join(batch)


def at_the_end(base_url: str) -> Iterator[str]:
    yield "".join(correct(base_url))


def one_behind(base_url: str) -> Iterator[str]:
    """Each text is kept until the next one has come."""
    last = ""
    for piece in correct(base_url):
        yield last
        last = piece
    yield last


def two_and_the_rest(base_url: str) -> Iterator[str]:
    pieces = correct(base_url)
    yield next(pieces)
    yield next(pieces)
    yield "".join(pieces)


def later(seconds: float) -> Client:
    def client(base_url: str) -> Iterator[str]:
        """A thread reads, and each text is handed over some time after it has come."""
        pieces: queue.Queue[tuple[float, str] | None] = queue.Queue()

        def work() -> None:
            with suppress(Exception):
                for piece in correct(base_url):
                    pieces.put((monotonic() + seconds, piece))
            pieces.put(None)

        threading.Thread(target=work, daemon=True).start()
        while (one := pieces.get()) is not None:
            sleep(max(0.0, one[0] - monotonic()))
            yield one[1]

    return client


@pytest.mark.slow
@pytest.mark.parametrize(
    ("client", "reason"),
    [
        (
            in_batches,
            r"the client yields its text late: the first of it \d+\.\d s .* when 3 of 64 tokens had come",
        ),
        (
            one_behind,
            r"the client yields its text late: the first of it \d+\.\d s .* when 2 of 64 tokens had come",
        ),
        (at_the_end, "the client yields nothing before the answer is complete"),
        (two_and_the_rest, "text is held back: it is handed over only when more has come"),
    ],
    ids=["in batches", "one behind", "at the end", "two and the rest"],
)
def test_text_that_is_held_back_is_told_by_the_hold(client: Client, reason: str, thread: ServerThread) -> None:
    assert re.match(reason, reason_of(client, HELD, thread))


def reads_later(base_url: str) -> Iterator[str]:
    """What has come is looked for every 0.7 s."""
    answer = Answer()
    with asked(base_url) as response:
        for data in reads(response):
            yield from answer.feed(data)
            if answer.done:
                return
            sleep(0.66)


@pytest.mark.slow
@pytest.mark.parametrize("client", [later(0.66), reads_later], ids=["hands over later", "reads later"])
def test_text_that_is_late_each_time_is_told_with_its_seconds(client: Client, thread: ServerThread) -> None:
    verdict = verdict_of(client, HELD, thread, patience=ENOUGH)
    assert verdict.evidence is not None
    told = r"it hands over its text late: each one after the first at least (\d\.\d) s after it was sent"
    least = re.fullmatch(told, verdict.evidence.reason)
    assert least is not None
    assert float(least[1]) <= min(map(float, re.findall(r"\d\.\d\d", verdict.evidence.got)))


def _noted(monkeypatch: pytest.MonkeyPatch) -> list[Handed]:
    """The list into which what was seen at the gates of each stream is entered before it is judged."""
    seen: list[Handed] = []

    def judged(case: Case, handed: Handed, exchange: Exchange) -> Evidence | None:
        seen.append(handed)
        return judge_delivery(case, handed, exchange)

    monkeypatch.setattr(delivering, "judge_delivery", judged)
    return seen


@pytest.mark.slow
def test_no_second_of_a_late_text_is_counted_twice(monkeypatch: pytest.MonkeyPatch, thread: ServerThread) -> None:
    seen = _noted(monkeypatch)
    verdict_of(later(0.14), HELD, thread, patience=ENOUGH)
    assert seen
    assert all(spent <= passed for one in seen for spent, passed in zip(one.after, one.by_clock, strict=True))


@pytest.mark.parametrize(
    ("after", "usual", "late"),
    [
        ([0.41, 0.40, 0.42], [0.001, 0.002], 0.40),
        ([0.01, 0.40, 0.42], [0.001, 0.002], 0.40),  # the first one does not count
        ([0.41, 0.42, 0.01], [0.001, 0.002], 0.0),  # once at once
        ([0.41, 0.40, 0.42], [0.1, 0.2, 0.2], 0.0),  # everything takes long here
        ([0.41, 0.40, 0.42], [2.0, 0.01, 0.01], 0.40),
        ([], [], 0.0),
    ],
)
def test_a_machine_on_which_everything_takes_long_makes_nobody_late(
    after: list[float], usual: list[float], late: float
) -> None:
    assert Handed(tuple(after), None, "", tuple(usual)).late == late


@pytest.mark.parametrize(
    ("after", "usual", "by_clock", "perhaps"),
    [
        ([0.01, 0.02, 0.03], [0.001], [0.9, 0.4, 0.5], 0.4),  # the rest is time in which one side had no core
        ([0.01, 0.02, 0.03], [0.001], [0.9, 0.4, 0.1], 0.0),  # once it was in time, whatever the machine did
        ([0.01, 0.02, 0.03], [0.001], [0.1, 0.4, 0.5], 0.4),  # the first one does not count
        ([0.41, 0.40, 0.42], [0.2], [0.41, 0.40, 0.42], 0.40),  # everything takes as long on this machine
        ([0.41, 0.40, 0.42], [0.001], [0.5, 0.5, 0.5], 0.0),  # late for certain
        ([0.01], [0.001], [0.9], 0.0),
        ([], [], [], 0.0),
    ],
)
def test_who_is_late_by_the_clock_alone_is_neither_late_nor_in_time(
    after: list[float], usual: list[float], by_clock: list[float], perhaps: float
) -> None:
    handed = Handed(tuple(after), None, "", tuple(usual), tuple(by_clock))
    assert handed.perhaps_late == perhaps
    assert not (handed.late and handed.perhaps_late)


@pytest.mark.slow
def test_late_text_is_not_known_where_one_side_could_not_run_for_as_long(
    monkeypatch: pytest.MonkeyPatch, thread: ServerThread
) -> None:
    counted_as_starved(monkeypatch)
    verdict = verdict_of(later(0.25), HELD, thread, patience=ENOUGH)
    assert (verdict.result, verdict.note) == (Result.NOT_APPLICABLE, NOT_KNOWN)


@pytest.mark.slow
def test_text_that_comes_at_once_by_the_clock_is_in_time_on_any_machine(
    monkeypatch: pytest.MonkeyPatch, thread: ServerThread
) -> None:
    """By the clock alone nobody is late who handed over one text, after the first, in less than the limit."""
    seen = _noted(monkeypatch)
    counted_as_starved(monkeypatch)
    verdict = verdict_of(correct, HELD, thread, patience=ENOUGH)
    handed = seen[-1]
    in_time = min(handed.by_clock[1:]) < LATE  # but for a machine that held up each of them
    assert (verdict.result, verdict.note) == ((Result.PASS, "") if in_time else (Result.NOT_APPLICABLE, NOT_KNOWN))


@pytest.mark.slow
def test_text_that_is_late_now_and_then_is_not_told(thread: ServerThread) -> None:
    """Any process may be delayed; only who is late at each gate is late."""

    def client(base_url: str) -> Iterator[str]:
        for number, piece in enumerate(correct(base_url)):
            sleep(0.4 if number % 2 else 0.0)
            yield piece

    assert verdict_of(client, HELD, thread, patience=ENOUGH).result is Result.PASS


@pytest.mark.slow
def test_a_wrong_text_is_told_as_that_and_not_as_a_late_one(thread: ServerThread) -> None:
    def client(base_url: str) -> Iterator[str]:
        for piece in correct(base_url):
            yield piece.replace("three", "")

    assert reason_of(client, HELD, thread).startswith("its text is 'one two")


@pytest.mark.slow
def test_gzip_that_is_unpacked_at_the_end_is_told(thread: ServerThread) -> None:
    case = "delivery/gzip-as-it-comes"
    verdict = verdict_of(unpacks_at_the_end, case, thread)
    assert verdict.evidence is not None
    assert verdict.evidence.expected.startswith("'one ', while the stream is held")


@pytest.mark.slow
def test_when_a_command_writes_its_text_is_not_judged_against_it(tmp_path: Path, thread: ServerThread) -> None:
    script = tmp_path / "late.py"
    script.write_text(
        f"import os, sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom tests.support.correct_clients import correct\n"
        "print(''.join(correct(os.environ['OPENAI_BASE_URL'])), end='')\n"
    )
    [verdict] = run(CommandSubject(f"python {script}"), only=HELD, thread=thread, patience=BRIEF)
    assert verdict.result is Result.NOT_APPLICABLE
    assert "stdout" in verdict.note


@pytest.mark.parametrize("dialect", DIALECTS)
def test_each_api_holds_after_each_word(dialect: str) -> None:
    [case] = [one for one in cases_of(DIALECTS.named(dialect)) if one.id == HELD]
    stream = representative(case)
    assert len(stream.gates) == len(case.due) == 7
    for gate, due in zip(stream.gates, case.due, strict=True):
        said = stream.body[:gate].decode()
        assert said.count(f"{due.split()[-1]} ") == 1
        assert case.expected.text is not None
        assert case.expected.text.removeprefix(due).split()[0] not in said


# -- two answers at once ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("client", [correct, correct_async], ids=lambda one: one.__name__)
def test_two_answers_at_once_get_their_own_texts(client: Client, thread: ServerThread) -> None:
    verdicts = run(client, only=["delivery/two-at-once", "delivery/side-by-side"], thread=thread, patience=ENOUGH)
    assert [one.result for one in verdicts] == [Result.PASS] * 2
    assert verdicts[0].boundaries_proven


@pytest.mark.slow
def test_a_client_that_mixes_two_answers_is_told(thread: ServerThread) -> None:
    common: list[str] = []

    def client(base_url: str) -> Iterator[str]:
        for piece in correct(base_url):
            common.append(piece)
            sleep(0.02)
            while common:
                yield common.pop(0)

    assert reason_of(client, "delivery/two-at-once", thread, ENOUGH).startswith("two answers at once are mixed")


@pytest.mark.slow
def test_a_client_that_answers_one_after_the_other_is_told(thread: ServerThread) -> None:
    lock = threading.Lock()

    def client(base_url: str) -> Iterator[str]:
        with lock:
            yield from correct(base_url)

    verdicts = run(client, only=["delivery/two-at-once", "delivery/side-by-side"], thread=thread, patience=BRIEF)
    assert [one.result for one in verdicts] == [Result.PASS, Result.FAIL]
    assert verdicts[1].evidence is not None
    assert verdicts[1].evidence.reason.startswith("two answers at once come one after the other")


@pytest.mark.slow
def test_a_second_request_that_raises_is_told_with_its_error(thread: ServerThread) -> None:
    busy = threading.Lock()

    def client(base_url: str) -> Iterator[str]:
        if not busy.acquire(blocking=False):
            raise RuntimeError("it is busy")
        try:
            yield from correct(base_url)
        finally:
            busy.release()

    verdict = verdict_of(client, "delivery/two-at-once", thread)
    assert verdict.evidence is not None
    assert verdict.evidence.reason.startswith("with another answer at the same time: ")
    assert "it is busy" in verdict.evidence.got


def driver(*changes: tuple[str, str]) -> str:
    code = (STARTERS / "driver.py").read_text("utf-8")
    for old, new in changes:
        assert old in code
        code = code.replace(old, new)
    return code


@pytest.mark.slow
def test_a_driver_is_run_twice_at_once_where_it_says_that_it_can(tmp_path: Path, thread: ServerThread) -> None:
    for name, code, result in [
        ("parallel.py", driver(), Result.PASS),
        ("alone.py", driver((', "parallel"', "")), Result.NOT_APPLICABLE),
    ]:
        tmp_path.joinpath(name).write_text(code, "utf-8")
        with DriverSubject(f"python {tmp_path / name}") as subject:
            verdicts = run(subject, only=["delivery/two-at-once", HELD], thread=thread, patience=ENOUGH)
        assert {one.case: one.result for one in verdicts} == {"delivery/two-at-once": result, HELD: Result.PASS}


# -- after a cancel --------------------------------------------------------------------------------------------------

AFTER = ["cancellation/next-request", "cancellation/next-after-many"]


@pytest.mark.slow
@pytest.mark.parametrize("client", [correct, correct_async], ids=lambda one: one.__name__)
def test_the_request_after_a_cancel_is_answered(client: Client, thread: ServerThread) -> None:
    assert [one.result for one in run(client, only=AFTER, thread=thread, patience=ENOUGH)] == [Result.PASS] * 2


@pytest.mark.slow
def test_what_a_cancel_leaves_is_told_with_the_next_request(thread: ServerThread) -> None:
    left: list[str] = []

    def client(base_url: str) -> Iterator[str]:
        """The texts of an answer are kept, and one that was cancelled leaves them to the next."""
        before = "".join(left)
        left.clear()
        for number, piece in enumerate(correct(base_url)):
            left.append(piece)
            yield before + piece if number == 0 else piece
        left.clear()

    assert reason_of(client, AFTER[0], thread, ENOUGH).startswith(
        "the request after a cancel fails: its text is 'token"
    )


def keeps_its_lock() -> Client:
    lock = threading.Lock()

    def client(base_url: str) -> Iterator[str]:
        """A lock is given back only at the end of an answer."""
        if not lock.acquire(timeout=1):
            raise TimeoutError("no place is free")
        yield from correct(base_url)
        lock.release()

    return client


def has_ten_places() -> Client:
    pool = threading.Semaphore(10)

    def client(base_url: str) -> Iterator[str]:
        if not pool.acquire(timeout=1):
            raise TimeoutError("no place is free")
        yield from correct(base_url)
        pool.release()

    return client


@pytest.mark.slow
def test_a_lock_that_a_cancel_keeps_is_told_with_the_next_request(thread: ServerThread) -> None:
    reason = reason_of(keeps_its_lock(), AFTER[0], thread, ENOUGH)
    assert reason.startswith("the request after a cancel is never sent")


@pytest.mark.slow
def test_a_pool_that_cancels_empty_is_told(thread: ServerThread) -> None:
    verdicts = run(has_ten_places(), only=AFTER, thread=thread, patience=ENOUGH)
    assert [one.result for one in verdicts] == [Result.PASS, Result.FAIL]
    assert verdicts[1].evidence is not None
    assert verdicts[1].evidence.reason.startswith("the request after a cancel is never sent")


@pytest.mark.slow
def test_who_cannot_be_cancelled_is_not_judged_by_what_follows(thread: ServerThread) -> None:
    async def blocks(base_url: str) -> AsyncIterator[str]:
        yield "".join(correct(base_url))

    verdict = verdict_of(blocks, AFTER[0], thread)
    assert verdict.result is Result.NOT_APPLICABLE
    assert verdict.note.startswith("the client cannot be judged by what follows a cancel: ")
