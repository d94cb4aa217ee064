"""Which requests a recorded interaction answers: the names and the functions of ``match_on``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orharness.cassette import Filters, Interaction, RecordedRequest
from orharness.errors import ScenarioError
from orharness.journal import Request
from orharness.scenario.playback import interaction_routes
from orharness.scenario.table import RouteTable
from orharness.stream import Chunk, Stream

KEY = "sk-or-v1-" + "0f" * 32
RECORDED = Interaction(
    RecordedRequest(
        "POST",
        "https://host/v1/chat/completions?a=1&b=2&team=REDACTED",
        (("X-Mine", "yes"), ("X-Hidden", "REDACTED"), ("Host", "host"), ("Content-Length", "16")),
        b'{"model": "m"}',
    )
)
ASKED: dict[str, Any] = {
    "method": "POST",
    "path": "/v1/chat/completions",
    "headers": (("x-mine", "yes"), ("x-hidden", "7"), ("host", "127.0.0.1")),
    "body": b'{"model": "m"}',
    "query": f"b=2&a=1&team=red&api_key={KEY}",
}


def differences(match_on: Any, *, filters: Filters | None = None, **other: Any) -> list[str]:
    [route] = interaction_routes([RECORDED], match_on=match_on, filters=filters)
    return route.difference(Request(**{**ASKED, **other}))


EVERYTHING = ("method", "path", "query", "headers", "body", "raw_body", "uri")


@pytest.mark.parametrize("match_on", [None, EVERYTHING, *EVERYTHING, ()])
def test_the_recorded_request_matches_whatever_counts(match_on: Any) -> None:
    assert differences(match_on) == []


@pytest.mark.parametrize(
    ("match_on", "other", "said"),
    [
        (None, {"query": "a=2"}, None),
        (None, {"headers": ()}, None),
        (None, {"body": b'{ "model":  "m" }'}, None),
        (None, {"body": b'{"model": "n"}'}, "body.model: expected 'm', got 'n'"),
        (["path"], {"body": b"else"}, None),
        (["path"], {"path": "/v1/responses"}, "path: expected /v1/chat/completions, got /v1/responses"),
        (["body"], {"path": "/v1/responses"}, None),
        (["body"], {"method": "PUT"}, "method: expected POST, got PUT"),
        (["raw_body", "path"], {"body": b'{ "model":  "m" }'}, """body: expected '{"model": "m"}', got"""),
        (["query", "path"], {"query": "a=1&b=3&team=red"}, "query: expected [('a', '1'), ('b', '2'), ('team', 'RED"),
        (["query", "path"], {"query": "a=1&b=2"}, "query: expected"),
        (["uri"], {"query": "a=1"}, "query: expected"),
        (["headers", "path"], {"headers": (("x-mine", "no"),)}, "header X-Mine: expected 'yes', got 'no'"),
        (["headers", "path"], {"headers": ()}, "header X-Mine: expected 'yes', got None"),
    ],
)
def test_what_counts_and_nothing_else_tells_requests_apart(match_on: Any, other: Any, said: str | None) -> None:
    found = differences(match_on, **other)
    assert (found == []) if said is None else (len(found) == 1 and found[0].startswith(said)), found


def test_a_parameter_that_an_older_recorder_kept_does_not_count() -> None:
    older = replace(RECORDED, request=replace(RECORDED.request, uri=f"{RECORDED.request.uri}&user_password=was"))
    [route] = interaction_routes([older], match_on=["query", "path"])
    for password in ("was", "is"):
        assert route.difference(Request(**{**ASKED, "query": f"b=2&a=1&team=red&user_password={password}"})) == []


def same_model(live: Any, recorded: Any) -> None:
    assert live.uri.startswith("https://host/v1/chat/completions?"), live.uri
    assert live.body == recorded.body, "another model"


def never(live: Any, recorded: Any) -> bool:
    return False


def test_functions_are_called_as_vcrpys_matchers() -> None:
    assert differences(["path", same_model]) == []
    [said] = differences(["path", same_model], body=b"{}")
    assert said.startswith("same_model: another model")
    assert differences([never]) == ["the matcher never said no"]


def form(boundary: bytes, *parts: bytes) -> bytes:
    delimiter = b"--" + boundary
    return b"".join(delimiter + b"\r\n" + part + b"\r\n" for part in parts) + delimiter + b"--\r\n"


def part(name: str, value: bytes) -> bytes:
    return f'Content-Disposition: form-data; name="{name}"'.encode() + b"\r\n\r\n" + value


def of_form(recorded: bytes, asked: bytes, **options: Any) -> list[str]:
    headers = [(("Content-Type", f"multipart/form-data; boundary={one[2:12].decode()}"),) for one in (recorded, asked)]
    request = RecordedRequest("POST", "https://host/v1/audio/transcriptions", headers[0], recorded)
    [route] = interaction_routes([Interaction(request)], **options)
    asking = Request("POST", "/v1/audio/transcriptions", headers[1], asked)
    found = route.difference(asking)
    assert bool(RouteTable([route]).candidates(asking)) or found  # the table leaves out nothing that matches
    return found


# No words: the beginning of a known kind of key, with what follows it, is taken for a secret.
VALUES = st.text('ab -:;=\r\n"é\0', max_size=40).map(str.encode)


@given(st.lists(VALUES, min_size=1))
def test_the_boundary_of_a_form_does_not_count_and_its_parts_do(values: list[bytes]) -> None:
    parts = [part(f"field{number}", value) for number, value in enumerate(values)]
    recorded, asked = form(b"one2345678", *parts), form(b"other45678", *parts)
    assert of_form(recorded, asked, match_on=["path", "body", "headers"]) == []
    [said] = of_form(recorded, form(b"other45678", *parts[:-1], part("another", b"")))
    assert said.startswith(f"body, part {len(parts)}: expected 'Content-Disposition")
    [said] = of_form(recorded, form(b"other45678", *parts, part("another", b"")))
    assert said.startswith(f"body, part {len(parts) + 1}: expected no such part, got 'Content-Disposition")


@pytest.mark.parametrize(
    "other",
    [
        b"",
        b"--other45678",
        b"--other45678\r\n",
        b"--other45678--\r\n",
        form(b"other45678", part("a", b"b"))[:-6],  # without its end
        form(b"other45678", part("a", b"b")).replace(b"\r\n", b"\n"),
        b"\r\n" + form(b"other45678", part("a", b"b")),
    ],
)
def test_what_is_no_whole_form_is_compared_byte_by_byte(other: bytes) -> None:
    recorded = form(b"one2345678", part("a", b"b"))
    [said] = of_form(recorded, other)
    assert said.startswith("body: expected '--one2345678")
    assert of_form(other, other) == []


def test_the_bytes_of_a_form_have_its_boundary() -> None:
    recorded, asked = (form(one, part("a", b"b")) for one in (b"one2345678", b"other45678"))
    [said] = of_form(recorded, asked, match_on=["path", "raw_body"])
    assert said.startswith("body: expected '--one2345678")


def test_what_filters_remove_does_not_count() -> None:
    rules = Filters({"filter_query_parameters": ["c"], "filter_headers": [("x-mine", "yes")]})
    assert differences(EVERYTHING, filters=rules, query="a=1&b=2&team=x&c=3", headers=(("x-mine", "other"),)) == []


@pytest.mark.parametrize(
    ("match_on", "said"),
    [
        (["host"], "match_on 'host' cannot hold: in a replay each client asks a server on 127.0.0.1; leave it out"),
        (["hedaers"], r"match_on knows method, uri, path, .*, not 'hedaers' .did you mean 'headers'?"),
        ([5], "match_on takes names and functions of two requests, not 5"),
    ],
)
def test_an_impossible_match_on_is_one_sentence(match_on: Any, said: str) -> None:
    with pytest.raises(ScenarioError, match=said):
        interaction_routes([], match_on=match_on)


def test_repeats_are_played_where_they_are_allowed() -> None:
    assert [one.times for one in interaction_routes([RECORDED], allow_playback_repeats=True)] == [None]


def test_without_delays_the_chunks_stay() -> None:
    slow = replace(RECORDED, head=2.0, stream=Stream((Chunk(b"data: a", 1.0), Chunk(b"\n\n", 1.0))))
    [route] = interaction_routes([slow], delays=False)
    answer = route.replies[0].answer(Request(**ASKED))
    assert (answer.head, answer.stream.chunks) == (0.0, (Chunk(b"data: a"), Chunk(b"\n\n")))
