"""The texts of failures: bytes as they are shown, what was seen, what leaked, and the cause."""

from __future__ import annotations

import ast
import gzip
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orharness.checks import (
    Aftermath,
    describe,
    disconnect_failure,
    events_unsent,
    left_open,
    nobody_failure,
    progress,
    state,
    strict_failures,
    upstream_failure,
)
from orharness.dialects import DIALECTS
from orharness.errors import ClientFailure
from orharness.frames import FRAMES, Frame
from orharness.journal import Bill, Counted, Exchange, How, Outcome, Request
from orharness.providers import AS_OF
from orharness.sse import encode
from orharness.verdict import BOUNDARY, aligned, excerpt, quote, shorten

# -- bytes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"data: x\r\n\n", r"data: x\r\n\n"),
        (b"\t\0\x0b\x1b\x7f", r"\t\x00\x0b\x1b\x7f"),
        (b"\x001", r"\x001"),  # \01 would be one byte
        ("Grüße 世界 🙂".encode(), "Grüße 世界 🙂"),
        (b"Gr\xc3", r"Gr\xc3"),
        (b"\xbc\xc3\x9fe", r"\xbcße"),
        (b"\xff\xfe", r"\xff\xfe"),
        (b"\xed\xa0\x80", r"\xed\xa0\x80"),  # a surrogate is not UTF-8
        ("\u2028\u0085\ufeff".encode(), r"\xe2\x80\xa8\xc2\x85\xef\xbb\xbf"),
        (rb'{"a":"b\nc"}', r'{"a":"b\\nc"}'),  # a backslash and an n: pasted as one, it would break the JSON
    ],
)
def test_bytes_are_shown_as_the_inside_of_a_literal(data: bytes, shown: str) -> None:
    assert quote(data) == shown


def pasted(shown: str) -> bytes:
    """What the text means in a bytes literal, where Python wants what is not ASCII as escapes."""
    escaped = "".join(c if c.isascii() and c != '"' else "".join(f"\\x{b:02x}" for b in c.encode()) for c in shown)
    value = ast.literal_eval(f'b"{escaped}"')
    assert isinstance(value, bytes)
    return value


@given(st.binary(max_size=40) | st.text(max_size=20).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_what_is_shown_means_the_same_bytes_and_is_one_line(data: bytes) -> None:
    assert pasted(quote(data)) == data
    assert quote(data).isprintable()


@pytest.mark.parametrize(
    ("data", "at", "shown"),
    [
        ("data: Grüße".encode(), 9, r"…Gr\xc3│\xbcß…"),
        (b"abc", 0, "│abc"),
        (b"abc", 3, "abc│"),
        (b"", 0, "│"),
        (b"0123456789", 5, "…234│567…"),
        (b"0123456789", 3, "012│345…"),
        (b"0123456789", 7, "…456│789"),
        (b"a\n\nb", 2, r"a\n│\nb"),
        ("üüüü".encode(), 4, r"…\xbcü│ü\xc3…"),  # the window cuts characters, too
    ],
)
def test_an_excerpt_marks_the_boundary_and_what_is_left_out(data: bytes, at: int, shown: str) -> None:
    assert excerpt(data, at, around=3) == shown


without_signs = st.binary(max_size=100).filter(lambda data: not {BOUNDARY, "…"} & set(data.decode("utf-8", "replace")))


@given(without_signs, st.data())
def test_an_excerpt_is_the_bytes_on_both_sides(data: bytes, draw: st.DataObject) -> None:
    at = draw.draw(st.integers(0, len(data)))
    before, behind = excerpt(data, at).split(BOUNDARY)
    assert pasted(before.removeprefix("…")) == data[max(0, at - 32) : at]
    assert pasted(behind.removesuffix("…")) == data[at : at + 32]


@pytest.mark.parametrize(
    ("text", "length", "shown"),
    [("abc", 3, "abc"), ("abcdefgh", 8, "abcdefgh"), ("abcdefghi", 7, "ab … hi"), ("abcdefghi", 8, "ab … hi")],
)
def test_a_long_text_keeps_both_its_ends(text: str, length: int, shown: str) -> None:
    assert shorten(text, length) == shown


@given(st.text(max_size=200), st.integers(5, 100))
def test_a_shortened_text_is_never_longer(text: str, length: int) -> None:
    assert len(shorten(text, length)) <= length


def test_rows_are_aligned_and_go_on_below_themselves() -> None:
    assert aligned([("a", "1"), ("name", "2\n3")]) == "  a     1\n  name  2\n        3"
    assert aligned([("a", "x\ny")], indent="") == "a  x\n   y"
    assert aligned([]) == ""


# -- an exchange in words ------------------------------------------------------------------------------------------

BODY = encode("one", "two", "[DONE]")
ONE = len(encode("one"))
OPEN = Exchange(
    id="000007",
    started_at="2026-11-22T06:00:00Z",
    request=Request("POST", "/v1/chat/completions", body=b'{"model":"m"}'),
    route="POST /chat/completions",
    status=200,
    chunks_written=1,
    bytes_written=ONE,
    bytes_read=ONE,
    stream_size=len(BODY),
    chunks=3,
    body=BODY,
)
CANCELLED = replace(OPEN, outcome=Outcome.CANCELLED, how=How.FIN, left_after=0.1234)
COMPLETED = replace(OPEN, outcome=Outcome.COMPLETED, chunks_written=3, bytes_written=len(BODY), bytes_read=len(BODY))
ROWS = r"""
  exchange  000007  POST /v1/chat/completions  (POST /chat/completions)
  seen      {seen}
  written   1 of 3 chunks written (11 of 36 bytes, 11 read)
  bytes     data: one\n\n│data: two\n\ndata: [DONE]\n\n
  not sent  2 events, 25 bytes
"""
CAUSE = """\
  cause     the stream is not closed: in Python leaving a loop (break, return) does not close it (`with`, `async with` or
            close() do; from another thread close() waits for the next bytes); in JavaScript reader.cancel() or an
            AbortSignal closes it, in Go a cancelled context or Body.Close()"""  # noqa: E501
EXPECTED = "  expected  cancelled: the client leaves before the end marker, and the rest is never sent"


def text_of(failure: ClientFailure | None) -> str:
    assert failure is not None
    return str(failure)


@pytest.mark.parametrize(
    ("exchange", "shown"),
    [
        (OPEN, "open"),
        (replace(OPEN, outcome=Outcome.STILL_OPEN), "still open"),
        (CANCELLED, "cancelled (the client closed the connection (FIN) after 0.123 s)"),
        (replace(CANCELLED, how=How.RST), "cancelled (the client reset the connection (RST) after 0.123 s)"),
        (replace(CANCELLED, how=How.HALF_CLOSE), "cancelled (the client shut down its side after 0.123 s)"),
        (replace(CANCELLED, outcome=Outcome.FAULTED), "faulted (the client closed the connection (FIN) after 0.123 s)"),
    ],
)
def test_the_state_of_an_exchange(exchange: Exchange, shown: str) -> None:
    assert state(exchange) == shown


def test_an_exchange_in_one_line() -> None:
    asked = "POST /v1/chat/completions"
    assert describe(OPEN) == f"{asked} → 200: open, 1 of 3 chunks written (11 of 36 bytes, 11 read)"
    assert progress(replace(OPEN, bytes_read=None)) == "1 of 3 chunks written (11 of 36 bytes)"
    long = replace(OPEN, chunks=12_345, stream_size=1_234_567)
    assert progress(long) == "1 of 12,345 chunks written (11 of 1,234,567 bytes, 11 read)"
    assert describe(Exchange("1", "", OPEN.request)) == f"{asked}: open, no response yet"
    garbage = Exchange("1", "", Request("", ""), status=400, outcome=Outcome.UNMATCHED)
    assert describe(garbage) == "a request that was not HTTP → 400: unmatched, no response yet"


@pytest.mark.parametrize(("written", "unsent"), [(0, 3), (ONE - 1, 3), (ONE, 2), (len(BODY) - 1, 1), (len(BODY), 0)])
def test_an_event_is_sent_when_its_last_byte_is(written: int, unsent: int) -> None:
    assert events_unsent(replace(OPEN, bytes_written=written)) == unsent


def test_comments_are_no_events() -> None:
    assert events_unsent(replace(OPEN, body=b": c\n\nretry: 1\n\n" + encode("x"), bytes_written=0)) == 1


# -- expect_disconnect ---------------------------------------------------------------------------------------------

BILL = Bill(10, 1, 1, 1, 1, cancelled=False, cost=0.011)
ASKED = replace(
    OPEN, bill=BILL, tokens_total=2, streamed=True, written_at=(0.5,), boundaries_at=(ONE, 2 * ONE, len(BODY))
)
MORE = replace(
    ASKED,
    bill=replace(BILL, tokens_made=2, tokens_billed=2, cost=0.012),
    chunks_written=2,
    bytes_written=2 * ONE,
    written_at=(0.5, 1.5),
)


def watched(after: Exchange, before: Exchange = OPEN, *, act: float = 1.0, there: bool = True) -> Aftermath:
    """An exchange for a second after the act."""
    return Aftermath(act, before, act + 1, after, there)


def not_met(*seen: Aftermath, in_loop: bool = False) -> str:
    return text_of(disconnect_failure(seen, 0.25, in_loop=in_loop))


def cause_of(said: str) -> str | None:
    return said.partition("\n  cause     ")[2] or None


def test_what_came_after_the_act_is_told_apart_from_what_came_before() -> None:
    seen = watched(replace(MORE, bytes_read=2 * ONE), ASKED)
    assert (seen.left, seen.tokens, seen.chunks, seen.events, seen.read) == (None, 1, 1, 1, ONE)
    seen = watched(MORE, ASKED, act=2.0)
    assert (seen.chunks, seen.events, seen.read) == (0, 0, 0)
    seen = watched(MORE, ASKED, act=0.1)
    assert (seen.chunks, seen.events) == (2, 2)
    assert watched(MORE, replace(ASKED, bytes_read=None)).read is None
    assert watched(OPEN, ASKED).tokens == 0


def test_an_event_cut_by_the_act_came_after_it() -> None:
    cut = replace(MORE, boundaries_at=(ONE - 1, 2 * ONE, len(BODY)))
    assert watched(cut).events == 2
    assert watched(replace(cut, bytes_written=2 * ONE - 1)).events == 1


def test_when_it_left_is_counted_from_the_act() -> None:
    assert watched(replace(CANCELLED, left_after=1.2)).left == pytest.approx(0.2)
    assert watched(replace(CANCELLED, left_after=0.7)).left == pytest.approx(-0.3)
    assert watched(replace(CANCELLED, outcome=Outcome.LEFT_AT_END)).left is None
    assert watched(OPEN).left is None


def test_the_client_left_in_time() -> None:
    for left in (0.1, 1.0, 1.25):
        assert disconnect_failure([watched(replace(CANCELLED, left_after=left))], 0.25) is None


def test_the_client_never_left() -> None:
    assert not_met(watched(MORE, ASKED)) == (
        "the client did not leave within 0.25 s of the end of the block\n"
        "  exchange  000007  POST /v1/chat/completions  (POST /chat/completions)\n"
        "  seen      open\n"
        "  since     the connection stayed open for the 1.00 s that were watched after the block;\n"
        "            1 more event sent, and the model made 1 more token ($0.001000)\n"
        "  written   2 of 3 chunks written (22 of 36 bytes, 11 read)\n"
        r"  bytes     data: one\n\ndata: two\n\n│data: [DONE]\n\n"
        "\n"
        "  not sent  1 event, 14 bytes\n"
        "  model     2 tokens made by None, 1 written, 1 read; 2 billed: $0.012000\n"
        "  cause     it stopped reading and kept the connection: as a rule it left the loop (break, return) without"
        " closing the stream.\n"
        "            In Python that stays open until it is collected: use `with`, `async with`, or close()"
        " in a `finally`;\n"
        "            in JavaScript reader.cancel() or an AbortSignal, in Go `defer` with Body.Close()"
    )


def test_what_is_still_to_be_made_is_told_with_its_price() -> None:
    said = not_met(watched(ASKED, ASKED))
    assert "nothing was sent, and the model made no more tokens\n" in said
    assert "  not sent  2 events, 25 bytes; 1 token ($0.001000) still to be made\n" in said
    free = replace(ASKED, bill=replace(BILL, cost=0.0, tokens_prompt=0, tokens_billed=0))
    assert "; 2 tokens still to be made\n" in not_met(watched(free, free))
    assert "\n            nothing was sent\n" in not_met(watched(OPEN))


@pytest.mark.parametrize(
    ("after", "before", "in_loop", "cause"),
    [
        (MORE, ASKED, False, "it stopped reading and kept the connection"),
        (replace(MORE, bytes_read=2 * ONE), ASKED, False, "it went on reading after the block"),
        (replace(MORE, bytes_read=2 * ONE), ASKED, True, "it went on reading after the block"),
        (ASKED, ASKED, False, "no bytes came after the block"),
        (ASKED, ASKED, True, "an event loop is running in this thread, and a sync `with`"),
        (replace(ASKED, streamed=False), ASKED, True, "the request does not ask for a stream"),
        (replace(ASKED, bytes_read=None), ASKED, False, "the stream is not closed: in Python leaving a loop"),
        (ASKED, replace(ASKED, bytes_read=None), False, "the stream is not closed: in Python leaving a loop"),
    ],
)
def test_the_bytes_tell_the_cause(after: Exchange, before: Exchange, in_loop: bool, cause: str) -> None:
    assert (cause_of(not_met(watched(after, before), in_loop=in_loop)) or "").startswith(cause)


LOOP_KEPT = "an event loop is running in this thread, and a sync `with`"


def test_a_loop_is_not_the_cause_where_another_process_holds_the_connection() -> None:
    """Playwright's sync API runs a loop in the test's thread, and the client is the app under test."""
    for seen, by_bytes in [(watched(MORE, ASKED), "it stopped reading"), (watched(ASKED, ASKED), "no bytes came")]:
        said = cause_of(not_met(replace(seen, held_here=False), in_loop=True)) or ""
        first, second = said.splitlines()[:2]
        assert first.startswith("another process keeps the connection (an app under test")
        assert second.strip().startswith(by_bytes)
        assert "event loop is running" not in said


def test_a_loop_is_the_last_of_the_causes_where_it_is_not_known_who_holds_the_connection() -> None:
    said = cause_of(not_met(replace(watched(ASKED, ASKED), held_here=None), in_loop=True)) or ""
    assert said.startswith("no bytes came after the block")
    assert said.index(f"it may also be that {LOOP_KEPT}") > said.index("without closing the response")


def test_a_loop_is_the_first_of_the_causes_where_this_process_holds_the_connection() -> None:
    said = cause_of(not_met(watched(ASKED, ASKED), in_loop=True)) or ""
    assert said.startswith(LOOP_KEPT)
    assert said.index("no bytes came after the block") > said.index("if the client does not run in that event loop")


def test_the_client_left_too_late() -> None:
    said = not_met(watched(replace(CANCELLED, left_after=2.5)))
    assert said.startswith("the client left 1.500 s after the block, 0.25 s were allowed\n")
    assert "  since     the connection stayed open for 1.500 s after the block;\n" in said
    assert cause_of(said) is None


@pytest.mark.parametrize(("came", "told"), [(1.7, True), (1.8, True), (1.4, False), (0.5, False)])
def test_who_left_behind_a_silence_when_bytes_came_waited_for_them(came: float, told: bool) -> None:
    late = replace(MORE, outcome=Outcome.CANCELLED, how=How.FIN, left_after=2.0, written_at=(0.4, came))
    cause = cause_of(not_met(watched(late, ASKED)))
    assert (cause is not None and cause.startswith("it left when the next bytes came")) is told


def test_everything_had_been_read() -> None:
    for exchange in (COMPLETED, replace(CANCELLED, outcome=Outcome.LEFT_AT_END)):
        said = not_met(watched(exchange, there=False))
        assert said.startswith("there was nothing left to cancel: the client had read the whole answer; hold(…) keeps")
        assert "\n  since " in said
        before_the_block = not_met(watched(exchange, exchange, there=False))
        assert "\n  since " not in before_the_block, "nothing was watched after an end"
        assert cause_of(said) is None


def test_the_fault_came_first() -> None:
    """A client must not be told off for not leaving what the scenario itself had ended."""
    faulted = replace(OPEN, outcome=Outcome.FAULTED)
    said = not_met(watched(faulted, there=False))
    assert said.startswith("there was nothing left to cancel: the scripted fault came first; hold(…) keeps")
    assert cause_of(said) is None


def test_a_stream_that_hangs_is_there_to_be_left() -> None:
    said = not_met(watched(replace(OPEN, outcome=Outcome.FAULTED)))
    assert said.startswith("the client did not leave within 0.25 s")
    assert cause_of(said) is not None


def test_several_calls_are_listed_and_those_that_stayed_reported() -> None:
    well, before = (replace(CANCELLED, id=number, left_after=at) for number, at in (("000008", 1.1), ("000009", 0.5)))
    listed, report = not_met(watched(well), watched(OPEN), watched(before)).split("\n\n")
    assert listed == (
        "1 of 3 calls did not leave as expected\n"
        "  000008  the client left 0.100 s after the block\n"
        "  000007  the client did not leave within 0.25 s of the end of the block\n"
        "  000009  the client left 0.500 s before the end of the block"
    )
    assert report.startswith("the client did not leave within 0.25 s of the end of the block\n  exchange  000007  ")
    failure = disconnect_failure([watched(well), watched(OPEN)], 0.25)
    assert failure is not None
    assert failure.exchange is OPEN


def test_a_gate_that_holds_the_stream_is_told() -> None:
    held = watched(replace(OPEN, held_at=11))
    assert "\n  held      at a gate after byte 11: release() was not called\n" in not_met(held)


def test_a_response_that_never_began_has_no_bytes_to_show() -> None:
    asked = Exchange("1", "", OPEN.request)
    assert "  written   no response yet\n  cause" in not_met(watched(asked, asked))


def nobody(*exchanges: Exchange, others: tuple[Exchange, ...] = ()) -> str:
    failure = nobody_failure("POST /chat/completions", exchanges, others)
    assert failure.exchange is (exchanges[-1] if exchanges else None)
    return str(failure)


def test_nobody_was_there() -> None:
    said = "the client never sent a request to POST /chat/completions: there was nothing to cancel; "
    assert nobody() == said + "nothing at all came to the server (was the client given its base_url?)"
    assert nobody(others=(OPEN,)) == said + f"what came to the server:\n  {describe(OPEN)}"


def test_no_call_was_open() -> None:
    said = "no call was open when the block began; hold(…) keeps an answer open"
    assert nobody(COMPLETED, CANCELLED) == f"{said}\n  {describe(COMPLETED)}\n  {describe(CANCELLED)}"


# -- assert_upstream_stopped ---------------------------------------------------------------------------------------


STOPPED = replace(CANCELLED, bill=replace(BILL, cancelled=True), provider="P", provider_stops=True, streamed=True)


def test_a_cancelled_exchange_stopped_the_upstream() -> None:
    assert upstream_failure(STOPPED) is None


def test_what_was_made_before_the_client_left_is_no_leak() -> None:
    ahead = replace(BILL, tokens_made=500, tokens_billed=500, cancelled=True)
    assert upstream_failure(replace(STOPPED, bill=ahead)) is None


def test_an_assertion_does_not_pass_for_lack_of_knowledge() -> None:
    said = text_of(upstream_failure(CANCELLED))
    assert said.startswith("cannot be known: the client left, but this reply has no model behind it")
    said = text_of(upstream_failure(replace(STOPPED, provider_stops=None)))
    assert said.startswith("cannot be known: the client left, but whether P stops on cancel is not known: pass\n")
    assert "provider=Provider('P', stops_on_cancel=…)" in said


@pytest.mark.parametrize(
    ("outcome", "seen"),
    [(None, "open"), (Outcome.STILL_OPEN, "still open"), (Outcome.ABANDONED, "abandoned")],
)
def test_a_client_that_has_not_left_leaks(outcome: Outcome | None, seen: str) -> None:
    exchange = replace(OPEN, outcome=outcome)
    failure = upstream_failure(exchange)
    head = "the client has not left: the model goes on"
    assert text_of(failure) == head + ROWS.format(seen=seen) + f"{EXPECTED}\n{CAUSE}"
    assert failure is not None
    assert failure.exchange is exchange


def test_what_came_after_the_act_is_told_of_a_client_that_has_not_left() -> None:
    said = text_of(upstream_failure(MORE, seen=watched(MORE, ASKED)))
    assert "1 more event sent, and the model made 1 more token ($0.001000)\n" in said
    assert (cause_of(said) or "").startswith("it stopped reading and kept the connection")
    unstreamed = text_of(upstream_failure(replace(OPEN, streamed=False)))
    assert (cause_of(unstreamed) or "").startswith("the request does not ask for a stream")


UNSTREAMED = {
    "chat": ("/v1/chat/completions", "`stream: true` is missing"),
    "messages": ("/v1/messages", "`stream: true` is missing"),
    "responses": ("/v1/responses", "`stream: true` is missing"),
    "gemini": ("/v1beta/models/m:generateContent", "it is one for `generateContent`, not for `streamGenerateContent`"),
    "ollama": ("/api/chat", "it says `stream: false`"),  # a stream is its default
}


@pytest.mark.parametrize("name", DIALECTS)
def test_each_api_asks_for_a_stream_in_its_own_way(name: str) -> None:
    path, how = UNSTREAMED[name]
    asked = replace(OPEN, streamed=False, request=Request("POST", path))
    said = f"the request does not ask for a stream ({how}): such an answer is made, and billed,"
    assert (cause_of(text_of(upstream_failure(asked))) or "").startswith(said)
    assert (cause_of(not_met(watched(asked, asked))) or "").startswith(said)


def test_of_a_path_of_no_api_it_is_not_said_how_a_stream_is_asked_for() -> None:
    asked = replace(OPEN, streamed=False, request=Request("POST", "/my/own"))
    assert (cause_of(text_of(upstream_failure(asked))) or "").startswith("the request does not ask for a stream: such")


def leaking(**changes: Any) -> str:
    bill = replace(BILL, tokens_made=5, tokens_billed=5, cancelled=True, cost=0.015)
    return text_of(upstream_failure(replace(CANCELLED, bill=bill, provider="P", **changes)))


def test_a_leak_has_its_price_its_cause_and_its_cure() -> None:
    assert leaking(provider_stops=False).startswith(
        "the client left, and the model went on: 4 tokens ($0.004000) are billed that were never sent\n"
    )
    assert "  expected  at most 1 leaked token (leaked_tokens=)\n" in leaking(provider_stops=False)
    assert (cause_of(leaking(provider_stops=True, streamed=False)) or "").startswith("the request does not ask for")
    said = leaking(provider_stops=False)
    assert (cause_of(said) or "").startswith("P does not stop on cancel: it makes the whole answer")
    assert f"\n  cure      ask for one that stops (as of {AS_OF}):\n            OpenAI, Azure, Anthropic, " in said
    assert "Groq" not in said


def test_one_token_is_no_tokens() -> None:
    bill = Bill(0, 1, 0, 0, 1, cancelled=True, cost=0.001)
    failure = upstream_failure(replace(CANCELLED, bill=bill, provider="P", provider_stops=False), leaked_tokens=0)
    assert "  model     1 token made by P, 0 written, 0 read; 1 billed: $0.001000\n" in text_of(failure)


def test_where_events_stand_for_tokens_each_number_says_so() -> None:
    bill = Bill(0, 5, 1, 1, 5, cancelled=True, cost=0.005, counted=Counted.EVENTS)
    counted = replace(CANCELLED, bill=bill, provider="P", provider_stops=False, streamed=True)
    said = text_of(upstream_failure(counted))
    assert said.startswith(
        "the client left, and the model went on: 4 events ($0.004000; events stand for tokens) are billed that were"
        " never sent\n"
    )
    assert (
        "  model     5 events made by P, 1 written, 1 read; 5 billed: $0.005000\n"
        "            events stand for tokens: the stream's tokens cannot be counted\n"
    ) in said
    assert "  expected  at most 1 leaked event (leaked_tokens=)\n" in said
    assert upstream_failure(counted, leaked_tokens=4) is None


def test_events_that_stand_for_tokens_are_told_of_a_client_that_stays() -> None:
    before = replace(ASKED, bill=replace(BILL, counted=Counted.EVENTS), tokens_total=3)
    after = replace(MORE, bill=replace(BILL, tokens_made=2, tokens_billed=2, counted=Counted.EVENTS), tokens_total=3)
    said = not_met(watched(after, before))
    assert re.search(r"and the model made 1 more event \(\$[\d.]+; events stand for tokens\)\n", said)
    assert re.search(r"; 1 event \(\$[\d.]+; events stand for tokens\) still to be made\n", said)
    assert "and the model made no more events\n" in not_met(watched(before, before))


@pytest.mark.parametrize("frame", FRAMES.values(), ids=repr)
def test_the_events_of_every_frame_are_counted(frame: Frame) -> None:
    body = frame.encode('{"a":1}', '{"b":2}', '{"c":3}')
    [first, *_] = [offset for offset, _ in frame.decode_with_offsets(body)]
    after = replace(
        OPEN, body=body, frame=frame, boundaries_at=(first, len(body)), bytes_written=len(body), written_at=(0.5, 1.5)
    )
    seen = watched(replace(after, chunks_written=2), OPEN)
    assert (events_unsent(replace(after, bytes_written=first)), seen.events) == (2, 2)
    assert f"  not sent  2 events, {len(body) - first} bytes\n" in text_of(
        upstream_failure(replace(after, bytes_written=first))
    )


@pytest.mark.parametrize("body", [b'{"choices":[]}', gzip.compress(BODY, mtime=0)], ids=["JSON", "gzip"])
def test_where_no_event_can_be_read_none_is_counted(body: bytes) -> None:
    after = replace(OPEN, body=body, boundaries_at=(4, len(body)), bytes_written=4, written_at=(0.5, 1.5))
    assert f"  not sent  {len(body) - 4} bytes\n" in text_of(upstream_failure(after))
    assert "\n            1 more chunk sent" in not_met(watched(after, OPEN))


@pytest.mark.parametrize("outcome", [Outcome.COMPLETED, Outcome.LEFT_AT_END])
def test_nothing_is_stopped_behind_the_end(outcome: Outcome) -> None:
    said = text_of(upstream_failure(replace(COMPLETED, outcome=outcome)))
    assert said.startswith("nothing was stopped: the client had read the whole answer\n")
    assert r"data: [DONE]\n\n│" in said
    assert "  not sent  0 events, 0 bytes\n" in said
    assert "cause" not in said


@pytest.mark.parametrize("outcome", [Outcome.FAULTED, Outcome.UNMATCHED])
def test_what_was_not_the_clients_doing_is_named(outcome: Outcome) -> None:
    said = text_of(upstream_failure(replace(OPEN, outcome=outcome)))
    assert said.startswith(f"nothing was stopped: the exchange is {outcome.value}\n")
    assert "cause" not in said


# -- strict --------------------------------------------------------------------------------------------------------


def test_what_is_left_open_is_told_in_a_line() -> None:
    still = describe(replace(OPEN, outcome=Outcome.STILL_OPEN))
    assert left_open(OPEN) == still
    assert left_open(replace(OPEN, held_at=11)) == f"{still}, held at a gate after byte 11"
    assert left_open(replace(OPEN, outcome=Outcome.ABANDONED)) == describe(replace(OPEN, outcome=Outcome.ABANDONED))
    for outcome in set(Outcome) - {Outcome.STILL_OPEN, Outcome.ABANDONED}:
        assert left_open(replace(OPEN, outcome=outcome)) is None


def test_a_strict_server_complains_of_each_unmatched_request_and_unused_reply() -> None:
    lost = replace(OPEN, outcome=Outcome.UNMATCHED, difference="no route answers it:\n  there are no routes")
    assert strict_failures([OPEN, lost, COMPLETED], ["GET /models", "POST /x"]) == [
        "a request that no route answers\n"
        '  request     POST /v1/chat/completions {"model":"m"}\n'
        "  difference  no route answers it:\n"
        "                there are no routes",
        "a reply that was never asked for: GET /models",
        "a reply that was never asked for: POST /x",
    ]
    assert strict_failures([OPEN, CANCELLED, COMPLETED], []) == []


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (404, "a request that no route answers"),
        (405, "a request that no route answers"),
        (400, "a request that is refused"),
        (410, "a request that is refused"),
        (422, "a request that is refused"),
        (500, "a request whose reply failed"),
    ],
)
def test_a_request_that_is_refused_is_not_told_to_be_without_a_route(status: int, said: str) -> None:
    lost = replace(OPEN, outcome=Outcome.UNMATCHED, status=status, difference="messages: missing")
    [told] = strict_failures([lost], [])
    assert told.startswith(f"{said}\n  request ")
    assert told.endswith("difference  messages: missing")


def test_a_long_body_is_cut_and_a_missing_one_leaves_no_gap() -> None:
    request = Request("POST", "/x", body=b"a" * 401)
    [said] = strict_failures([replace(OPEN, request=request, outcome=Outcome.UNMATCHED)], [])
    assert f"  request     POST /x {'a' * 400}…\n" in said
    assert said.endswith("  difference  unknown")
    [said] = strict_failures([replace(OPEN, request=Request("GET", "/x"), outcome=Outcome.UNMATCHED)], [])
    assert "  request     GET /x\n" in said
