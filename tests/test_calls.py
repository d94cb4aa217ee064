"""A wrong call of anything public is one sentence that names what was wrong: never a traceback from the inside."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable
from typing import Any

import pytest

import orharness
from orharness import Reply, ScenarioError, ToolCall
from orharness.gateways import GATEWAYS

api: Any = orharness  # untyped: a type checker refuses most of what is called here
WRONG: dict[str, tuple[Callable[[Any], object], str]] = {
    "chat(5)": (
        lambda s: s.chat(5),
        "chat takes a text, or a list of its pieces, not 5; for a number of tokens write tokens=5",
    ),
    "chat(b'x')": (lambda s: s.chat(b"x"), "chat takes a text, or a list of its pieces, not b'x'"),
    "chat([1])": (lambda s: s.chat([1]), "chat takes a text, or a list of its pieces, not [1]"),
    "answer(5)": (lambda s: s.answer(5), "answer takes a text, or a list of its pieces, not 5"),
    "chat(toekns=)": (
        lambda s: s.chat(toekns=5),
        "chat knows no toekns= (did you mean tokens=?); it takes text=, when=, ",
    ),
    "post().chat(toekns=)": (lambda s: s.post("/x").chat(toekns=5), "chat knows no toekns= (did you mean tokens=?)"),
    "Reply.chat(toekns=)": (lambda _: api.Reply.chat(toekns=5), "chat knows no toekns= (did you mean tokens=?)"),
    "chat(tokens='5')": (lambda s: s.chat(tokens="5"), "tokens= is a whole number, 0 or more, not '5'"),
    "chat(tokens=True)": (lambda s: s.chat(tokens=True), "tokens= is a whole number, 0 or more, not True"),
    "chat(provider=None)": (
        lambda s: s.chat("x", provider=None),
        "provider= is the name of a provider, or a Provider, not None",
    ),
    "chat(gateway=5)": (
        lambda s: s.chat("x", gateway=5),
        f"gateway= is one of {', '.join(GATEWAYS)}, not 5",
    ),
    "messages(5)": (lambda s: s.messages(5), "messages takes a text, or a list of its pieces, not 5"),
    "responses(toekns=)": (lambda s: s.responses(toekns=5), "responses knows no toekns= (did you mean tokens=?)"),
    "messages(others=)": (
        lambda s: s.messages("x", others=[["y"]]),
        "the dialect messages cannot express others=; it has no form for it",
    ),
    "chat(price=)": (lambda s: s.chat("x", price="1"), "price is a number from 0 up, not '1'"),
    "chat(reasoning=)": (lambda s: s.chat("x", reasoning=5), "reasoning= is a text, not 5"),
    "chat(tool_calls=)": (
        lambda s: s.chat("x", tool_calls=["weather"]),
        "tool_calls= is a list of ToolCall, not ['weather']",
    ),
    "chat(tool_calls=5)": (lambda s: s.chat("x", tool_calls=5), "tool_calls= is a list of ToolCall, not 5"),
    "chat(usage=)": (
        lambda s: s.chat("x", usage={"prompt_tokens": 1}),
        "usage= is of type Usage, not {'prompt_tokens': 1}",
    ),
    "chat(error=)": (lambda s: s.chat("x", error="down"), "error= is of type Failure, not 'down'"),
    "chat(others=)": (
        lambda s: s.chat("x", others=["ab"]),
        "others= is a list of choices, each a list of texts, not ['ab']",
    ),
    "chat(model=)": (lambda s: s.chat("x", model=5), "model= is a text, not 5"),
    "chat(created=)": (lambda s: s.chat("x", created="now"), "created= is a whole number, 0 or more, not 'now'"),
    "chat(through=5)": (lambda s: s.chat("x", through=5), "through takes a list of transforms, not 5"),
    "chat(through='x')": (
        lambda s: s.chat("x", through="x"),
        "through takes transforms, functions from Stream to Stream",
    ),
    "chat(when=5)": (lambda s: s.chat("x", when=5), "when= is a mapping of model, turn, "),
    "chat('x', 'y')": (lambda s: s.chat("x", "y"), "chat: too many positional arguments; it takes text, when="),
    "stream(jsn=)": (
        lambda s: s.post("/x").stream("x", paicng="lockstep"),
        "stream knows no paicng= (did you mean pacing=?)",
    ),
    "stream(gateway=)": (lambda s: s.post("/x").stream("x", gateway="openai"), "stream knows no gateway="),
    "cassette(gateway=)": (lambda s: s.cassette("x", gateway="openai"), "cassette knows no gateway="),
    "stream(5)": (lambda s: s.post("/x").stream(5), "a stream is made of events, comments, text, bytes and chunks"),
    "stream(default_headers=)": (
        lambda s: s.post("/x").stream("x", default_headers="no"),
        "default_headers is True or False, not 'no'",
    ),
    "respond(jsn=)": (
        lambda s: s.post("/x").respond(jsn={}),
        "respond knows no jsn= (did you mean json=?); it takes status=, json=, text=, body=, headers=, head=",
    ),
    "Reply.respond(jsn=)": (lambda _: api.Reply.respond(jsn={}), "respond knows no jsn= (did you mean json=?)"),
    "respond(json=)": (lambda s: s.post("/x").respond(json=object()), "respond(json=) takes what JSON can hold: "),
    "respond(200, {})": (lambda s: s.post("/x").respond(200, {}), "respond: too many positional arguments"),
    "replies(5)": (lambda s: s.post("/x").replies(5), "each of replies is of type Reply, not 5"),
    "cassette(pacng=)": (lambda s: s.cassette("x", pacng=1), "cassette knows no pacng= (did you mean pacing=?)"),
    "post(5)": (lambda s: s.post(5).chat("x"), "a path is a text that begins with a slash, not 5"),
    "post()": (lambda s: s.post(), "post: missing a required argument: 'path'; it takes path, when="),
    "route(5)": (lambda s: s.route(5, "/x"), "a method is a text, not 5"),
    "expect_disconnect('0.2')": (
        lambda s: s.chat("x").expect_disconnect(within="0.2"),
        "within is a number of seconds from 0 up, not '0.2'",
    ),
    "expect_disconnect(witin=)": (
        lambda s: s.chat("x").expect_disconnect(witin=0.2),
        "expect_disconnect knows no witin= (did you mean within=?); it takes within=",
    ),
    "wait_call(timeout='1')": (lambda s: s.chat("x").wait_call(timeout="1"), "timeout is a number of seconds"),
    "wait_call(number=0)": (lambda s: s.chat("x").wait_call(number=0), "number is a whole number, 1 or more, not 0"),
    "release('all')": (lambda s: s.chat("x").release("all"), "gates is a whole number, 1 or more, not 'all'"),
    "SseServer(gatway=)": (lambda _: api.SseServer(gatway="x"), "SseServer knows no gatway= (did you mean gateway=?)"),
    "SseServer(gateway=None)": (
        lambda _: api.SseServer(gateway=None),
        f"gateway= is one of {', '.join(GATEWAYS)}, not",
    ),
    "SseServer(strict=)": (lambda _: api.SseServer(strict="no"), "strict is True or False, not 'no'"),
    "SseServer(models=)": (lambda _: api.SseServer(models="gpt"), "models= is a list of texts, not 'gpt'"),
    "SseServer(hold_limit=)": (lambda _: api.SseServer(hold_limit="1"), "hold_limit is a number of seconds from 0 up"),
    "SseServer(port=)": (
        lambda _: api.SseServer(port="80"),
        "port is a number from 0 (any free one) to 65535, not '80'",
    ),
    "SseServer(pacing=)": (lambda _: api.SseServer(pacing=5), "pacing is one of recorded, lockstep, instant; not 5"),
    "check_parsing(5)": (
        lambda s: api.SseContract(s._thread).check_parsing(5),
        "check_parsing takes a client: a function of the base URL that yields the text, not 5",
    ),
    "RelayClient(5)": (lambda _: api.RelayClient(5), "url is a text, not 5"),
    "RelayClient(jsn=)": (
        lambda _: api.RelayClient("http://x", jsn={}),
        "RelayClient knows no jsn= (did you mean json=?)",
    ),
    "RelayClient(json=)": (
        lambda _: api.RelayClient("http://x", object()),
        "RelayClient(json=) takes what JSON can hold",
    ),
    "RelayClient(body=)": (lambda _: api.RelayClient("http://x", body="x"), "body is of type bytes, not 'x'"),
    "RelayClient(method=)": (lambda _: api.RelayClient("http://x", method=5), "method is a text, not 5"),
    "RelayClient(timeout=)": (lambda _: api.RelayClient("http://x", timeout="1"), "timeout is a number of seconds"),
    "RelayClient(headers=)": (lambda _: api.RelayClient("http://x", headers={"A": 1}), "headers is a mapping of names"),
    "RelayClient(headers=5)": (lambda _: api.RelayClient("http://x", headers=5), "headers is of type Mapping, not 5"),
    "SseProcess(sever=)": (
        lambda s: api.SseProcess(["x"], sever=s),
        "SseProcess knows no sever= (did you mean server=?)",
    ),
    "SseProcess(server=)": (lambda _: api.SseProcess(["x"], server=5), "server is of type SseServer, not 5"),
    "SseProcess(port=)": (
        lambda s: api.SseProcess(["x"], server=s, port="1"),
        "port is a number from 1 to 65535, not '1'",
    ),
    "SseProcess(5)": (lambda s: api.SseProcess(5, server=s), "the command of a process is a list: "),
    "SseProcess(env=)": (lambda s: api.SseProcess(["x"], server=s, env={"A": 1}), "env['A'] is a text, not 1"),
    "comments(evry=)": (
        lambda _: api.comments("x", evry=2),
        "comments knows no evry= (did you mean every=?); it takes text=, every=, before=",
    ),
    "rechunk()": (lambda _: api.rechunk(), "rechunk: missing a required argument: 'size'; it takes size"),
}


@pytest.mark.parametrize("call", WRONG)
def test_a_wrong_call_is_one_sentence(sse_server: Any, call: str) -> None:
    wrong, said = WRONG[call]
    with pytest.raises(ScenarioError, match="^" + re.escape(said)) as raised:
        wrong(sse_server)
    sentence = str(raised.value)
    assert "\n" not in sentence
    assert raised.value.__cause__ is None
    shown = "".join(traceback.format_exception(raised.value))
    assert "During handling" not in shown
    sse_server.reset()  # a route that was mounted before the wrong call is not asked for


def test_lists_are_taken_where_the_answer_has_tuples(sse_server: Any) -> None:
    reply = Reply.chat("x", tool_calls=[ToolCall("f")], others=[["y"]])
    assert reply == Reply.chat("x", tool_calls=(ToolCall("f"),), others=(("y",),))


def test_dir_and_help_show_what_is_public() -> None:
    import pydoc

    shown = {name for name in dir(orharness) if not name.startswith("__")}
    assert shown == set(orharness.__all__)
    text = pydoc.plain(pydoc.render_doc(orharness))
    assert all(name in text for name in orharness.__all__)
    assert "TYPE_CHECKING" not in text
