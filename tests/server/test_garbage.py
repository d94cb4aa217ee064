"""What an exchange leaves is freed at once, and does not wait for a search for garbage, which holds up every stream."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator

import pytest

from orharness.journal import Pacing
from orharness.scenario.options import Through
from orharness.server.delivery import Delivery
from orharness.server.facade import SseServer
from orharness.server.http1 import Connection
from orharness.server.looks import Watched
from orharness.server.thread import ServerThread
from orharness.transforms import hold
from tests.support.raw import Raw, eventually

KINDS = (Connection, Delivery, Watched)


@pytest.fixture
def uncollected() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def there() -> list[object]:
    return [one for one in gc.get_objects() if type(one) in KINDS]


def reads_it_all(raw: Raw) -> None:
    raw.read_until(b"0\r\n\r\n")


def closes(raw: Raw) -> None:
    raw.read()
    raw.close()


def resets(raw: Raw) -> None:
    raw.read()
    raw.reset()


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("pacing", Pacing)
@pytest.mark.parametrize(
    ("client", "through"),
    [(reads_it_all, ()), (closes, ()), (resets, ()), (closes, [hold(after=3)]), (resets, [hold(after=3)])],
    ids=["whole", "closed", "reset", "closed while held", "reset while held"],
)
def test_nothing_of_a_connection_waits_for_the_garbage_collector(
    client: Callable[[Raw], None], through: Through, pacing: Pacing, sse_thread: ServerThread
) -> None:
    before = there()  # of other tests: kept by this list, so that no new object has the id of one
    with SseServer(sse_thread, strict=False, pacing=pacing) as server:
        server.chat(tokens=20, pace=0.001, through=through)
        with Raw(server) as raw:
            raw.post()
            client(raw)
    known = set(map(id, before))
    eventually(lambda: not [one for one in there() if id(one) not in known])
