"""Background Responses with OpenAI's Python SDK: they are made without their client, resumed, and stopped by a call."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from orharness.dialects.completion import Failure
from orharness.errors import ClientFailure
from orharness.server.facade import SseServer
from orharness.server.thread import ServerThread
from orharness.transforms import hold
from tests.support.raw import eventually
from tests.support.sdks import openai

ASKED: Any = {"model": "m", "input": "hi", "background": True}
LEAD = 5  # events before the first token: created, queued, in progress, the item, its part


@pytest.fixture
def server(sse_thread: ServerThread) -> Iterator[SseServer]:
    with SseServer(sse_thread, gateway="openai") as server:
        yield server


@pytest.fixture
def client(server: SseServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(**server.openai, max_retries=0) as client:
        yield client


def polled(client: openai.OpenAI, identifier: str) -> Any:
    """The response once it is over, as the manual shows it."""
    found: list[Any] = []

    def over() -> bool:
        found.append(client.responses.retrieve(identifier))
        return found[-1].status not in ("queued", "in_progress")

    eventually(over)
    return found[-1]


def test_it_is_made_without_its_client_and_shown_when_it_is_whole(server: SseServer, client: openai.OpenAI) -> None:
    route = server.responses("one two three", through=[hold(after=LEAD + 2)])
    begun = client.responses.create(**ASKED)
    assert (begun.status, begun.background, begun.usage, begun.output) == ("queued", True, None, [])
    call = route.wait_held(20)
    seen = client.responses.retrieve(begun.id)
    assert (seen.status, seen.usage, seen.output) == ("in_progress", None, [])
    assert call.bill is not None
    assert (call.bill.tokens_made, call.bill.tokens_billed, call.bill.tokens_written) == (2, 2, 0)
    route.release()
    whole = polled(client, begun.id)
    assert (whole.status, whole.output_text, whole.usage.output_tokens) == ("completed", "one two three", 3)
    assert route.call.bill is not None
    assert (route.call.bill.tokens_billed, route.call.bill.cancelled) == (3, False)


def test_the_call_stops_the_model_and_its_bill(server: SseServer, client: openai.OpenAI) -> None:
    route = server.responses(tokens=50, through=[hold(after=LEAD + 4)])
    begun = client.responses.create(**ASKED)
    route.wait_held(20)
    with pytest.raises(ClientFailure, match=r"the model goes on in the background \(4 of 50 tokens\)"):
        route.call.assert_upstream_stopped()
    for _ in range(2):  # a second time it changes nothing
        stopped = client.responses.cancel(begun.id)
        assert (stopped.status, stopped.id, stopped.usage) == ("cancelled", begun.id, None)
    route.release()
    assert client.responses.retrieve(begun.id).status == "cancelled"
    route.call.assert_upstream_stopped()
    assert route.call.bill is not None
    assert (route.call.bill.tokens_made, route.call.bill.tokens_billed, route.call.bill.cancelled) == (4, 4, True)


def test_what_is_whole_is_not_cancelled(server: SseServer, client: openai.OpenAI) -> None:
    route = server.responses("one two")
    begun = client.responses.create(**ASKED)
    polled(client, begun.id)
    assert client.responses.cancel(begun.id).status == "completed"
    with pytest.raises(ClientFailure, match="was made to its end in the background"):
        route.call.assert_upstream_stopped()


def test_two_of_one_reply_have_their_own_ids_and_bills(server: SseServer, client: openai.OpenAI) -> None:
    route = server.responses(tokens=50, through=[hold(after=LEAD + 4)])
    first, second = (client.responses.create(**ASKED) for _ in range(2))
    assert first.id != second.id
    eventually(lambda: all(call.exchange.held_at is not None for call in route.calls))
    client.responses.cancel(first.id)
    route.release()
    assert polled(client, second.id).status == "completed"
    bills = [call.bill for call in route.calls]
    assert [(bill.tokens_billed, bill.cancelled) for bill in bills if bill] == [(4, True), (50, False)]


def test_leaving_its_stream_does_not_stop_it_and_it_is_resumed(server: SseServer, client: openai.OpenAI) -> None:
    words = [f"{number} " for number in range(20)]
    route = server.responses(words, through=[hold(after=LEAD + 4)])
    with client.responses.create(**ASKED, stream=True) as stream:
        events = [next(stream) for _ in range(LEAD + 4)]
        assert [event.type for event in events[:3]] == [
            "response.created",
            "response.queued",
            "response.in_progress",
        ]
        assert events[0].response.status == "queued"
        assert events[0].response.background is True
        route.wait_held(20)
        with route.expect_disconnect(within=20):
            stream.close()
    identifier = events[0].response.id
    with pytest.raises(ClientFailure, match="the model goes on in the background"):
        route.call.assert_upstream_stopped()
    after = events[-1].sequence_number
    with client.responses.retrieve(identifier, stream=True, starting_after=after) as rest:
        route.release()
        events += list(rest)
    assert [event.sequence_number for event in events] == list(range(len(events)))
    said = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert said == words
    assert events[-1].response.output_text == "".join(words)
    assert route.call.bill is not None
    assert (route.call.bill.tokens_billed, route.call.bill.tokens_read) == (20, 4)


def test_a_stream_from_its_beginning_is_the_whole_one(server: SseServer, client: openai.OpenAI) -> None:
    server.responses("one two three")
    with client.responses.create(**ASKED, stream=True) as stream:
        first = list(stream)
    with client.responses.retrieve(first[0].response.id, stream=True) as stream:
        assert list(stream) == first


def test_an_open_stream_ends_when_the_call_stops_the_model(server: SseServer, client: openai.OpenAI) -> None:
    route = server.responses(tokens=50, through=[hold(after=LEAD + 4)])
    with client.responses.create(**ASKED, stream=True) as stream:
        events = [next(stream) for _ in range(LEAD + 4)]
        assert client.responses.cancel(events[0].response.id).status == "cancelled"
        assert list(stream) == []
    assert route.call.wait_ended(20) == "completed"  # all that was sent of it
    route.call.assert_upstream_stopped()


def test_a_stream_that_is_held_has_all_that_comes_before(server: SseServer, client: openai.OpenAI) -> None:
    route = server.responses(tokens=50, through=[hold(after=LEAD + 4)])
    with client.responses.create(**ASKED, stream=True) as stream:
        with pytest.raises(ClientFailure, match="no stream of POST /responses is held"):
            route.wait_held(0.2)  # what comes before the gate is not read yet
        begun, *_ = [next(stream) for _ in range(LEAD + 4)]
        assert route.wait_held(20).exchange.chunks_written == LEAD + 4
        client.responses.cancel(begun.response.id)


def test_the_pace_of_the_model_is_its_own(server: SseServer, client: openai.OpenAI) -> None:
    route = server.responses(tokens=1000, pace=0.01)
    begun = client.responses.create(**ASKED)
    eventually(lambda: route.call.bill is not None and route.call.bill.tokens_made > 1)
    client.responses.cancel(begun.id)
    bill = route.call.bill
    assert bill is not None
    assert 1 < bill.tokens_billed < 1000
    time.sleep(0.03)
    assert route.call.bill == bill


def test_an_answer_that_fails_is_shown_as_failed(server: SseServer, client: openai.OpenAI) -> None:
    server.responses("one two", error=Failure("gone", 502, after=1))
    begun = client.responses.create(**ASKED)
    failed = polled(client, begun.id)
    assert (failed.status, failed.error.message) == ("failed", "gone")


def _cancel_other(client: openai.OpenAI) -> None:
    client.responses.cancel(client.responses.create(model="m", input="hi").id)


def _stream_of_a_document(client: openai.OpenAI) -> None:
    client.responses.retrieve(client.responses.create(**ASKED).id, stream=True)


def _after_nothing(client: openai.OpenAI) -> None:
    with client.responses.create(**ASKED, stream=True) as stream:
        begun = next(stream)
    client.responses.retrieve(begun.response.id, stream=True, extra_query={"starting_after": "x"})


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (_cancel_other, "was not made with background: true"),
        (_stream_of_a_document, "was not asked for with stream: true"),
        (_after_nothing, "starting_after is the number of an event, not 'x'"),
        (lambda client: client.responses.create(**ASKED, store=False), "background: true needs a response that is"),
    ],
    ids=["cancel of another", "stream of a document", "after what is not a number", "not stored"],
)
def test_what_the_api_refuses_is_refused(
    sse_thread: ServerThread, ask: Callable[[openai.OpenAI], None], said: str
) -> None:
    with SseServer(sse_thread, strict=False) as server:
        server.responses("one two")
        with openai.OpenAI(**server.openai, max_retries=0) as client:
            with pytest.raises(openai.BadRequestError, match=said):
                ask(client)
            for call in (client.responses.retrieve, client.responses.cancel):
                with pytest.raises(openai.NotFoundError):
                    call("resp_unknown")


@pytest.mark.asyncio
async def test_an_async_client_cancels_it_as_well(server: SseServer) -> None:
    route = server.responses(tokens=50, through=[hold(after=LEAD + 4)])
    async with openai.AsyncOpenAI(**server.openai, max_retries=0) as client:
        begun = await client.responses.create(**ASKED)
        await route.wait_held_async(20)
        assert (await client.responses.cancel(begun.id)).status == "cancelled"
    route.call.assert_upstream_stopped()


def test_nothing_is_left_at_work_after_a_reset(server: SseServer, client: openai.OpenAI) -> None:
    route = server.responses(tokens=50, through=[hold(after=LEAD + 4)])
    begun = client.responses.create(**ASKED)
    route.wait_held(20)
    server.reset()
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(begun.id)
    server.reset()  # what was not found is not a fault of this test
