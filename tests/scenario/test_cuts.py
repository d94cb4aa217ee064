"""Replies that are cut anew for each trial: what is not about the cuts is made once for all of them."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

import orharness.transforms as t
from orharness.cassette.interaction import Interaction, RecordedRequest
from orharness.errors import ScenarioError
from orharness.journal import Request
from orharness.scenario import Reply
from orharness.sse import encode
from orharness.stream import Chunk, Ending, Stream

ASKED = Request("POST", "/v1/chat/completions", body=json.dumps({"model": "m", "stream": True}).encode())
WHOLE = Request("POST", "/v1/chat/completions", body=json.dumps({"model": "m"}).encode())
CODED = Request("POST", "/v1/chat/completions", (("Accept-Encoding", "gzip"),), ASKED.body)
STREAM = Stream((Chunk(encode("one"), 0.25), Chunk(encode("two"), 0.5), Chunk(encode("[DONE]"))))

REPLIES: dict[str, Callable[[], Reply]] = {
    "completion": lambda: Reply.chat("Grüße, 世界", provider="Groq"),
    "a fault and a gate": lambda: Reply.chat(tokens=9, through=[t.hold(after=2), t.truncate(t.after_event(5))]),
    "comments": lambda: Reply.chat("Hello", through=[t.comments(": X", every=2), t.per_byte()]),
    "latency": lambda: Reply.chat(tokens=4, latency="prefill=200ms,itl=20ms"),
    "events": lambda: Reply.stream("hi", "[DONE]", ending=Ending.ABORT),
    "coded": lambda: Reply.stream("hi", "[DONE]", encoding="gzip"),
    "times": lambda: Reply.stream(STREAM),
    "recorded": lambda: Reply.recorded(Interaction(RecordedRequest("POST", "https://host/v1/any"), stream=STREAM)),
    "plain": lambda: Reply.respond(429, json={"error": "slow down"}),
}


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)
@pytest.mark.parametrize("asked", [ASKED, WHOLE, CODED], ids=["stream", "whole", "gzip"])
@pytest.mark.parametrize("cuts", [(), (1,), (3, 20, 21)])
def test_a_cut_reply_answers_as_one_with_the_transform(
    reply: Callable[[], Reply], asked: Request, cuts: tuple[int, ...]
) -> None:
    given = reply()
    cut = given.with_cuts(cuts)
    expected = given.with_transforms(after=[t.cut_at(*cuts)])
    assert cut == expected
    assert cut.answer(asked) == expected.answer(asked)
    assert cut.with_transforms(after=[t.per_byte()]) == expected.with_transforms(after=[t.per_byte()])


def test_what_is_cut_twice_has_the_last_cuts_alone() -> None:
    first = Reply.chat("Hello").with_cuts([1, 2])
    assert first.with_cuts([7]).answer(ASKED).stream.boundaries[:-1] == (7,)
    assert first.answer(ASKED).stream.boundaries[:-1] == (1, 2)


@pytest.mark.parametrize("reply", [Reply.chat("Hello"), Reply.stream("hi", "[DONE]")], ids=["completion", "events"])
def test_the_model_behind_the_reply_is_made_once_for_all_cuts_and_a_response_once_for_all_requests(
    reply: Reply,
) -> None:
    model = reply.answer(ASKED).generation
    assert model is not None
    for cut in (reply.with_cuts([at]) for at in range(1, 5)):
        assert cut.answer(ASKED).generation is model
        assert cut.answer(ASKED) is cut.answer(ASKED)


def test_a_cut_outside_the_body_fails_at_the_first_request() -> None:
    cut = Reply.chat("Hello").with_cuts([100_000])
    with pytest.raises(ScenarioError, match="cut_at: offset 100000 is outside the body"):
        cut.answer(ASKED)
