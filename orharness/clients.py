"""Clients of well-known SDKs, ready to be judged: each yields all that the SDK hands over, text and other parts.

Write ``stream = orharness.clients.openai()`` in a file, and run ``orharness check FILE.py:stream``. Options are those
of the SDK's own call; what they change is then judged, too. One that the SDK does not take is refused. The SDK is
imported when the client first runs, or at once where options are given.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping
from functools import reduce
from importlib import import_module
from inspect import Parameter, signature
from typing import Any

from orharness.errors import ScenarioError
from orharness.loopback import API_KEY
from orharness.parts import Finish, Part, Reasoning, Refusal, Text, ToolCall, Usage

PROMPT = ({"role": "user", "content": "hi"},)
_MODEL = "m"
_NEAR = 0.85  # how like a known name a misspelt one is: top_k is none of top_p
Streamed = Callable[[str], Iterator[Part]]
StreamedAsync = Callable[[str], AsyncIterator[Part]]


def openai(make: Callable[..., Any] | None = None, **asked: Any) -> Streamed:
    """Return a client on OpenAI's Python SDK: ``chat.completions.create(stream=True)``.

    ``make``: what makes the SDK's client of ``base_url`` and ``api_key``, by default ``openai.OpenAI``. ``asked``:
    further arguments of the call. Fragments of tool calls are joined by their index, as the SDK's documentation does.
    Raises ``ScenarioError`` for an argument that the SDK does not take; with ``make`` when the client first runs.
    """
    if make is None:
        _check("openai", asked, _OPENAI, "Completions.create", "openai", "OpenAI")

    def stream(base_url: str) -> Iterator[Part]:
        maker = make or _of_sdk("openai", "OpenAI")
        sdk = maker(base_url=base_url, api_key=API_KEY)
        _check_call("openai", asked, sdk.chat.completions.create)
        with sdk, sdk.chat.completions.create(**_asked(asked)) as answer:
            yield from _of_chunks(chunk.model_dump() for chunk in answer)

    return stream


def openai_async(make: Callable[..., Any] | None = None, **asked: Any) -> StreamedAsync:
    """Return the same on ``openai.AsyncOpenAI``."""
    if make is None:
        _check("openai_async", asked, _OPENAI, "AsyncCompletions.create", "openai", "AsyncOpenAI")

    async def stream(base_url: str) -> AsyncIterator[Part]:
        maker = make or _of_sdk("openai", "AsyncOpenAI")
        fold = Chunks()
        async with maker(base_url=base_url, api_key=API_KEY) as sdk:
            _check_call("openai_async", asked, sdk.chat.completions.create)
            async with await sdk.chat.completions.create(**_asked(asked)) as answer:
                async for chunk in answer:
                    for part in fold.take(chunk.model_dump()):
                        yield part
            for part in fold.end():
                yield part

    return stream


def litellm(model: str = f"openai/{_MODEL}", **asked: Any) -> Streamed:
    """Return a client on LiteLLM: ``litellm.completion(stream=True)``; ``model`` names the provider as well.

    LiteLLM takes arguments of any name, for any provider. Raises ``ScenarioError`` for one that is nearly the name of
    one of its own.
    """
    _check("litellm", asked, "litellm", "completion")

    def stream(base_url: str) -> Iterator[Part]:
        complete = _of_sdk("litellm", "completion")
        answer = complete(**{**_asked(asked), "model": model, "api_base": base_url, "api_key": API_KEY})
        yield from _of_chunks(chunk.model_dump() for chunk in answer)

    return stream


def langchain(make: Callable[..., Any] | None = None, **options: Any) -> Streamed:
    """Return a client on LangChain, by default its ``ChatOpenAI``; the tool calls are those that LangChain joined.

    ``make``: what makes the model of ``base_url``, ``api_key`` and ``model``; ``options``: its further arguments.
    Raises ``ScenarioError`` for an option that ``ChatOpenAI`` does not have.
    """
    if make is None:
        _check_fields("langchain", options)

    def stream(base_url: str) -> Iterator[Part]:
        maker = make or _of_sdk("langchain_openai", "ChatOpenAI")
        given = {"model": _MODEL, "stream_usage": True, **options}
        model = maker(base_url=base_url, api_key=API_KEY, **given)
        fold = Messages()
        for chunk in model.stream("hi"):
            yield from fold.take(chunk)
        yield from fold.end()

    return stream


def anthropic(make: Callable[..., Any] | None = None, **asked: Any) -> Streamed:
    """Return a client on Anthropic's Python SDK: ``messages.stream``, whose tool calls and usage the SDK joins.

    ``make``: what makes the SDK's client of ``base_url`` and ``api_key``, by default ``anthropic.Anthropic``.
    Judge it with ``--dialect messages``. Raises ``ScenarioError`` as ``openai`` does.
    """
    if make is None:
        _check("anthropic", asked, "anthropic.resources.messages", "Messages.stream", "anthropic", "Anthropic")

    def stream(base_url: str) -> Iterator[Part]:
        maker = make or _of_sdk("anthropic", "Anthropic")
        given = {"model": _MODEL, "max_tokens": 1024, "messages": list(PROMPT), **asked}
        with maker(base_url=base_url.removesuffix("/v1"), api_key=API_KEY) as sdk:
            _check_call("anthropic", asked, sdk.messages.stream)
            with sdk.messages.stream(**given) as answer:
                for event in answer:
                    if event.type == "text":
                        yield Text(event.text)
                    elif event.type == "thinking":
                        yield Reasoning(event.thinking)
                message = answer.get_final_message()
            yield from end_of(message)

    return stream


def end_of(message: Any) -> Iterator[Part]:
    """Yield what the final message of Anthropic's SDK says besides text and thinking."""
    for block in message.content:
        if block.type == "tool_use":
            yield ToolCall(block.name, json.dumps(block.input, ensure_ascii=False), block.id)
    yield from _texts(Finish, message.stop_reason)
    yield Usage(message.usage.input_tokens, message.usage.output_tokens)


def _of_sdk(module: str, name: str) -> Any:
    """Return an SDK's class or function: imported here, so that nobody needs the other SDKs."""
    return getattr(import_module(module), name)


# -- options that an SDK does not take --------------------------------------------------------------------------------

_OPENAI = "openai.resources.chat.completions"
_NAMED = "orharness.clients"


def _check(adapter: str, asked: Collection[str], module: str, call: str, *maker: str) -> None:
    """Raise ``ScenarioError`` for an option that a call of an SDK does not take. ``maker``: the SDK's client.

    Without the SDK nothing is known of its options: that it is missing is said when the client runs.
    """
    if not asked:
        return
    try:
        function: Any = reduce(getattr, call.split("."), import_module(module))
        of_client = signature(_of_sdk(*maker)).parameters if maker else {}
    except (ImportError, AttributeError):
        return
    _check_call(adapter, asked, function, of_client)


def _check_call(
    adapter: str, asked: Collection[str], function: Callable[..., Any], of_client: Collection[str] = ()
) -> None:
    """Raise ``ScenarioError`` for an option that a function does not take; ``of_client``: those of the SDK's client."""
    parameters = [one for one in signature(function).parameters.values() if one.name != "self"]
    known = [one.name for one in parameters if one.kind is not Parameter.VAR_KEYWORD]
    any_name = len(known) < len(parameters)
    for name in asked:
        if name in known or (any_name and not difflib.get_close_matches(name, known, cutoff=_NEAR)):
            continue
        if name in of_client:
            made = "give make=, which makes that client of base_url= and api_key="
            raise ScenarioError(
                f"{_NAMED}.{adapter}: {name}= is an option of the SDK's client, not of its call: {made}"
            )
        raise _unknown(adapter, name, known, f"{function.__qualname__} of {function.__module__.partition('.')[0]}")


def _check_fields(adapter: str, options: Collection[str]) -> None:
    """Raise ``ScenarioError`` for an option that LangChain's model would hand on to the SDK, which does not take it."""
    if not options:
        return
    try:
        fields = _of_sdk("langchain_openai", "ChatOpenAI").model_fields
        call = signature(_of_sdk(_OPENAI, "Completions").create).parameters
    except (ImportError, AttributeError):
        return
    known = {*fields, *(field.alias for field in fields.values() if field.alias), *call} - {"self"}
    for name in options:
        if name not in known:
            raise _unknown(adapter, name, known, "ChatOpenAI of langchain_openai")


def _unknown(adapter: str, name: str, known: Iterable[str], of: str) -> ScenarioError:
    near = difflib.get_close_matches(name, sorted(known), n=1)
    hint = f" (did you mean {near[0]}=?)" if near else ""
    return ScenarioError(f"{_NAMED}.{adapter} knows no {name}={hint}; its options are those of {of}")


# -- chat completions as an SDK hands them over ------------------------------------------------------------------------


def _asked(given: Mapping[str, Any]) -> dict[str, Any]:
    usual = {"model": _MODEL, "messages": list(PROMPT), "stream": True, "stream_options": {"include_usage": True}}
    return {**usual, **given}


def _texts(kind: Callable[[str], Part], text: Any) -> Iterator[Part]:
    if isinstance(text, str) and text:
        yield kind(text)


def _of_chunks(chunks: Iterable[Mapping[str, Any]]) -> Iterator[Part]:
    fold = Chunks()
    for chunk in chunks:
        yield from fold.take(chunk)
    yield from fold.end()


class Chunks:
    """What the chunks of one chat completion say, as parts: texts at once, tool calls and the last usage at the end.

    For any SDK that hands over chunks as the API has them: ``take`` each of them as a dict, then ``end``.
    """

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


class Messages:
    """What the messages of one answer say that LangChain streams, as parts: ``take`` each of them, then ``end``."""

    def __init__(self) -> None:
        self._whole: Any = None

    def take(self, chunk: Any) -> Iterator[Part]:
        """Yield the text and the reasoning of one message."""
        self._whole = chunk if self._whole is None else self._whole + chunk
        yield Text(chunk.text if isinstance(chunk.text, str) else chunk.text())
        yield from _texts(Reasoning, chunk.additional_kwargs.get("reasoning_content"))
        for block in chunk.content if isinstance(chunk.content, list) else ():  # as Anthropic's API has it
            yield from _texts(Reasoning, block.get("thinking") if isinstance(block, dict) else None)

    def end(self) -> Iterator[Part]:
        """Yield what LangChain's whole message says besides."""
        message = self._whole
        if message is None:
            return
        for call in message.tool_calls:
            yield ToolCall(call["name"], json.dumps(call["args"], ensure_ascii=False), call["id"])
        said = message.response_metadata
        yield from _texts(Finish, said.get("finish_reason") or said.get("stop_reason"))
        if message.usage_metadata is not None:
            yield Usage(message.usage_metadata["input_tokens"], message.usage_metadata["output_tokens"])
