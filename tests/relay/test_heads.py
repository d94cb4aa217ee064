"""Relays that are wrong about the head of a response: each is found by its cases alone, with its reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orharness.relay.check import check
from orharness.server.facade import SseServer
from orharness.verdict import Result, Verdict
from tests.support.relay_apps import BODY, running
from tests.support.relay_heads import HEADS

LONG = 20.0  # seconds for what passes: a busy machine is slow, not wrong
SHORTLY = 0.3  # seconds for what fails: they are all waited for


@pytest.fixture(scope="module")
def relays() -> Iterator[Callable[[str], str]]:
    with running(HEADS) as address:
        yield address


Run = Callable[..., dict[str, Verdict]]


@pytest.fixture
def run(relays: Callable[[str], str], make_sse_server: Callable[..., SseServer]) -> Iterator[Run]:
    server = make_sse_server(strict=False)

    def checked(name: str, *only: str, patience: float = LONG) -> dict[str, Verdict]:
        headers = {"X-Upstream": server.base_url}
        verdicts = check(relays(name), BODY, server=server, headers=headers, patience=patience, only=only)
        return {verdict.case: verdict for verdict in verdicts}

    yield checked
    server.close()


def reasons(verdicts: dict[str, Verdict]) -> dict[str, str]:
    return {
        name: verdict.evidence.reason
        for name, verdict in verdicts.items()
        if verdict.result is Result.FAIL and verdict.evidence is not None
    }


SOME = ("fidelity/text", "fidelity/gzip", "fidelity/hop-by-hop", "fidelity/content-type", "fidelity/grammar")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["right", "unpacks", "passes_gzip_on", "spells_its_type"])
def test_what_is_right_fails_nothing(run: Run, name: str) -> None:
    assert reasons(run(name, "fidelity/")) == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "case", "reason"),
    [
        ("hides_gzip", "fidelity/gzip", "the answer comes out compressed, and no Content-Encoding says so"),
        ("says_gzip", "fidelity/gzip", "a Content-Encoding is said that the body does not have"),
        ("passes_headers_on", "fidelity/hop-by-hop", "headers about the upstream's connection are passed on"),
        ("says_json", "fidelity/content-type", "EventSource refuses"),
        ("fails_on_long_lines", "fidelity/long-event", "an event of 300,010 bytes does not come out"),
    ],
)
def test_a_wrong_head_fails_its_case_alone(run: Run, name: str, case: str, reason: str) -> None:
    found = reasons(run(name, *{*SOME, case}))
    assert found.keys() == {case}
    assert found[case].startswith(reason)


@pytest.mark.slow
def test_an_error_that_does_not_end_is_not_seen_by_who_waits_for_its_body(run: Run) -> None:
    verdicts = run("error_without_end", "errors/limit", patience=SHORTLY)
    assert reasons(verdicts).keys() == {"errors/limit"}
    assert "the error has its status, but the response does not end" in reasons(verdicts)["errors/limit"]


@pytest.mark.slow
def test_a_redirect_is_said_to_be_one(run: Run) -> None:
    found = reasons(run("redirects", "fidelity/text", "fidelity/several", "buffering/", patience=SHORTLY))
    assert found["fidelity/text"].startswith("the relay answers with status 307, though its upstream does with 200")
    assert found["buffering/each-event"] == "the text does not come out at all"
    assert "not one gets its answer whole" in found["fidelity/several-browsers"]


def test_every_relay_is_in_a_test() -> None:
    source = Path(__file__).read_text("utf-8")
    assert [name for name in HEADS if f'"{name}"' not in source] == []
