"""Clients of well-known SDKs, ready to be judged: each yields all that the SDK hands over, text and other parts.

Write ``stream = orharness.clients.openai()`` in a file, and run ``orharness check FILE.py:stream``. Options are those
of the SDK's own call; what they change is then judged, too. The SDK is imported when the client first runs.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from importlib import import_module
from typing import Any

from orharness.loopback import API_KEY
from orharness.parts import Finish, Part, Reasoning, Refusal, Text, ToolCall, Usage

PROMPT = ({"role": "user", "content": "hi"},)
_MODEL = "m"
Streamed = Callable[[str], Iterator[Part]]
StreamedAsync = Callable[[str], AsyncIterator[Part]]


def openai(make: Callable[..., Any] | None = None, **asked: Any) -> Streamed:
    """Return a client on OpenAI's Python SDK: ``chat.completions.create(stream=True)``.

    ``make``: what makes the SDK's client of ``base_url`` and ``api_key``, by default ``openai.OpenAI``. ``asked``:
    further arguments of the call. Fragments of tool calls are joined by their index, as the SDK's documentation does.
    """

    def stream(base_url: str) -> Iterator[Part]:
        maker = make or _of_sdk("openai", "OpenAI")
        sdk = maker(base_url=base_url, api_key=API_KEY)
        with sdk, sdk.chat.completions.create(**_asked(asked)) as answer:
            yield from _of_chunks(chunk.model_dump() for chunk in answer)

    return stream


def openai_async(make: Callable[..., Any] | None = None, **asked: Any) -> StreamedAsync:
    """Return the same on ``openai.AsyncOpenAI``."""

    async def stream(base_url: str) -> AsyncIterator[Part]:
        maker = make or _of_sdk("openai", "AsyncOpenAI")
        fold = _Chunks()
        async with maker(base_url=base_url, api_key=API_KEY) as sdk:
            async with await sdk.chat.completions.create(**_asked(asked)) as answer:
                async for chunk in answer:
                    for part in fold.take(chunk.model_dump()):
                        yield part
            for part in fold.end():
                yield part

    return stream


def litellm(model: str = f"openai/{_MODEL}", **asked: Any) -> Streamed:
    """Return a client on LiteLLM: ``litellm.completion(stream=True)``; ``model`` names the provider as well."""

    def stream(base_url: str) -> Iterator[Part]:
        complete = _of_sdk("litellm", "completion")
        answer = complete(**{**_asked(asked), "model": model, "api_base": base_url, "api_key": API_KEY})
        yield from _of_chunks(chunk.model_dump() for chunk in answer)

    return stream


def langchain(make: Callable[..., Any] | None = None, **options: Any) -> Streamed:
    """Return a client on LangChain, by default its ``ChatOpenAI``; the tool calls are those that LangChain joined.

    ``make``: what makes the model of ``base_url``, ``api_key`` and ``model``; ``options``: its further arguments.
    """

    def stream(base_url: str) -> Iterator[Part]:
        maker = make or _of_sdk("langchain_openai", "ChatOpenAI")
        given = {"model": _MODEL, "stream_usage": True, **options}
        model = maker(base_url=base_url, api_key=API_KEY, **given)
        whole: Any = None
        for chunk in model.stream("hi"):
            whole = chunk if whole is None else whole + chunk
            yield Text(chunk.text if isinstance(chunk.text, str) else chunk.text())
            yield from _texts(Reasoning, chunk.additional_kwargs.get("reasoning_content"))
        if whole is not None:
            yield from _of_message(whole)

    return stream


def anthropic(make: Callable[..., Any] | None = None, **asked: Any) -> Streamed:
    """Return a client on Anthropic's Python SDK: ``messages.stream``, whose tool calls and usage the SDK joins.

    ``make``: what makes the SDK's client of ``base_url`` and ``api_key``, by default ``anthropic.Anthropic``.
    Judge it with ``--dialect messages``.
    """

    def stream(base_url: str) -> Iterator[Part]:
        maker = make or _of_sdk("anthropic", "Anthropic")
        given = {"model": _MODEL, "max_tokens": 1024, "messages": list(PROMPT), **asked}
        with maker(base_url=base_url.removesuffix("/v1"), api_key=API_KEY) as sdk:
            with sdk.messages.stream(**given) as answer:
                for event in answer:
                    if event.type == "text":
                        yield Text(event.text)
                    elif event.type == "thinking":
                        yield Reasoning(event.thinking)
                message = answer.get_final_message()
            for block in message.content:
                if block.type == "tool_use":
                    yield ToolCall(block.name, json.dumps(block.input, ensure_ascii=False), block.id)
            yield from _texts(Finish, message.stop_reason)
            yield Usage(message.usage.input_tokens, message.usage.output_tokens)

    return stream


def _of_sdk(module: str, name: str) -> Any:
    """Return an SDK's class or function: imported here, so that nobody needs the other SDKs."""
    return getattr(import_module(module), name)


# -- chat completions as an SDK hands them over ------------------------------------------------------------------------


def _asked(given: Mapping[str, Any]) -> dict[str, Any]:
    usual = {"model": _MODEL, "messages": list(PROMPT), "stream": True, "stream_options": {"include_usage": True}}
    return {**usual, **given}


def _texts(kind: Callable[[str], Part], text: Any) -> Iterator[Part]:
    if isinstance(text, str) and text:
        yield kind(text)


def _of_chunks(chunks: Iterable[Mapping[str, Any]]) -> Iterator[Part]:
    fold = _Chunks()
    for chunk in chunks:
        yield from fold.take(chunk)
    yield from fold.end()


class _Chunks:
    """What the chunks of one answer say, as parts: texts at once, tool calls and the last usage at the end."""

    def __init__(self) -> None:
        self._calls: dict[Any, list[Any]] = {}
        self._usage: Mapping[str, Any] | None = None

    def take(self, chunk: Mapping[str, Any]) -> Iterator[Part]:
        """Yield what this chunk says of the first choice."""
        self._usage = chunk.get("usage") or self._usage
        for choice in chunk.get("choices") or ():
            if choice.get("index"):
                continue
            delta = choice.get("delta") or {}
            yield from _texts(Reasoning, _reasoning(delta))
            yield from _texts(Text, _text(delta.get("content")))
            yield from _texts(Refusal, delta.get("refusal"))
            self._add(delta.get("tool_calls") or ())
            yield from _texts(Finish, choice.get("finish_reason"))

    def _add(self, fragments: Iterable[Mapping[str, Any]]) -> None:
        for one in fragments:
            function = one.get("function") or {}
            call = self._calls.setdefault(one.get("index"), [None, "", ""])
            call[0] = call[0] or one.get("id")
            call[1] = call[1] or function.get("name") or ""
            call[2] += function.get("arguments") or ""

    def end(self) -> Iterator[Part]:
        """Yield what is whole only at the end."""
        for id_, name, arguments in self._calls.values():
            yield ToolCall(name, arguments, id_)
        if self._usage is not None:
            yield Usage(self._usage.get("prompt_tokens") or 0, self._usage.get("completion_tokens") or 0)


def _reasoning(delta: Mapping[str, Any]) -> Any:
    """Return the reasoning of a delta from the first key that has some: services send it in one of three."""
    details = delta.get("reasoning_details") or ()
    return (
        delta.get("reasoning_content")
        or delta.get("reasoning")
        or "".join(one.get("text") or one.get("summary") or "" for one in details)
    )


def _text(content: Any) -> Any:
    """Return the text of a content, which may be a list of parts."""
    if not isinstance(content, list):
        return content
    return "".join(part.get("text") or "" for part in content if part.get("type") == "text")


def _of_message(message: Any) -> Iterator[Part]:
    """Yield what LangChain's whole message says besides its text."""
    for call in message.tool_calls:
        yield ToolCall(call["name"], json.dumps(call["args"], ensure_ascii=False), call["id"])
    yield from _texts(Finish, message.response_metadata.get("finish_reason"))
    if message.usage_metadata is not None:
        yield Usage(message.usage_metadata["input_tokens"], message.usage_metadata["output_tokens"])
