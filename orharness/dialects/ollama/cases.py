"""Ollama's own contract cases, about the JSON of its lines. They are answers of ``/api/chat``.

Plain data, as a user would write it. The text is that of ``message.content`` in each line, and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from orharness.dialects.dialect import Part
from orharness.dialects.ollama.parts import HEAD, last
from orharness.dialects.values import Json, dumps

STREAMING = "https://docs.ollama.com/api/streaming"
ERRORS = "https://docs.ollama.com/api/errors"
CODE = "https://github.com/ollama/ollama, ChatHandler in server/routes.go"
TYPES = "https://github.com/ollama/ollama, api/types.go"
JSON = "https://www.rfc-editor.org/rfc/rfc8259, section 7"
_THINKING = "thinking is taken for text: the text is that of message.content"
_TOOLS = "what a tool is called with is taken for text: the text is that of message.content"
_LAST = "the line with done: true may have a text, which belongs to the answer"
_LINES = "a line is ended at U+2028 or U+0085, as str.splitlines does: lines end with LF or CRLF alone"
_PASSED_OVER = "the line with an error is passed over: the answer looks complete"


def documents() -> Sequence[Mapping[str, Any]]:
    """Return all cases."""
    return (*_content(), *_characters(), *_errors())


def _sent(value: Json) -> Json:
    return {"data": dumps(value)}


def _line(**said: Any) -> Json:
    return _sent(HEAD | {"message": {"role": "assistant", "content": "", **said}, "done": False})


def _texts(*texts: str) -> list[Json]:
    return [_line(content=text) for text in texts]


def _escaped(text: str) -> Json:
    """Return the line of a text whose characters outside ASCII are JSON escapes."""
    return {"data": json.dumps(json.loads(_line(content=text)["data"]))}


def _ended(finish: str = "stop", **said: Any) -> Json:
    """Return the last line, with the counts and durations that Ollama sends."""
    line = last(Part(end=True, finish=finish))
    counted = {
        "total_duration": 182_000_000,
        "load_duration": 2_000_000,
        "prompt_eval_count": 3,
        "prompt_eval_duration": 60_000_000,
        "eval_count": 2,
        "eval_duration": 120_000_000,
    }
    return _sent(line | {"message": {**line["message"], **said}} | counted)


def _call(name: str = "clock", **arguments: Any) -> Json:
    return {"id": "call_1", "function": {"index": 0, "name": name, "arguments": arguments}}


def _case(name: str, title: str, source: str, sent: list[Json], expect: Json, **more: Any) -> Json:
    return {"id": name, "title": title, "source": source, "reply": {"events": sent}, "expect": expect, **more}


def _content() -> list[Json]:
    hello, two = {"text": "Hello world"}, _texts("Hello", " world")
    extra = HEAD | {"remote_model": "m:cloud", "remote_host": "https://ollama.com:443"}
    news = {"role": "assistant", "content": " world", "news": {"content": "no"}}
    return [
        _case(
            "ollama/whole",
            "An answer as Ollama sends it.",
            STREAMING,
            [*two, _ended()],
            hello,
            chunkings=["as-sent", "per-byte"],
        ),
        _case(
            "ollama/thinking",
            "Thinking before the text.",
            STREAMING,
            [_line(thinking="Let me"), _line(thinking=" see."), *two, _ended()],
            hello,
            cause=_THINKING,
        ),
        _case(
            "ollama/thinking-and-text",
            "A line with the last of the thinking and the first of the text.",
            CODE,
            [_line(thinking="Let me"), _line(thinking=" see.", content="Hello"), *two[1:], _ended()],
            hello,
            cause=_THINKING,
        ),
        _case(
            "ollama/tool-call",
            "A text, then a tool.",
            STREAMING,
            [*two, _line(tool_calls=[_call(zone="no text")]), _ended()],
            hello,
            cause=_TOOLS,
        ),
        _case(
            "ollama/tool-call-alone",
            "A tool and no text.",
            STREAMING,
            [_line(tool_calls=[_call(content="no text"), _call("other")]), _ended()],
            {"text": ""},
            cause=_TOOLS,
        ),
        _case(
            "ollama/tool-call-on-the-last-line",
            "A tool in the line that ends the answer.",
            CODE,
            [*two, _ended(tool_calls=[_call(content="no text")])],
            hello,
            cause=_TOOLS,
        ),
        _case(
            "ollama/text-on-the-last-line",
            "The last of the text in the line that ends the answer.",
            CODE,
            [*_texts("Hello"), _ended(content=" world")],
            hello,
            cause=_LAST,
        ),
        _case(
            "ollama/one-line",
            "An answer that is one line.",
            CODE,
            [_ended(content="Hello world")],
            hello,
            cause=_LAST,
        ),
        _case(
            "ollama/empty-text",
            "Lines without a text before it, in it and after it.",
            CODE,
            [*_texts("", "Hello", "", " world", ""), _ended()],
            hello,
        ),
        _case(
            "ollama/unknown-fields",
            "Fields that are not known.",
            TYPES,
            [*_texts("Hello"), _sent(extra | {"message": news, "logprobs": [], "done": False}), _ended()],
            hello,
        ),
        _case(
            "ollama/without-counts",
            "The last line has no counts: a count of 0 is left out.",
            TYPES,
            [*two, _sent(last(Part(end=True)))],
            hello,
        ),
        _case(
            "ollama/too-long",
            "The reason length ends an answer like any other.",
            STREAMING,
            [*two, _ended("length")],
            {"text": "Hello world", "error": "allowed"},
        ),
    ]


def _characters() -> list[Json]:
    return [
        _case(
            f"ollama/{name}",
            f"{code} in a text, as itself: {why}",
            JSON,
            [*_texts("Hello", f"{character}world"), _ended()],
            {"text": f"Hello{character}world"},
            control={
                "reply": {"events": [*_texts("Hello"), _escaped(f"{character}world"), _ended()]},
                "expect": {"text": f"Hello{character}world"},
                "cause": _LINES,
            },
        )
        for name, code, character, why in (
            ("next-line", "U+0085", "\x85", "Ollama does not escape it."),
            ("line-separator", "U+2028", "\u2028", "JSON allows it, and servers that are not Ollama send it so."),
        )
    ]


def _errors() -> list[Json]:
    error = _sent({"error": "an error was encountered while running the model: unexpected EOF"})
    return [
        _case(
            "errors/ollama-line",
            "A line with an error after two pieces.",
            ERRORS,
            [*_texts("Hello", " world"), error],
            {"text": "Hello world", "error": True},
            cause=_PASSED_OVER,
        ),
        _case(
            "errors/ollama-line-first",
            "A line with an error before the first piece.",
            ERRORS,
            [error],
            {"text": "", "error": True},
            requests="any",
            cause=_PASSED_OVER,
        ),
    ]
