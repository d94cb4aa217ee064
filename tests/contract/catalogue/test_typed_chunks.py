"""What the catalogue sends as a chunk is one by the types of the openai package, so that a typed client can read it."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from orharness.contract import CASES, Case
from orharness.journal import Request
from orharness.sse import Event, decode
from tests.support.sdks import openai

# Cases that are about an event which is not a chunk by its type, each with what is wrong with that event.
BREACHES = {
    "chat/no-delta": "Azure's asynchronous filter sends a choice without a delta",
    "chat/prompt-filter-results-first": "Azure sends an empty `object`",
    "chat/finish-empty-string": "some services send an empty `finish_reason` until the last chunk",
    "chat/ping": "the event is not a chunk",
    "chat/named-event": "the event is not a chunk",
    "chat/warning-after-the-finish": "the event is not a chunk",
    "chat/chunk-without-choices": "the chunk has no `choices`",
    "chat/content-as-parts": "some services send the content as a list of parts",
    "chat/keep-alive-as-data": "the data are a proxy's comment",
    "parts/tool-calls-without-an-index": "some services send tool calls without their index",
    "parts/finish-and-chunks-without-one": "some services send an empty `finish_reason` until the last chunk",
    "parts/finish-abort": "vLLM has a `finish_reason` of its own",
    "parts/thinking-parts": "Mistral sends the content as a list of parts",
    "errors/finish-reason-error": "the finish_reason `error` is not a value of the type",
    "errors/json-cut-short": "the JSON is cut short",
    "errors/json-with-rubbish": "something follows the JSON",
    "errors/not-json": "the data are not JSON",
    "done/rubbish-after": "what follows `[DONE]` is not JSON",
    "done/only-its-beginning": "`[DONE]xyz` is not JSON",
    "done/two-spaces": "` [DONE]`, with a space in front, is neither the end marker nor JSON",
    "framing/data-lines-joined-by-lf": "the LF between two data lines is inside a JSON string",
    "framing/lines-without-an-empty-one": "two whole chunks are the data of one event",
    "framing/empty-data-as-heartbeat": "the data are empty",
    "framing/empty-data": "the data are empty",
    "framing/spec-example-empty-data": "the data are empty, and a line feed",
}
ASKS: tuple[dict[str, Any], ...] = (
    {"stream": True},
    {"stream": True, "stream_options": {"include_usage": True}, "usage": {"include": True}},
)
HEADERS: tuple[tuple[tuple[str, str], ...], ...] = ((), (("Accept-Encoding", "gzip"),))


def bodies(case: Case) -> Iterator[bytes]:
    """What the case sends, as it is after decompression, to each way to ask."""
    for ask in ASKS:
        for headers in HEADERS:
            request = Request("POST", "/v1/chat/completions", headers=headers, body=json.dumps(ask).encode())
            body = case.reply().answer(request).stream.body
            yield zlib.decompress(body, wbits=31) if body.startswith(b"\x1f\x8b") else body


def is_error(event: Event) -> bool:
    """Whether an event reports an error: by its name, or by what it holds, at its top or in a choice."""
    try:
        document = json.loads(event.data)
    except ValueError:
        return event.type == "error"
    parts = [document, *document.get("choices", ())]
    return event.type == "error" or document.get("object") == "error" or any("error" in part for part in parts)


def chunks(body: bytes) -> Iterator[str]:
    """The data of the events that are neither the end marker nor an error; comments are not events."""
    events = (item for item in decode(body) if isinstance(item, Event))
    return (event.data for event in events if event.data != "[DONE]" and not is_error(event))


def wrong_with(case: Case) -> list[str]:
    """What the types say against the chunks of a case."""
    found = []
    for data in {data for body in bodies(case) for data in chunks(body)}:
        try:
            openai.types.chat.ChatCompletionChunk.model_validate(json.loads(data))
        except (ValueError, ValidationError) as error:
            found.append(f"{data[:200]}: {error}")
    return found


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_each_chunk_is_one_by_its_type(case: Case) -> None:
    if case.id in BREACHES:
        assert wrong_with(case), "it is about no breach any more: take it out of the list"
    else:
        assert wrong_with(case) == []


def test_the_breaches_are_cases() -> None:
    assert set(BREACHES) <= {case.id for case in CASES}


@pytest.mark.slow
def test_most_cases_send_chunks() -> None:
    """What sends none is an HTTP error, an error event or silence; of all others the test above says something."""
    silent = [case for case in CASES if not any(list(chunks(body)) for body in bodies(case))]
    assert {case.family for case in silent} == {"errors"}
    assert len(silent) < 50


def test_a_chunk_needs_what_the_reference_requires() -> None:
    """The types are strict enough to see what is missing."""
    whole = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": []}
    openai.types.chat.ChatCompletionChunk.model_validate(whole)
    for name in whole:
        with pytest.raises(ValidationError):
            openai.types.chat.ChatCompletionChunk.model_validate(
                {key: value for key, value in whole.items() if key != name}
            )


def test_a_whole_answer_is_one_by_its_type() -> None:
    [case] = [case for case in CASES if case.id == "errors/json-answer"]
    for body in bodies(case):
        openai.types.chat.ChatCompletion.model_validate_json(body)
