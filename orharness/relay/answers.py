"""What the upstream says where whole chunks are compared: three answers in chat completion chunks.

Sources: https://platform.openai.com/docs/api-reference/chat-streaming (refusal, logprobs, several choices,
``system_fingerprint``, ``service_tier``), https://openrouter.ai/docs/api-reference/streaming (reasoning, provider,
``native_finish_reason``), https://openrouter.ai/docs/features/web-search (annotations), Groq's ``x_groq`` as recorded.
"""

from __future__ import annotations

from collections.abc import Sequence

from orharness.dialects.values import Json, dumps
from orharness.scenario import Reply
from orharness.stream import Transform

_HEAD: Json = {
    "id": "gen-1",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "m",
    "provider": "Groq",
    "system_fingerprint": "fp_1",
    "service_tier": "default",
}
_OF_A_GATEWAY: Json = {"x_groq": {"id": "req_1"}}  # in the first chunk alone
_REASONS = ("Let me", " think.")
_CITED = {"url": "https://example.org", "title": "no", "content": "no", "start_index": 0, "end_index": 5}
_CITATION = {"type": "url_citation", "url_citation": _CITED}
_REFUSAL = ("I cannot ", "help ", "with that.")
_USAGE = {
    "prompt_tokens": 3,
    "completion_tokens": 20,
    "total_tokens": 23,
    "completion_tokens_details": {"reasoning_tokens": 4},
}
# Two calls whose arguments come in turns: the index alone says which is meant.
_FRAGMENTS: tuple[tuple[int, str | None, str], ...] = (
    (0, "call_a", ""),
    (1, "call_b", ""),
    (0, None, '{"city":'),
    (1, None, '{"zone":'),
    (0, None, '"Zürich"}'),
    (1, None, '"CET"}'),
)
_NAMES = {"call_a": "weather", "call_b": "clock"}


def _choice(delta: Json, finish: str | None = None, *, index: int = 0, logprobs: Json | None = None) -> Json:
    ends = {"finish_reason": finish, "native_finish_reason": finish}
    return {"index": index, "delta": delta, "logprobs": logprobs, **ends}


def _chunk(*choices: Json, **more: Json) -> Json:
    return {**_HEAD, "choices": list(choices), **more}


def _logprobs(token: str) -> Json:
    return {"content": [{"token": token, "logprob": -0.1, "bytes": None, "top_logprobs": []}], "refusal": None}


def _thought(text: str) -> Json:
    details = [{"type": "reasoning.text", "text": text, "format": None, "index": 0}]
    return {"content": "", "reasoning": text, "reasoning_details": details}


def _call(index: int, id_: str | None, arguments: str) -> Json:
    if id_ is None:
        return {"index": index, "function": {"arguments": arguments}}
    return {"index": index, "id": id_, "type": "function", "function": {"name": _NAMES[id_], "arguments": arguments}}


def whole_answer(tokens: Sequence[str], through: Sequence[Transform] = ()) -> Reply:
    """Return an answer of one choice: role, reasoning, text, annotations, tool calls, finish, usage, own fields."""
    chunks = [
        _chunk(_choice({"role": "assistant", "content": ""}), **_OF_A_GATEWAY),
        *(_chunk(_choice(_thought(one))) for one in _REASONS),
        *(_chunk(_choice({"content": one}, logprobs=_logprobs(one))) for one in tokens),
        _chunk(_choice({"content": "", "annotations": [_CITATION]})),
        *(_chunk(_choice({"tool_calls": [_call(*one)]})) for one in _FRAGMENTS),
        _chunk(_choice({}, "tool_calls")),
        _chunk(usage=_USAGE),
    ]
    return Reply.stream(*map(dumps, chunks), "[DONE]", through=through)


def packed_answer(tokens: Sequence[str]) -> Reply:
    """Return an answer with a text that is compressed if the relay accepts that."""
    chunks = [_choice({"role": "assistant", "content": ""}), *(_choice({"content": one}) for one in tokens)]
    return Reply.stream(*map(dumps, map(_chunk, [*chunks, _choice({}, "stop")])), "[DONE]", encoding="gzip")


def refused_answer(through: Sequence[Transform] = ()) -> Reply:
    """Return an answer that is a refusal and has no text."""
    chunks = [
        _chunk(_choice({"role": "assistant", "content": "", "refusal": None})),
        *(_chunk(_choice({"refusal": one})) for one in _REFUSAL),
        _chunk(_choice({}, "stop")),
        _chunk(usage=_USAGE),
    ]
    return Reply.stream(*map(dumps, chunks), "[DONE]", through=through)


def two_answers(tokens: Sequence[str], through: Sequence[Transform] = (), *, together: bool = False) -> Reply:
    """Return an answer of two choices: in chunks that come in turns, or ``together`` in one.

    The reference says of a chunk's choices: "Can contain more than one elements if n is greater than 1".
    """
    roles = [_choice({"role": "assistant", "content": ""}, index=index) for index in range(2)]
    texts = [_choice({"content": one}, index=number % 2) for number, one in enumerate(tokens)]
    ends = [_choice({}, finish, index=index) for index, finish in enumerate(("stop", "length"))]
    said = [*roles, *texts, *ends]
    chunks = [_chunk(*pair) for pair in zip(said[::2], said[1::2], strict=True)] if together else map(_chunk, said)
    return Reply.stream(*map(dumps, [*chunks, _chunk(usage=_USAGE)]), "[DONE]", through=through)
