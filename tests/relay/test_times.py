"""What the relay check says of relays that hold events by a timer, and of those that change Retry-After."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from orharness.relay import judge, promptly
from orharness.relay.check import check
from orharness.relay.promptly import LATE, are_late, waits
from orharness.relay.seen import Seen
from orharness.server.facade import SseServer
from orharness.verdict import Evidence, Level, Result, Verdict
from tests.support.relay_apps import BODY, running
from tests.support.relay_times import TIMES

PATIENCE = 20.0  # seconds
SEEN = Seen("http://127.0.0.1:1/v1", status=429, content=b"{}", waits=())


@pytest.fixture(scope="module")
def relays() -> Iterator[Callable[[str], str]]:
    with running(TIMES) as address:
        yield address


Run = Callable[[str, str], dict[str, Verdict]]


@pytest.fixture
def run(relays: Callable[[str], str], make_sse_server: Callable[..., SseServer]) -> Iterator[Run]:
    server = make_sse_server(strict=False)

    def checked(name: str, only: str) -> dict[str, Verdict]:
        headers = {"X-Upstream": server.base_url}
        verdicts = check(relays(name), BODY, server=server, headers=headers, patience=PATIENCE, only=only)
        return {verdict.case: verdict for verdict in verdicts}

    yield checked
    server.close()


# -- events that a timer sends -----------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", ["collects_for_a_while", "sends_at_ticks"])
def test_a_relay_that_sends_by_a_timer_fails_if_the_machine_is_not_the_cause(name: str, run: Run) -> None:
    verdicts = run(name, "buffering")
    assert verdicts["buffering/each-event"].result is Result.PASS
    found = verdicts["buffering/promptly"]
    assert found.level is Level.SHOULD
    if found.evidence is None:
        assert "too busy" in found.note
    else:
        assert "as a timer does" in found.evidence.reason


@pytest.mark.parametrize("name", ["right", "stumbles"])
@pytest.mark.slow
def test_a_relay_that_is_late_at_times_passes(name: str, run: Run) -> None:
    assert run(name, "buffering/promptly")["buffering/promptly"].result is Result.PASS


def test_events_are_timed_until_one_is_in_time() -> None:
    sent: list[int] = []
    assert waits("abc", lambda token: True, lambda: sent.append(1)) is not None
    assert len(sent) == 1  # the second was in time
    assert waits("abc", lambda token: token != "b", lambda: None) is None
    assert waits((), lambda token: True, lambda: None) == ()
    assert not are_late(())
    assert not are_late(None)


@pytest.mark.parametrize(
    ("late", "direct", "said"),
    [
        ((LATE, 1.0), (0.001,), Evidence),
        ((LATE, 1.0), (LATE / 2,), "too busy"),
        ((LATE, 1.0), None, "too busy"),
        ((1.0, LATE / 2), None, None),
        (None, None, "buffering/each-event judges that"),
    ],
)
def test_only_where_each_event_is_late_and_the_machine_is_not_the_relay_is_blamed(
    late: tuple[float, ...] | None, direct: tuple[float, ...] | None, said: object
) -> None:
    found = promptly.promptly(replace(SEEN, waits=late, direct=direct))
    if isinstance(said, str):
        assert isinstance(found, str)
        assert said in found
    else:
        assert found is None if said is None else isinstance(found, Evidence)


# -- how long to wait --------------------------------------------------------------------------------------------------


def reasons(verdicts: dict[str, Verdict]) -> dict[str, str]:
    return {name: one.evidence.reason for name, one in verdicts.items() if one.evidence is not None}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("drops_retry_after", "Retry-After is lost: its reader cannot know how long to wait"),
        ("empties_retry_after", "Retry-After is lost"),
        ("multiplies_retry_after", "Retry-After is changed to '1000': its reader does not wait as long"),
    ],
)
def test_a_retry_after_that_does_not_come_out_as_it_was_fails(name: str, reason: str, run: Run) -> None:
    found = run(name, "retry-after")
    assert reasons(found).keys() == {"errors/retry-after-429", "errors/retry-after-503"}
    assert all(one.startswith(reason) for one in reasons(found).values())


def test_a_retry_after_that_is_passed_on_holds(run: Run) -> None:
    found = run("right", "retry-after")
    assert {one.result for one in found.values()} == {Result.PASS}


def test_a_retry_after_may_be_said_as_a_date() -> None:
    def of(value: str) -> object:
        return judge.retry_after_kept(replace(SEEN, headers={"retry-after": value}), status=429)

    now = datetime.now(UTC)
    assert of(format_datetime(now + timedelta(seconds=1), usegmt=True)) is None
    assert isinstance(of(format_datetime(now + timedelta(hours=1), usegmt=True)), Evidence)
    assert isinstance(of("soon"), Evidence)


def test_where_the_status_is_another_one_nothing_is_said_of_its_retry_after() -> None:
    found = judge.retry_after_kept(replace(SEEN, status=500), status=429)
    assert isinstance(found, str)
    assert "the status 429 does not come out" in found
