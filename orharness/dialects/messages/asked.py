"""Anthropic Messages: what a request asks for, and what the API refuses.

Sources: https://docs.claude.com/en/api/messages, https://docs.claude.com/en/api/versioning,
https://docs.claude.com/en/api/claude-on-vertex-ai (the model in the path, the version in the body).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import chain

from orharness.dialects.completion import MODEL
from orharness.dialects.conversation import Conversation, Said, Speaker, ToolResult, named, text_of
from orharness.dialects.dialect import Asked, Refused
from orharness.dialects.paths import values_in
from orharness.dialects.tokens import tokens_of
from orharness.dialects.values import Json, at, list_at
from orharness.dialects.wanted import below, objects, wrong_choice, wrong_type
from orharness.gateways import Gateway
from orharness.journal import Request

VERTEX = "/projects/{project}/locations/{location}/publishers/{publisher}/models/{model}:{streamRawPredict|rawPredict}"
"""Where Vertex AI has Messages."""
ROLES = ("user", "assistant")
_LEAST_THINKING = 1024  # tokens


@lru_cache(maxsize=16)  # the server, the reply and the judge ask for the same request
def asked(request: Request, gateway: Gateway) -> Asked:
    """Return what the request asks for. Raises ``Refused`` if the API would refuse it."""
    body = request.json
    if not isinstance(body, dict):
        raise Refused(400, "a message is asked for with a JSON object")
    model = values_in(VERTEX, request.path).get("model")
    body = body if model is None else {**body, "model": model}
    wanted = _asked(body)
    version = request.header("anthropic-version") or (model and body.get("anthropic_version"))
    if gateway.messages_version and version is None:
        raise Refused(400, "the header anthropic-version is required", wanted)
    for reason in _problems(body):
        raise Refused(400, reason, wanted)
    return wanted


def example() -> Json:
    """Return the body of a short request for a stream."""
    message = {"role": "user", "content": "hi"}
    return {"model": MODEL, "max_tokens": 100, "messages": [message], "stream": True}


def _asked(body: Json) -> Asked:
    model = body.get("model")
    said = [_text_of(at(each, "content")) for each in list_at(body, "messages") if _is_users(each)]
    names = (at(tool, "name") for tool in list_at(body, "tools"))
    return Asked(
        stream=body.get("stream") is True,
        model=model if isinstance(model, str) else None,
        provider=body.get("provider"),
        prompt_tokens=_prompt_tokens(body),
        wants_usage=True,  # usage is always sent
        turn=len(said),
        last_user=said[-1] if said else None,
        tools=tuple(name for name in names if isinstance(name, str)),
        conversation=Conversation.of(_said(body)),
    )


def _said(body: Json) -> Iterator[Said]:
    """Who says each message; a message of the user may hold the results of tools, also beside a text."""
    names: dict[object, object] = {}
    for message in list_at(body, "messages"):
        parts = list_at(message, "content")
        if at(message, "role") == "assistant":
            names |= {at(part, "id"): at(part, "name") for part in parts if isinstance(at(part, "id"), str)}
            yield Speaker.MODEL
            continue
        results = [part for part in parts if at(part, "type") == "tool_result"]
        for result in results:
            yield ToolResult(named(names, at(result, "tool_use_id")), text_of(at(result, "content")))
        if not results:
            yield Speaker.OTHER


def _is_users(message: object) -> bool:
    """Return whether a message is the user's own: results of tools come in the same role."""
    content = at(message, "content")
    results = isinstance(content, list) and content and all(at(part, "type") == "tool_result" for part in content)
    return at(message, "role") == "user" and not results


def _text_of(content: object) -> str | None:
    if isinstance(content, list):
        return "".join(str(at(part, "text") or "") for part in content)
    return content if isinstance(content, str) else None


def _prompt_tokens(body: Json) -> int:
    contents = [body.get("system"), *(at(message, "content") for message in list_at(body, "messages"))]
    parts = chain.from_iterable(each if isinstance(each, list) else [each] for each in contents)
    texts = (each if isinstance(each, str) else at(each, "text") for each in parts)
    return sum(len(tokens_of(text)) for text in texts if isinstance(text, str))


def _problems(body: Json) -> Iterator[str]:
    """Yield what the API would refuse, in the API's order."""
    yield from wrong_type(body, "model", str, required=True)
    yield from wrong_type(body, "max_tokens", int, required=True)
    yield from below(body, "max_tokens", 1)
    yield from wrong_type(body, "messages", list, required=True)
    if not body["messages"]:
        yield "messages: at least one message is required"
    for place, message in objects(body, "messages"):
        yield from [message] if isinstance(message, str) else _wrong_message(message, f"{place}.")
    for name, types in _TYPES.items():
        yield from wrong_type(body, name, *types)
    for place, tool in objects(body, "tools"):
        yield from [tool] if isinstance(tool, str) else wrong_type(tool, "name", str, required=True, within=f"{place}.")
    yield from _wrong_thinking(body)


_TYPES: dict[str, tuple[type, ...]] = {
    "stream": (bool,),
    "system": (str, list),
    "temperature": (float, int),
    "top_p": (float, int),
    "top_k": (int,),
    "stop_sequences": (list,),
    "tools": (list,),
    "tool_choice": (dict,),
    "thinking": (dict,),
    "metadata": (dict,),
}


def _wrong_message(message: Json, within: str) -> Iterator[str]:
    if message.get("role") == "system":
        yield f"{within}role: system is a parameter of the request, not a role of a message"
    yield from wrong_choice(message, "role", ROLES, within)
    yield from wrong_type(message, "content", str, list, required=True, within=within)
    for place, part in objects(message, "content"):
        inside = f"{within}{place}."
        yield from [part] if isinstance(part, str) else wrong_type(part, "type", str, required=True, within=inside)


def _wrong_thinking(body: Json) -> Iterator[str]:
    thinking = body.get("thinking")
    if not isinstance(thinking, dict) or thinking.get("type") != "enabled":
        return
    yield from wrong_type(thinking, "budget_tokens", int, required=True, within="thinking.")
    if not _LEAST_THINKING <= thinking["budget_tokens"] < body["max_tokens"]:
        yield f"thinking.budget_tokens must be {_LEAST_THINKING} or more, and less than max_tokens"
