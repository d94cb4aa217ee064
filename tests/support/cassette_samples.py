"""Interactions, files and damage for the tests of cassettes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import vcr  # type: ignore[import-untyped]
import yaml
from hypothesis import strategies as st

from orharness.cassette import CLIENT_DISCONNECTED, Headers, Interaction, Persister, RecordedRequest, Serializer, save
from orharness.stream import Chunk, Ending, Framing, Stream

URI = "https://llm.example/v1/chat/completions"


EVENT_STREAM: Headers = (("Content-Type", "text/event-stream"),)


# Each is a stream that some style of YAML cannot hold, or holds wrongly.
NASTY = [
    b"data: Gr\xc3\xbc\xc3\x9fe, \xe4\xb8\x96\xe7\x95\x8c\n\n",
    "data: \N{GRINNING FACE}\n\n".encode(),
    b"data: a\r\ndata: b\r\n\r\n",
    b"\rdata: a\r\r",
    b"data:\ta\n\n",
    b": \n\ndata: a \n\n",
    b"\xef\xbb\xbfdata: a\n\n",
    "data: a\N{NEXT LINE}b\N{LINE SEPARATOR}c\N{PARAGRAPH SEPARATOR}d\n\n".encode(),
    "data: a\N{NEXT LINE}b".encode(),
    "\N{LINE SEPARATOR}".encode(),
    b"data: \0\x1b\x7f\n\n",
    b"data: \xff\xfe\n\n",
    b"data: \xf0\x9f\x98",
    b"\n\n\ndata: a",
    b"   data: a\n  b\n\n\n\n",
    b"# a\n--- b\n...\n",
    b"---\n",
    b"a: b\n- c\n",
    b"\n",
    b" ",
    b"\xc2\xa0\n",
    "\ufffe\uffff\n".encode(),
    b'{"a": "\\ud83d\\ude00 \\U0001F600"}\n',
    b"null",
    b"2026-11-22",
    b"0x10",
    b"=",
    b"wait...",
    b"wait\n...\n",
]


def an_interaction(*pieces: bytes, delay: float = 0.25, **changes: Any) -> Interaction:
    """A recorded chat stream; ``pieces`` are its chunks."""
    request = RecordedRequest("POST", URI, (("Content-Type", "application/json"),), b'{"model": "m", "stream": true}')
    stream = Stream.of(*(pieces or (b"data: a\n\n", b"data: [DONE]\n\n")), delay=delay)
    return replace(Interaction(request, headers=EVENT_STREAM, stream=stream, head=0.5), **changes)


def written(path: Path, *changes: Callable[[Any], object]) -> Path:
    """A saved cassette, changed as a hand would change it."""
    save(path, [an_interaction()])
    data = yaml.safe_load(path.read_text("utf-8"))
    for change in changes:
        change(data)
    path.write_text(yaml.safe_dump(data), "utf-8")
    return path


def foreign(path: Path, headers: dict[str, Any] | None = None, **response: Any) -> Path:
    """A cassette with one interaction as vcrpy itself writes it."""
    request = {"method": "POST", "uri": URI, "body": "{}", "headers": {}}
    response = {"status": {"code": 200, "message": "OK"}, "headers": headers or {}, **response}
    path.write_text(
        yaml.safe_dump({"version": 1, "interactions": [{"request": request, "response": response}]}), "utf-8"
    )
    return path


SERIALIZERS = [pytest.param(Serializer(libyaml=True), id="libyaml"), pytest.param(Serializer(libyaml=False), id="pure")]


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


names = st.text("abcXYZ0-", min_size=1, max_size=5).map("X-".__add__)


lines = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), max_size=20)


headers_of = st.lists(st.tuples(names, lines), max_size=4).map(tuple)


seconds = st.integers(0, 10**10).map(lambda microseconds: microseconds / 10**6)


bodies = st.lists(st.sampled_from(NASTY) | st.binary(max_size=20) | texts.map(str.encode), max_size=5).map(b"".join)


@st.composite
def streams(draw: st.DrawFn, ending: Ending) -> Stream:
    body = draw(bodies)
    cuts = sorted(draw(st.sets(st.integers(0, len(body)), max_size=6)) | {0, len(body)})
    chunks = [Chunk(body[start:end], draw(seconds)) for start, end in pairwise(cuts)]
    announced = draw(st.none() | st.integers(0, 10**6))
    return Stream(tuple(chunks), ending, draw(st.sampled_from(Framing)), announced=announced)


@st.composite
def interactions(draw: st.DrawFn) -> Interaction:
    ending = draw(st.sampled_from([*Ending, CLIENT_DISCONNECTED]))
    return Interaction(
        RecordedRequest(draw(st.sampled_from(["POST", "GET"])), f"{URI}?a=1&b", draw(headers_of), draw(bodies)),
        draw(st.integers(100, 599)),
        draw(lines),
        draw(headers_of),
        draw(streams(Ending.ABORT if ending == CLIENT_DISCONNECTED else Ending(ending))),
        draw(seconds),
        str(ending),
        draw(st.none() | st.just("2026-11-22T06:00:00Z") | texts.filter(bool)),
        draw(st.booleans()),
        draw(st.none() | texts),
    )


def at(*keys: str | int) -> Callable[[Any], Any]:
    """Goes down to the last mapping or list before the last key."""

    def go(data: Any) -> Any:
        for key in keys:
            data = data[key]
        return data

    return go


def put(*keys_and_value: Any) -> Callable[[Any], object]:
    *keys, last, value = keys_and_value
    return lambda data: at(*keys)(data).__setitem__(last, value)


def drop(*keys: Any) -> Callable[[Any], object]:
    return lambda data: at(*keys[:-1])(data).__delitem__(keys[-1])


OURS = ("interactions", 0, "response", "x-orharness")


def ours() -> Any:
    """A vcrpy user's VCR with our two protocols registered."""
    recorder = vcr.VCR(serializer="orharness", record_mode="once", match_on=["method", "path"])
    recorder.register_serializer("orharness", Serializer())
    recorder.register_persister(Persister)
    return recorder
