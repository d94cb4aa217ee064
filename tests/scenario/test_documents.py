"""Scenario documents: what is written is read back, what is read is written canonically, and mistakes are located."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

import orharness.transforms as t
from orharness.cassette import Interaction, RecordedRequest, save
from orharness.cassette import load as load_cassette
from orharness.dialects import DIALECTS
from orharness.dialects.completion import Completion, Failure, ToolCall, Usage
from orharness.errors import ScenarioError
from orharness.gateways import GATEWAYS, ONEROUTER, ErrorShape
from orharness.journal import Pacing
from orharness.journal.expectation import Expectation, Upstream
from orharness.journal.outcome import Outcome
from orharness.providers import PROVIDERS, Provider
from orharness.scenario import Reply, Route
from orharness.scenario.bodies import Taped
from orharness.scenario.body import Events, Forward, Timed, Whole
from orharness.scenario.document import (
    Scenario,
    examined,
    load,
    read,
    read_reply,
    read_route,
    write,
    write_reply,
    write_route,
)
from orharness.scenario.mistakes import mistakes
from orharness.scenario.node import Node
from orharness.scenario.route import Turns
from orharness.scenario.schema import SHIPPED, schema
from orharness.scenario.schema import text as schema_text
from orharness.sse import Comment, Event
from orharness.stream import Chunk, Ending, Framing, Stream
from orharness.yamlfile import dump_document, load_document
from tests.support import chat_dialect as chat
from tests.support.examples import examples
from tests.support.step_strategies import any_step
from tests.support.stream_strategies import items

_characters = st.characters(codec="utf-8", exclude_characters="\r\n")
words = st.text(_characters, max_size=8)
seconds = st.floats(0, 1e6) | st.integers(0, 100).map(float)
# A heartbeat fills a longer one with many thousand comments.
pauses = st.floats(0, 100) | st.integers(0, 100).map(float)
names = st.text(st.sampled_from("abcXYZ-"), min_size=1, max_size=8).filter(
    lambda name: name.lower() not in ("content-length", "transfer-encoding")
)
headers = st.lists(st.tuples(names, st.text(st.sampled_from("abc 1;é"), max_size=6)), max_size=3).map(tuple)
providers = st.sampled_from(PROVIDERS) | st.builds(Provider, st.just("Mine"), st.booleans())
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=5,
)
usages = st.builds(Usage, *[st.integers(0, 500)] * 3, st.floats(0, 1))
failures = st.builds(
    Failure, words, st.integers(400, 599) | words, st.none() | st.just(0), st.none() | st.sampled_from(ErrorShape)
)
pieces = st.lists(words.filter(bool), max_size=6).map(tuple)
contents = st.one_of(
    st.text(_characters | st.just("\n"), max_size=40).map(Completion.of),
    st.integers(0, 60).map(Completion.of),
    pieces.map(Completion),
)


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


said = optional(
    reasoning=words,
    tool_calls=st.lists(st.builds(ToolCall, words, words | st.just('{"a": 1}'), st.none() | words), max_size=2).map(
        tuple
    ),
    refusal=words,
    finish_reason=st.none() | words,
    native_finish_reason=st.none() | words,
    usage=st.none() | usages,
    model=st.none() | words,
    id=st.none() | words,
    created=st.integers(0, 2**31),
    others=st.lists(pieces, max_size=2).map(tuple),
    error=st.none() | failures,
)
latencies = st.sampled_from(["itl=1ms", "prefill=200ms±50ms, itl=p50:20ms/p99:80ms", "prefill=1s,seed=7"])
sent: dict[str, st.SearchStrategy[Any]] = {
    "head": seconds,
    "delay": pauses,
    "through": st.lists(any_step, max_size=3).map(tuple),
    "ending": st.none() | st.sampled_from(Ending),
    "framing": st.none() | st.sampled_from(Framing),
    "pacing": st.none() | st.sampled_from(Pacing),
}
model: dict[str, st.SearchStrategy[Any]] = {
    "provider": providers,
    "pace": st.none() | seconds,
    "price": st.floats(0, 1),
}
streamed: dict[str, st.SearchStrategy[Any]] = {
    **sent,
    **model,
    "status": st.integers(100, 999),
    "headers": headers,
    "default_headers": st.booleans(),
    "encoding": st.none() | st.just("gzip"),
}
timed = st.builds(Timed, items | st.binary(max_size=6), st.none() | pauses)
whole_streams = st.builds(
    Stream,
    st.lists(st.builds(Chunk, st.binary(min_size=1, max_size=6), pauses), max_size=4).map(tuple),
    st.sampled_from(Ending),
    st.sampled_from(Framing),
    announced=st.none() | st.integers(0, 100),
)
TAPE = [
    Interaction(
        RecordedRequest("POST", "https://host/v1/chat/completions", body=b'{"model": "%d"}' % number),
        headers=(("Content-Type", "text/event-stream"),),
        stream=chat.stream(Completion.of(f"answer {number}"), ONEROUTER, False, 0.0),
        head=0.01,
        recorded_at="2026-11-22T06:00:00Z",
    )
    for number in range(3)
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds the cassette ``tape.yaml``."""
    made = tmp_path_factory.mktemp("scenarios")
    save(made / "tape.yaml", TAPE)
    return made


CHAT_ALONE = {"finish_reason", "native_finish_reason", "refusal", "others", "error"}


@st.composite
def replies(draw: st.DrawFn, of: Path) -> Reply:
    """Any reply that a document can say; ``of`` is the folder that has ``tape.yaml``."""
    match draw(st.sampled_from(["completion", "events", "stream", "plain", "forward", "cassette"])):
        case "completion":
            content, dialect = draw(contents), draw(st.none() | st.sampled_from(list(DIALECTS)))
            options = draw(optional(gateway=st.sampled_from(list(GATEWAYS)), headers=headers, **model, **sent))
            if draw(st.booleans()) and not options.get("delay") and options.get("pacing") is not Pacing.INSTANT:
                options |= {"pace": None, "latency": draw(latencies)}
            meant = draw(said)
            if dialect not in (None, "chat"):  # each other API has forms for less: its own tests say for what
                meant = {name: value for name, value in meant.items() if name not in CHAT_ALONE}
                if DIALECTS[dialect].limits(Completion(**meant)) is not None:  # a call that has no form there
                    meant.pop("tool_calls")
            return made(lambda **more: Reply.completion(dialect, content.tokens, **more, **meant), options)
        case "events":
            events = Events(tuple(draw(st.lists(timed, max_size=8))))
            return made(partial(Reply, events), draw(optional(dialect=st.just("chat"), **streamed)))
        case "stream":
            return made(partial(Reply, Whole(draw(whole_streams))), draw(optional(**streamed)))
        case "cassette":
            taped = read_reply({"cassette": "tape.yaml", "interaction": draw(st.integers(1, 3))}, of).body
            keys = (*model, "through", "ending", "framing", "pacing", "encoding")
            return made(partial(Reply, taped), draw(optional(**{key: streamed[key] for key in keys})))
        case "forward":
            shaped = {key: sent[key] for key in ("through", "ending", "framing", "pacing")}
            return made(partial(Reply, Forward("http://127.0.0.1:9000/v1")), draw(optional(**model, **shaped)))
    return _plain(draw)


def made(make: Callable[..., Reply], options: dict[str, Any]) -> Reply:
    """The reply, with those of its transforms that the stream is long enough for."""
    through: tuple[t.Step, ...] = ()
    for one in options.pop("through", ()):
        with suppress(ScenarioError):
            make(**options, through=(*through, one))
            through = (*through, one)
    return make(**options, through=through)


def _plain(draw: st.DrawFn) -> Reply:
    bodies: list[dict[str, Any]] = [{}, {"json": draw(json_values)}, {"text": draw(words)}, {"body": draw(st.binary())}]
    body = draw(st.sampled_from(bodies))
    return Reply.respond(draw(st.integers(100, 999)), **body, headers=draw(headers), head=draw(seconds))


matchers = st.fixed_dictionaries({}, optional={"equals": words, "contains": words, "matches": st.just("a+b?")})
conditions = st.none() | optional(
    model=words | matchers.filter(bool),
    turn=st.integers(0, 9),
    last_user=matchers.filter(bool),
    step=st.integers(0, 9),
    tools=st.booleans() | words,
    has_tool_result=st.booleans(),
    last_tool=words | matchers.filter(bool),
    tool_result=matchers.filter(bool),
    headers=st.dictionaries(names, words, max_size=2),
    json=st.dictionaries(words, json_values, max_size=2),
)
expectations = st.none() | st.builds(
    Expectation, st.none() | st.sampled_from(Outcome), st.none() | seconds, st.none() | st.sampled_from(Upstream)
)


def routes(of: Path) -> st.SearchStrategy[Route]:
    return st.builds(
        Route,
        st.sampled_from(["POST", "GET", "PUT"]),
        st.none() | st.sampled_from(["/v1/events", "/chat/completions"]),
        st.lists(replies(of), min_size=1, max_size=3).map(tuple),
        conditions,
        st.none() | st.integers(1, 5),
        expect=expectations,
        by=st.sampled_from(Turns),
    )


def by_way_of_text(document: Any) -> list[Any]:
    """The document as JSON and YAML texts bring it back."""
    return [json.loads(json.dumps(document)), load_document(dump_document(document), "scenario.yaml").value]


# --- the laws -----------------------------------------------------------------------------------------------------

_SCHEMA = schema(own=False)
_VALIDATOR = jsonschema.Draft202012Validator(_SCHEMA)
_REPLY = jsonschema.Draft202012Validator({"$ref": "#/$defs/reply", "$defs": _SCHEMA["$defs"]})


@pytest.mark.slow
@examples(200)
@given(data=st.data())
def test_a_reply_that_is_written_is_read_back(data: st.DataObject, folder: Path) -> None:
    reply = data.draw(replies(folder))
    document = write_reply(reply)
    for again in by_way_of_text(document):
        assert read_reply(again, folder) == reply
        assert write_reply(read_reply(again, folder)) == document
        assert _REPLY.is_valid(again), document


@pytest.mark.slow
@examples(50)
@given(data=st.data())
def test_a_scenario_that_is_written_is_read_back(data: st.DataObject, folder: Path) -> None:
    scenario = Scenario(tuple(data.draw(st.lists(routes(folder), max_size=3))))
    document = write(scenario)
    for again in by_way_of_text(document):
        assert read(again, folder) == scenario
        assert write(read(again, folder)) == document
        assert _VALIDATOR.is_valid(again), document


@pytest.mark.parametrize("step", ["hold", "truncate", "comments", "per_byte", "stall"])
def test_a_transform_of_each_family_survives(step: str) -> None:
    made: dict[str, t.Step] = {
        "hold": t.hold(2),
        "truncate": t.truncate(t.inside_event(2), Ending.RESET),
        "comments": t.comments(": X", every=2),
        "per_byte": t.per_byte(),
        "stall": t.stall(1, 0.5),
    }
    reply = Reply.chat("Grüße, 世界", through=[made[step]])
    again = read_reply(write_reply(reply))
    assert again == reply
    assert again.through[0](chat.stream(Completion.of("a b c d"))) == made[step](chat.stream(Completion.of("a b c d")))


# --- the form -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "reply"),
    [
        ({"answer": "hi"}, Reply.completion(None, "hi")),
        ({"chat": "hi", "provider": "Groq"}, Reply.chat("hi", provider="Groq")),
        ({"chat": {"tokens": 500}}, Reply.chat(tokens=500)),
        ({"chat": {"pieces": ["Gr", "üße"]}}, Reply.chat(["Gr", "üße"])),
        (
            {"answer": {"text": "a", "error": {"code": 500, "after": 1}}},
            Reply.completion(None, "a", error=Failure(code=500, after=1)),
        ),
        (
            {"answer": {"tool_calls": [{"name": "f", "arguments": '{"a":1}'}]}},
            Reply.completion(None, "", tool_calls=(ToolCall("f", '{"a":1}'),)),
        ),
        (
            {"events": [{"data": "hi"}, {"comment": "c"}, {"base64": "/w=="}, {"data": "late", "delay": 0.5}]},
            Reply(
                Events((Timed(Event(data="hi")), Timed(Comment("c")), Timed(b"\xff"), Timed(Event(data="late"), 0.5)))
            ),
        ),
        ({"events": [{"text": "data: x\n\n"}], "ending": "abort"}, Reply.stream(b"data: x\n\n", ending="abort")),
        ({"status": 204}, Reply.respond(204)),
        (
            {"json": {"error": {"message": "slow down"}}, "status": 429, "headers": {"Retry-After": "1"}},
            Reply.respond(429, json={"error": {"message": "slow down"}}, headers={"Retry-After": "1"}),
        ),
        ({"body": {"base64": "/w=="}, "status": 500}, Reply.respond(500, body=b"\xff")),
        (
            {"json": {}, "headers": [["Set-Cookie", "a"], ["Set-Cookie", "b"]]},
            Reply.respond(json={}, headers=[("Set-Cookie", "a"), ("Set-Cookie", "b")]),
        ),
        (
            {"forward": {"to": "http://h/v1"}, "through": ["per_byte"]},
            Reply(Forward("http://h/v1"), through=(t.per_byte(),)),
        ),
    ],
)
def test_the_canonical_form(document: dict[str, Any], reply: Reply) -> None:
    assert read_reply(document) == reply
    assert write_reply(reply) == document


@pytest.mark.parametrize(
    ("document", "canonical"),
    [
        ({"answer": {"text": "hi"}}, {"answer": "hi"}),
        ({"events": ["hi"]}, {"events": [{"data": "hi"}]}),
        ({"events": [{"base64": "4oKs"}]}, {"events": [{"text": "€"}]}),
        ({"chat": "hi", "provider": "OpenAI", "gateway": "OpenRouter"}, {"chat": "hi", "gateway": "openrouter"}),
        ({"answer": "hi", "delay": 2.0, "through": []}, {"answer": "hi", "delay": 2}),
        (
            {"answer": {"tool_calls": [{"name": "f", "arguments": {"ü": 1}}]}},
            {"answer": {"tool_calls": [{"name": "f", "arguments": '{"ü":1}'}]}},
        ),
        ({"status": 200, "json": {}}, {"json": {}}),
    ],
)
def test_what_else_is_read(document: dict[str, Any], canonical: dict[str, Any]) -> None:
    assert write_reply(read_reply(document)) == canonical


def test_a_route_that_pins_a_dialect_is_at_its_endpoint_unless_it_says_otherwise() -> None:
    assert read_route({"chat": "hi"}).path == DIALECTS["chat"].paths[0]
    assert read_route({"answer": "hi"}).path is None
    assert read_route({"chat": "hi", "path": None}).path is None
    assert read_route({"replies": [{"status": 429}, {"chat": "a"}]}).path == DIALECTS["chat"].paths[0]
    for document in ({"chat": "hi"}, {"path": None, "chat": "hi"}, {"path": "/x", "chat": "hi"}):
        assert write_route(read_route(document)) == document


def test_a_dialect_of_ones_own_has_its_name_as_a_key() -> None:
    with DIALECTS.registered(replace(DIALECTS["chat"], name="mine", paths=("/mine",))):
        route = read_route({"mine": "hi"})
        assert (route.path, route.replies) == ("/mine", (Reply.completion("mine", "hi"),))
        assert write_route(route) == {"mine": "hi"}
        assert jsonschema.Draft202012Validator(schema()).is_valid(document({"mine": "hi"}))
    with pytest.raises(ScenarioError, match="a route has no key 'mine'"):
        read_route({"mine": "hi"})


def test_a_cassette_is_all_that_it_holds_unless_one_is_named(folder: Path) -> None:
    route = read_route({"cassette": "tape.yaml", "pacing": "instant"}, folder)
    assert [one.body for one in route.replies] == Taped.all_of("tape.yaml", load_cassette(folder / "tape.yaml"))
    assert write_route(route) == {"cassette": "tape.yaml", "pacing": "instant"}
    document = {"replies": [{"status": 429}, {"cassette": "tape.yaml"}, {"cassette": "tape.yaml", "interaction": 2}]}
    assert len(read_route(document, folder).replies) == 5
    assert write_route(read_route(document, folder)) == document
    with pytest.raises(ScenarioError, match="the cassette holds 3: name one"):
        read_reply({"cassette": "tape.yaml"}, folder)


# --- what a document cannot say -----------------------------------------------------------------------------------


def mine(stream: Stream) -> Stream:
    return stream


@pytest.mark.parametrize(
    ("write_it", "says"),
    [
        (lambda: write_reply(Reply.chat("x", through=[mine])), "mine is a plain function and cannot be written"),
        (lambda: write_reply(Reply.chat("x", through=[t.drop(lambda _: True)])), "drop: the function <lambda> cannot"),
        (
            lambda: write_reply(Reply.stream(t.hold(1)(chat.stream(Completion.of("a"))))),
            "a Stream with end_marker cannot be written",
        ),
        (
            lambda: write_reply(Reply.stream(Stream.of(b"data: x\n\n", b"y").through(t.hold(1)))),
            "a Stream with gates cannot be written",
        ),
        (lambda: write_reply(Reply.recorded(TAPE[0])), "a recorded interaction cannot be written"),
        (
            lambda: write_route(Route("POST", "/x", (Reply.respond(),), lambda request: True)),
            "the condition of POST /x when <lambda> cannot be written",
        ),
        (
            lambda: write_route(Route("POST", "/x", (), choose=lambda request, turn: (Reply.respond(), None))),
            "the route POST /x cannot be written",
        ),
        (
            lambda: write_reply(Reply(Completion(), pacing=None, status=404)),
            "status= of a completion cannot be written",
        ),
    ],
)
def test_what_works_in_python_only_is_refused_by_name(write_it: Callable[[], object], says: str) -> None:
    with pytest.raises(ScenarioError) as raised:
        write_it()
    assert str(raised.value).startswith(says)


# --- mistakes -----------------------------------------------------------------------------------------------------

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"answer": "x", "throgh": []}, ".throgh: a route has no key 'throgh' (did you mean 'through'?)"),
    ({"answer": "x", "through": ["bom", "coments"]}, ".through[1]: there is no transform 'coments' (did you mean comm"),
    ({"answer": "x", "through": [{"hold": "3"}]}, ".through[0]: hold(after=) is a whole number or null, not '3'"),
    ({"answer": "x", "through": "per_byte"}, ".through: through is a list, not 'per_byte'"),
    ({"answer": "x", "json": {}}, ": 'answer' and 'json' both say what is answered"),
    ({"pace": 3}, ": what is answered is missing: one of answer, "),
    ({"replies": []}, ".replies: replies has at least one reply"),
    ({"replies": [{"answer": "x"}], "pace": 3}, ".pace: a route with 'replies' has no key 'pace'"),
    ({"replies": [{"answer": "x", "when": {}}]}, ".replies[0].when: a reply has no key 'when'"),
    ({"events": [{"date": 1}]}, ".events[0].date: an event has no key 'date' (did you mean 'data'?)"),
    ({"events": [{"data": 1}]}, ".events[0]: an event is one of {data: …"),
    ({"events": [{"data": "x", "delay": -1}]}, ".events[0].delay: a number from 0 up is expected here, not -1"),
    ({"events": [{"base64": "*"}]}, ".events[0].base64: this is not base64: '*'"),
    ({"json": 1, "pace": 2}, ".pace: a plain response (json) does not take 'pace'"),
    ({"answer": "a", "status": 500}, ".status: a completion (answer) does not take 'status'"),
    ({"answer": 7}, ".answer: an answer is a text or a mapping, not 7"),
    ({"answer": {"txt": "a"}}, ".answer.txt: an answer has no key 'txt' (did you mean 'text'?)"),
    ({"answer": {"text": "a", "tokens": 3}}, ".answer: an answer has text or tokens, not both"),
    ({"answer": {"tool_calls": [{}]}}, ".answer.tool_calls[0]: a tool call needs 'name'"),
    (
        {"answer": {"error": {"shape": "x"}}},
        ".answer.error.shape: one of documented, recorded, named_event, bare, bare_done is",
    ),
    ({"answer": {"usage": {"prompt_tokens": 1}}}, ".answer.usage: usage needs 'completion_tokens'"),
    ({"answer": "a", "when": {"modle": 1}}, ".when.modle: when has no key 'modle' (did you mean 'model'?)"),
    ({"answer": "a", "when": {"model": {"contain": "x"}}}, ".when.model.contain: a condition has no key 'contain'"),
    ({"answer": "a", "when": {"model": {}}}, ".when.model: a condition has one of equals, contains, matches at least"),
    ({"answer": "a", "when": {"has_tool_result": "yes"}}, ".when.has_tool_result: true or false is expected here, not"),
    ({"answer": "a", "when": {"step": -1}}, ".when.step: a whole number from 0 up is expected here, not -1"),
    ({"replies": [{"answer": "a"}], "by": "turn"}, ".by: one of order, conversation is expected here, not 'turn'"),
    ({"answer": "a", "when": {"turn": "2"}}, ".when.turn: a whole number from 0 up is expected here, not '2'"),
    (
        {"answer": "a", "when": {"headers": {"x": []}}},
        ".when.headers.x: a value, or a mapping of equals, contains, mat",
    ),
    ({"answer": "a", "expect": {"outcome": "canceled"}}, ".expect.outcome: one of completed, left_at_end, cancelled,"),
    ({"answer": "a", "expect": {"upstream": "stop"}}, ".expect.upstream: one of stopped is expected here, not 'stop'"),
    ({"answer": "a", "path": "x"}, ".path: a path begins with a slash, or is null for any dialect's, not 'x'"),
    ({"answer": "a", "times": 0}, ".times: a whole number from 1 up is expected here, not 0"),
    ({"answer": "a", "headers": {"A": 1}}, ".headers: a header is a name and a value, both text, not ('A', 1)"),
    ({"answer": "a", "ending": "abrt"}, ".ending: one of eof, abort, reset, hang is expected here, not 'abrt'"),
    ({"events": [], "encoding": "br"}, ".encoding: one of gzip is expected here, not 'br'"),
    ({"answer": "a", "provider": {"name": "x"}}, ".provider: a provider needs 'stops_on_cancel'"),
    ({"status": 99}, ".status: status is a number of three digits such as 200 or 429, not 99"),
    ({"forward": "http://h"}, ".forward: forward is a mapping, not 'http://h'"),
    ({"forward": {"to": "h"}}, ".forward.to: a service is named by its base URL, such as https://host/v1, not 'h'"),
    ({"stream": {"chunks": [{"text": "x", "dely": 1}]}}, ".stream.chunks[0].dely: a chunk has no key 'dely' (did you"),
]
BEYOND_A_SCHEMA: list[tuple[dict[str, Any], str]] = [
    ({"answer": "x", "through": [{"hold": 30}]}, ".through[0]: hold: there is no event 30: the stream has "),
    ({"answer": "x", "provider": "Gorq"}, ".provider: no provider is named 'Gorq', the nearest is Groq"),
    ({"answer": "x", "gateway": "onerooter"}, ".gateway: no gateway is called 'onerooter'; did you mean 'onerouter'?"),
    ({"events": [], "dialect": "chet"}, ".dialect: there is no dialect 'chet' (did you mean 'chat'?)"),
    ({"cassette": "nix.yaml"}, ".cassette: nix.yaml: there is no such cassette"),
    ({"cassette": "tape.yaml", "interaction": 4}, ".interaction: there is no interaction 4: tape.yaml holds 3"),
    ({"answer": {"text": "a", "error": {"after": 7}}}, ".answer: an error after 7 pieces of an answer that has 1"),
    ({"answer": "a", "headers": {"Content-Length": "1"}}, ".headers: content-length is computed from the body"),
    ({"answer": "a", "when": {"model": {"matches": "("}}}, ".when.model.matches: this is not a regular expression: "),
]


@pytest.mark.parametrize(("route", "says"), WRONG + BEYOND_A_SCHEMA)
def test_a_mistake_is_one_sentence_with_its_keys(route: dict[str, Any], says: str, folder: Path) -> None:
    with pytest.raises(ScenarioError) as raised:
        read({"orharness": 1, "routes": [{"answer": "good"}, route]}, folder)
    assert _without_folder(str(raised.value), folder).startswith(f"routes[1]{says}")
    assert "\n" not in str(raised.value)


def _without_folder(text: str, folder: Path) -> str:
    return text.replace(f"{folder}/", "")


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"routes": []}, "a scenario needs 'orharness'"),
        ({"orharness": 2, "routes": []}, "orharness: the version of this form is 1, not 2"),
        ({"orharness": 1, "route": []}, "route: a scenario has no key 'route' (did you mean 'routes'?)"),
        ({"orharness": 1, "routes": {}}, "routes: routes is a list, not {}"),
        ([], "a scenario is a mapping, not []"),
    ],
)
def test_a_document_that_is_no_scenario(document: object, says: str) -> None:
    with pytest.raises(ScenarioError, match=f"^{re.escape(says)}$"):
        read(document)
    assert not _VALIDATOR.is_valid(document)


SPOILED = """\
orharness: 1
routes:
- answer: hi
- answer: hi
  through:
  - {hold: 1}
  - coments
- path: /v1/events
  events:
  - data: a
  - data: b
    dlay: 1
"""


MANY = """orharness: 1
routes:
- path: /v1/chat/completions
  chat: hi
  when: {modl: a/b, turn: -1}
  ending: zz
  through:
  - {hold: x}
  - per_byte
  - per_bytes
  provder: Groq
- path: /v1/b
  replies:
  - {chat: {text: hi}, ending: zz}
  - {chat: {txt: hi}}
  - {chat: hi}
  - {chat: hi, statu: 3}
- {chat: hi, messages: hi}
"""


def test_a_file_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "scenario.yaml"
    file.write_text(SPOILED, "utf-8")
    with pytest.raises(ScenarioError) as raised:
        load(file)
    first = f"{file}:7: routes[1].through[1]: there is no transform 'coments' (did you mean comments?)"
    assert str(raised.value) == first
    scenario, wrong = examined(file)
    assert len(scenario.routes) == 1
    assert wrong == [
        first,
        f"{file}:12: routes[2].events[1].dlay: an event has no key 'dlay' (did you mean 'delay'?)",
    ]


def test_all_mistakes_of_a_route_are_said_in_the_order_of_their_lines(tmp_path: Path) -> None:
    file = tmp_path / "scenario.yaml"
    file.write_text(MANY, "utf-8")
    with pytest.raises(ScenarioError, match=r":5: routes\[0\]\.when\.modl: when has no key 'modl'"):
        load(file)
    assert [line.removeprefix(f"{file}:").partition(": ")[::2] for line in examined(file)[1]] == [
        ("5", "routes[0].when.modl: when has no key 'modl' (did you mean 'model'?)"),
        ("5", "routes[0].when.turn: a whole number from 0 up is expected here, not -1"),
        ("6", "routes[0].ending: one of eof, abort, reset, hang is expected here, not 'zz'"),
        ("8", "routes[0].through[0]: hold(after=) is a whole number or null, not 'x'"),
        ("10", "routes[0].through[2]: there is no transform 'per_bytes' (did you mean per_byte?)"),
        ("11", "routes[0].provder: a route has no key 'provder' (did you mean 'provider'?)"),
        ("14", "routes[1].replies[0].ending: one of eof, abort, reset, hang is expected here, not 'zz'"),
        ("15", "routes[1].replies[1].chat.txt: an answer has no key 'txt' (did you mean 'text'?)"),
        ("17", "routes[1].replies[3].statu: a reply has no key 'statu' (did you mean 'status'?)"),
        ("18", "routes[2]: 'chat' and 'messages' both say what is answered: a reply has one of them"),
    ]


@given(data=st.data())
def test_each_wrong_transform_is_said_at_its_own_place(data: st.DataObject) -> None:
    through = data.draw(st.lists(st.sampled_from(["per_byte", "crlf_none", "nothing_such"]), max_size=8))
    found = mistakes(Node({"chat": "hi", "through": through}), lambda node: read_route(node.value))
    wrong = [number for number, name in enumerate(through) if name != "per_byte"]
    assert [one.keys for one in found] == [("through", number) for number in wrong]


def test_what_is_missing_once_a_wrong_key_is_taken_out_is_no_mistake() -> None:
    value = {"answr": "hi", "times": 0}
    found = [one.keys for one in mistakes(Node(value), lambda node: read_route(node.value))]
    assert found == [("answr",)]  # not that nothing is answered
    assert value == {"answr": "hi", "times": 0}


def test_a_json_file_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "scenario.json"
    file.write_text('{"orharness": 1,\n "routes": [\n  {"answer": 7}]}', "utf-8")
    with pytest.raises(ScenarioError, match=r"scenario\.json:3: routes\[0\]\.answer: an answer is a text or"):
        load(file)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("orharness: 1\nroutes: [\n", r"bad\.yaml: line 3, column 1: this is not YAML"),
        ("orharness: 1\norharness: 1\n", r"bad\.yaml: line 2, column 1: the key 'orharness' is repeated"),
        ("- a\n", r"bad\.yaml:1: a scenario is a mapping, not \['a'\]"),
    ],
)
def test_a_file_that_is_no_document(content: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(content, "utf-8")
    with pytest.raises(ScenarioError, match=says):
        load(tmp_path / "bad.yaml")
    with pytest.raises(ScenarioError, match=r"nix\.yaml: the scenario cannot be read: No such file"):
        load(tmp_path / "nix.yaml")


# --- the schema ---------------------------------------------------------------------------------------------------

GOOD: list[dict[str, Any]] = [
    {"answer": "x"},
    {"answer": {"text": "x", "others": ["y", ["a", "b"]], "error": {"code": "overloaded"}}, "pacing": "instant"},
    {"when": {"model": "a/b", "last_user": {"contains": "w"}, "json": {"n": 1}}, "chat": {"tokens": 3}, "times": 2},
    {
        "answer": "x",
        "through": ["per_byte", {"comments": {"text": ": X", "every": 2}}, {"truncate": {"after_text": "x"}}],
    },
    {"answer": "x", "expect": {"outcome": "cancelled", "within": 0.25, "upstream": "stopped"}},
    {"replies": [{"status": 429}, {"json": [1]}, {"text": "x"}, {"body": {"text": "x"}}]},
    {"method": "GET", "path": "/v1/events", "events": ["x", {"comment": "c"}, {"retry": 2.5}, {"base64": "4oKs"}]},
    {"cassette": "tape.yaml", "interaction": 1, "provider": {"name": "Mine", "stops_on_cancel": False}},
    {"path": None, "forward": {"to": "https://host/v1"}, "ending": "reset"},
    {"stream": {"chunks": [{"text": "data: x\n\n", "delay": 1}], "ending": "hang"}, "default_headers": False},
]


def document(*routes: Mapping[str, Any]) -> dict[str, Any]:
    return {"orharness": 1, "routes": list(routes)}


def test_the_schema_that_is_shipped_is_the_generated_one() -> None:
    assert SHIPPED.read_text("utf-8") == schema_text(), "run python -m orharness.scenario.schema"
    jsonschema.Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("route", GOOD)
def test_what_is_read_fits_the_schema(route: dict[str, Any], folder: Path) -> None:
    shipped = jsonschema.Draft202012Validator(json.loads(SHIPPED.read_text("utf-8")))
    assert read(document(route), folder).routes
    assert shipped.is_valid(document(route))


@pytest.mark.parametrize("route", [route for route, _ in WRONG if route.get("events") != [{"base64": "*"}]])
def test_what_is_refused_does_not_fit_the_schema(route: dict[str, Any]) -> None:
    assert not _VALIDATOR.is_valid(document(route))


def test_the_schema_has_the_transforms_of_a_user_only_where_they_are_asked_for() -> None:
    def named(found: Mapping[str, Any]) -> set[str]:
        return set(found["$defs"]["transform"]["anyOf"][1]["properties"])

    @t.boundary
    def halves_of_a_document() -> Callable[[Stream], Stream]:
        return lambda stream: stream

    assert "halves_of_a_document" in named(schema())
    assert "halves_of_a_document" not in named(schema(own=False))
    assert read_reply({"answer": "x", "through": ["halves_of_a_document"]}).through == (halves_of_a_document(),)
