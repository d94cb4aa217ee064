"""The times of a simulated model: what is read, what is drawn, and how a stream waits for its tokens."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from itertools import accumulate
from statistics import fmean, median, quantiles, stdev

import pytest

from orharness.errors import ScenarioError
from orharness.journal import Request
from orharness.latency import Latency
from orharness.scenario.document import read_reply, write_reply
from orharness.scenario.reply import Reply
from orharness.scenario.response import Response
from orharness.server.facade import SseServer
from orharness.stream import Stream
from orharness.transforms import comments, rechunk, stall

DRAWS = 4000


def response(reply: Reply, *, stream: bool = True) -> Response:
    body = json.dumps({"model": "m", "stream": stream, "messages": [{"role": "user", "content": "x"}]}).encode()
    return reply.answer(Request("POST", "/v1/chat/completions", body=body))


def delays(made: Response) -> list[float]:
    return [round(chunk.delay, 6) for chunk in made.stream.chunks]


def drawn(text: str) -> list[float]:
    latency = Latency(f"prefill={text}")
    return [latency.whole(1, number) for number in range(DRAWS)]


def test_a_normal_distribution_has_the_mean_and_the_deviation_that_were_asked_for() -> None:
    found = drawn("200ms±50ms")
    assert fmean(found) == pytest.approx(0.2, rel=0.02)
    assert stdev(found) == pytest.approx(0.05, rel=0.05)
    assert min(drawn("1ms+-0.5ms")) > 0


def test_a_lognormal_distribution_has_the_median_and_the_percentile_that_were_asked_for() -> None:
    found = drawn("p50:20ms/p99:80ms")
    assert median(found) == pytest.approx(0.02, rel=0.05)
    assert quantiles(found, n=100)[98] == pytest.approx(0.08, rel=0.15)
    assert fmean(found) > median(found)  # the tail is on the right


def test_units() -> None:
    assert [drawn(text)[0] for text in ("2s", "0.5ms", "250us")] == pytest.approx([2.0, 0.0005, 0.00025])


def test_the_first_chunk_waits_for_the_prefill_and_each_later_token_for_its_own() -> None:
    made = response(Reply.chat(["a", "b", "c"], latency="prefill=200ms,itl=20ms")).drawn(1)
    assert delays(made)[0] == 0.2
    assert sum(delays(made)) == pytest.approx(0.24)
    assert sorted(delays(made), reverse=True)[:3] == [0.2, 0.02, 0.02]
    assert delays(made)[-1] == 0  # [DONE]
    assert made.generation is not None
    assert made.generation.seconds == pytest.approx(0.24)


@pytest.mark.parametrize("size", [7, 100, 100_000])
def test_bytes_wait_for_the_token_that_they_are_of_however_they_are_cut(size: int) -> None:
    plain = response(Reply.chat(["a"] * 9)).stream
    cut = response(Reply.chat(["a"] * 9, latency="prefill=100ms,itl=10ms", through=[rechunk(size)])).drawn(1).stream
    assert cut.body == plain.body
    times = list(accumulate(chunk.delay for chunk in cut.chunks))
    for start, at in zip((0, *cut.boundaries), times, strict=False):
        begun = sum(one <= start for one in plain.tokens)  # whole tokens before this chunk
        assert at >= 0.1 + 0.01 * min(begun, 8) - 1e-9
    assert times[-1] == pytest.approx(0.18)


def test_a_request_has_times_of_its_own_and_the_same_ones_in_each_run() -> None:
    text = "prefill=200ms±50ms,itl=20ms±5ms"
    one = response(Reply.chat(tokens=20, latency=text))
    assert delays(one.drawn(1)) == delays(response(Reply.chat(tokens=20, latency=text)).drawn(1))
    assert delays(one.drawn(1)) != delays(one.drawn(2))
    assert delays(one.drawn(1)) != delays(response(Reply.chat(tokens=20, latency=f"{text},seed=1")).drawn(1))


def test_an_answer_that_is_not_streamed_comes_when_all_of_it_is_made() -> None:
    made = response(Reply.chat(["a", "b", "c"], latency="prefill=200ms,itl=20ms", head=1.0), stream=False).drawn(1)
    assert made.head == pytest.approx(1.24)


def test_other_transforms_add_to_the_times() -> None:
    made = response(
        Reply.chat(["a", "b", "c"], latency="prefill=200ms,itl=20ms", through=[stall(2, 1.0), comments(": x", every=1)])
    ).drawn(1)
    assert sum(delays(made)) == pytest.approx(1.24)


def test_the_journal_keeps_one_stream_for_all_and_the_copies_share_its_bytes() -> None:
    one = response(Reply.chat(tokens=20, latency="prefill=1ms"))
    assert one.stream.duration == 0
    first, second = one.drawn(1).stream, one.drawn(2).stream
    assert first.body is second.body
    assert first.framed(first.framing) is second.framed(second.framing)
    assert isinstance(first, Stream)


def test_without_a_latency_nothing_is_copied() -> None:
    one = response(Reply.chat(tokens=20))
    assert one.drawn(1) is one


def test_as_a_document() -> None:
    reply = Reply.chat("a", latency="prefill=200ms±50ms, itl=20ms, seed=7")
    written = write_reply(reply)
    assert written == {"chat": "a", "latency": "prefill=200ms±50ms, itl=20ms, seed=7"}
    assert read_reply(written) == reply
    assert read_reply({"chat": "a"}) != reply


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "are prefill=…, itl=… and seed=…, not ''"),
        ("ttft=200ms", "are prefill=…, itl=… and seed=…, not 'ttft=200ms'"),
        ("seed=1", "need prefill=… or itl=…"),
        ("prefill=200", "prefill is a time with its unit (us, ms or s): 200ms, "),
        ("itl=-2ms", "itl is a time with its unit"),
        ("prefill=1ms,prefill=2ms", "name prefill once"),
        ("prefill=1ms,seed=x", "seed is a whole number from 0 up, not 'x'"),
        ("prefill=200ms±150ms", "is over half of its mean: write p50:…/p99:…"),
        ("itl=p50:80ms/p99:20ms", "the median p50 is over 0 and at most the 99th percentile p99"),
        ("itl=p50:0ms/p99:20ms", "the median p50 is over 0"),
        (f"itl={'9' * 400}s", "a time is finite"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(text: str, said: str) -> None:
    with pytest.raises(ScenarioError) as refused:
        Reply.chat("a", latency=text)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_it_stands_beside_nothing_that_also_sets_the_times() -> None:
    for options in ({"delay": 0.1}, {"pace": 0.1}, {"pacing": "instant"}):
        with pytest.raises(ScenarioError, match="latency= "):
            Reply.chat("a", latency="itl=1ms", **options)
    with pytest.raises(ScenarioError, match="does not take 'latency'"):
        read_reply({"events": ["a"], "latency": "itl=1ms"})


def test_the_server_draws_the_times_of_each_request(sse_server: SseServer) -> None:
    route = sse_server.chat(["a", "b", "c"], latency="prefill=20ms±5ms,itl=10ms", pacing="recorded")
    for _ in range(2):
        connection = HTTPConnection("127.0.0.1", sse_server.port)
        asked = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": "x"}]})
        connection.request("POST", "/v1/chat/completions", asked, {"Content-Type": "application/json"})
        connection.getresponse().read()
        connection.close()
    drawn_for = [Latency("prefill=20ms±5ms").whole(1, number) for number in (1, 2)]
    for call, prefill in zip(route.calls, drawn_for, strict=True):
        first, *_, last = call.exchange.written_at
        assert first >= prefill
        assert last >= prefill + 0.02
