"""Ollama: what a request asks for, and what the API refuses.

An answer is a stream unless the request says ``stream: false``. Sources: https://docs.ollama.com/api/chat,
https://docs.ollama.com/api/generate; ``ChatHandler`` and ``GenerateHandler`` in ``server/routes.go``.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from orharness.dialects.completion import MODEL
from orharness.dialects.conversation import Conversation, Said, Speaker, ToolResult, calls_in, named, text_of
from orharness.dialects.dialect import Asked, Refused
from orharness.dialects.ollama.words import CHAT, GENERATE
from orharness.dialects.tokens import tokens_of
from orharness.dialects.values import Json, at, list_at
from orharness.dialects.wanted import objects, wrong_type
from orharness.gateways import Gateway
from orharness.journal import Request

_MOST_LOGPROBS = 20


@lru_cache(maxsize=16)  # the server, the reply and the judge ask for the same request
def asked(request: Request, gateway: Gateway) -> Asked:
    """Return what the request asks for. Raises ``Refused`` if the API would refuse it."""
    endpoint = GENERATE if request.path.partition("?")[0].rstrip("/").endswith(GENERATE) else CHAT
    if not request.body:
        raise Refused(400, "missing request body")
    body = request.json
    if not isinstance(body, dict):
        raise Refused(400, "an answer is asked for with a JSON object")
    wanted = _asked(body, endpoint)
    for reason in _problems(body, endpoint):
        raise Refused(400, reason, wanted)
    if not body.get("model"):
        if endpoint == GENERATE:
            raise Refused(404, "model '' not found", wanted)
        raise Refused(400, "model is required", wanted)
    return wanted


def example() -> Json:
    """Return the body of a short request for a stream."""
    return {"model": MODEL, "messages": [{"role": "user", "content": "hi"}], "stream": True}


def _asked(body: Json, endpoint: str) -> Asked:
    model, texts = body.get("model"), list(_texts(body, endpoint))
    said = [text for role, text in texts if role == "user"]
    names = (at(tool, "function", "name") for tool in list_at(body, "tools"))
    return Asked(
        stream=body.get("stream") is not False,
        model=model if isinstance(model, str) else None,
        provider=body.get("provider"),
        prompt_tokens=sum(len(tokens_of(text)) for _, text in texts if text is not None),
        wants_usage=True,  # usage is always sent
        turn=len(said),
        last_user=said[-1] if said else None,
        tools=tuple(name for name in names if isinstance(name, str)),
        conversation=Conversation.of(_said(body)),
        endpoint=endpoint,
    )


def _said(body: Json) -> Iterator[Said]:
    """Who says each message; the result of a tool says the tool's name, or the id of the call."""
    names = calls_in(body)
    for message in list_at(body, "messages"):
        role, name = at(message, "role"), at(message, "tool_name")
        if role == "tool":
            tool = name if isinstance(name, str) else named(names, at(message, "tool_call_id"))
            yield ToolResult(tool, text_of(at(message, "content")))
        else:
            yield Speaker.MODEL if role == "assistant" else Speaker.OTHER


def _texts(body: Json, endpoint: str) -> Iterator[tuple[object, str | None]]:
    """Yield each text of the request with its role."""
    if endpoint == GENERATE:
        for role, name in (("system", "system"), ("user", "prompt")):
            if body.get(name):
                yield role, _text(body[name])
        return
    for message in list_at(body, "messages"):
        yield at(message, "role"), _text(at(message, "content"))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _problems(body: Json, endpoint: str) -> Iterator[str]:
    """Yield what the API would refuse, in the API's order: fields of a wrong type."""
    for name, types in {**_TYPES, **(_OF_GENERATE if endpoint == GENERATE else _OF_CHAT)}.items():
        yield from wrong_type(body, name, *types)
    if isinstance(body.get("top_logprobs"), int) and not 0 <= body["top_logprobs"] <= _MOST_LOGPROBS:
        yield f"top_logprobs must be between 0 and {_MOST_LOGPROBS}"
    for place, message in objects(body, "messages"):
        yield from [message] if isinstance(message, str) else _wrong_message(message, f"{place}.")
    for place, tool in objects(body, "tools"):
        yield from [tool] if isinstance(tool, str) else _wrong_tool(tool, f"{place}.")


_TYPES: dict[str, tuple[type, ...]] = {
    "model": (str,),
    "stream": (bool,),
    "options": (dict,),
    "think": (bool, str),
    "format": (str, dict),
    "keep_alive": (str, int, float),
    "logprobs": (bool,),
    "top_logprobs": (int,),
}
_OF_CHAT: dict[str, tuple[type, ...]] = {"messages": (list,), "tools": (list,)}
_OF_GENERATE: dict[str, tuple[type, ...]] = {
    "prompt": (str,),
    "system": (str,),
    "suffix": (str,),
    "template": (str,),
    "raw": (bool,),
    "context": (list,),
    "images": (list,),
}


def _wrong_message(message: Json, within: str) -> Iterator[str]:
    for name, types in _OF_A_MESSAGE.items():
        yield from wrong_type(message, name, *types, within=within)


_OF_A_MESSAGE: dict[str, tuple[type, ...]] = {
    "role": (str,),
    "content": (str,),
    "thinking": (str,),
    "images": (list,),
    "tool_calls": (list,),
    "tool_name": (str,),
}


def _wrong_tool(tool: Json, within: str) -> Iterator[str]:
    yield from wrong_type(tool, "type", str, within=within)
    yield from wrong_type(tool, "function", dict, within=within)
    if isinstance(tool.get("function"), dict):
        yield from wrong_type(tool["function"], "name", str, within=f"{within}function.")
