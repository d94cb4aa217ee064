"""A text that is too long for its client: the reason is its size, and not what its lines have at some place."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orharness.contract import Client, run
from orharness.contract.driving.commands import CommandSubject
from orharness.server.thread import ServerThread
from orharness.verdict import Evidence
from tests.support.correct_clients import Answer, asked, correct, reads
from tests.support.places import ROOT

LONG = "boundaries/blocks-of-64k-inside-a-field"
LOST = "the end of a long text is lost, whatever its lines are"
SIZE = f"{LOST}: 65,536 bytes are said of this one, and of a plain answer as long"
ENDED = "does the program end, as by process.exit(), before its stdout has taken everything?"


@pytest.fixture(scope="module")
def thread() -> Iterator[ServerThread]:
    started = ServerThread().start()
    yield started
    started.stop()


def evidence_of(client: Client | CommandSubject, thread: ServerThread) -> Evidence:
    [verdict] = [one for one in run(client, only=[LONG], thread=thread) if one.case == LONG]
    assert verdict.evidence is not None
    return verdict.evidence


def says_64_kib(base_url: str) -> Iterator[str]:
    yield "".join(correct(base_url))[: 64 * 1024]


def reads_64_kib(base_url: str) -> Iterator[str]:
    answer, left = Answer(), 64 * 1024
    with asked(base_url) as response:
        for data in reads(response):
            yield from answer.feed(data[:left])
            left -= len(data)
            if left <= 0 or answer.done:
                return


def test_the_end_of_any_long_text_is_lost(thread: ServerThread) -> None:
    assert evidence_of(says_64_kib, thread).reason == SIZE


def test_a_client_that_reads_a_part_of_the_stream_says_less_of_a_plain_answer(thread: ServerThread) -> None:
    assert LOST not in evidence_of(reads_64_kib, thread).reason


@pytest.mark.slow
def test_a_program_that_ends_before_its_stdout_has_taken_all_is_asked_for_that(
    tmp_path: Path, thread: ServerThread
) -> None:
    script = tmp_path / "ends_early.py"
    script.write_text(
        f"import os, sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom tests.support.correct_clients import correct\n"
        "text = ''.join(correct(os.environ['OPENAI_BASE_URL'])).encode()\n"
        "os.set_blocking(1, False)\nos.write(1, text[:65536])\nos._exit(0)\n"  # as process.exit() does in Node
    )
    said = evidence_of(CommandSubject(f"{sys.executable} {script}"), thread).reason
    assert said == f"{SIZE}; {ENDED}"
