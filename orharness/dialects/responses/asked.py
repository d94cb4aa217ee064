"""OpenAI Responses: what a request asks for, and what the API refuses.

Source: https://platform.openai.com/docs/api-reference/responses/create.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import chain

from orharness.dialects.completion import MODEL
from orharness.dialects.conversation import Conversation, Said, Speaker, ToolResult, named, text_of
from orharness.dialects.dialect import Asked, Refused
from orharness.dialects.tokens import tokens_of
from orharness.dialects.values import Json, at, list_at
from orharness.dialects.wanted import below, objects, wrong_choice, wrong_type
from orharness.gateways import Gateway
from orharness.journal import Request

ROLES = ("user", "assistant", "system", "developer")
_LEAST_OUTPUT = 16  # tokens
_INSTEAD_OF_INPUT = ("prompt", "previous_response_id", "conversation")


@lru_cache(maxsize=16)  # the server, the reply and the judge ask for the same request
def asked(request: Request, gateway: Gateway) -> Asked:
    """Return what the request asks for. Raises ``Refused`` if the API would refuse it."""
    body = request.json
    if not isinstance(body, dict):
        raise Refused(400, "a response is asked for with a JSON object")
    wanted = _asked(body)
    for reason in _problems(body):
        raise Refused(400, reason, wanted)
    return wanted


def example() -> Json:
    """Return the body of a short request for a stream."""
    return {"model": MODEL, "input": "hi", "stream": True}


def _asked(body: Json) -> Asked:
    model = body.get("model")
    said = list(_users(body))
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
        conversation=Conversation.of(_said(body), body.get("previous_response_id")),
        background=body.get("background") is True,
    )


def _said(body: Json) -> Iterator[Said]:
    """Who says each item: messages have a role, results of tools a type that ends so, and the rest is the model's."""
    names: dict[object, object] = {}
    for item in list_at(body, "input"):
        kind, role, call = at(item, "type"), at(item, "role"), at(item, "call_id")
        if isinstance(kind, str) and kind.endswith("_output"):
            yield ToolResult(named(names, call), text_of(at(item, "output")))
        elif role == "assistant" or (role is None and kind not in (None, "message")):
            if isinstance(call, str):
                names[call] = at(item, "name")
            yield Speaker.MODEL
        else:
            yield Speaker.OTHER


def _users(body: Json) -> Iterator[str | None]:
    """Yield the user's text in each message of the request; an input that is a text is one message."""
    if isinstance(body.get("input"), str):
        yield body["input"]
    yield from (_text_of(at(item, "content")) for item in list_at(body, "input") if at(item, "role") == "user")


def _text_of(content: object) -> str | None:
    if isinstance(content, list):
        return "".join(str(at(part, "text") or "") for part in content)
    return content if isinstance(content, str) else None


def _prompt_tokens(body: Json) -> int:
    asked_for = body.get("input")
    contents = [body.get("instructions"), *(at(item, "content") for item in list_at(body, "input"))]
    contents.append(asked_for if isinstance(asked_for, str) else None)
    parts = chain.from_iterable(each if isinstance(each, list) else [each] for each in contents)
    texts = (each if isinstance(each, str) else at(each, "text") for each in parts)
    return sum(len(tokens_of(text)) for text in texts if isinstance(text, str))


def _problems(body: Json) -> Iterator[str]:
    """Yield what the API would refuse, in the API's order."""
    yield from wrong_type(body, "model", str, required="prompt" not in body)
    yield from wrong_type(body, "input", str, list, required=not any(name in body for name in _INSTEAD_OF_INPUT))
    for place, item in objects(body, "input"):
        yield from [item] if isinstance(item, str) else _wrong_item(item, f"{place}.")
    for name, types in _TYPES.items():
        yield from wrong_type(body, name, *types)
    yield from below(body, "max_output_tokens", _LEAST_OUTPUT)
    for place, tool in objects(body, "tools"):
        yield from [tool] if isinstance(tool, str) else _wrong_tool(tool, f"{place}.")
    if body.get("stream_options") is not None and body.get("stream") is not True:
        yield "stream_options is for a request with stream: true only"
    if body.get("background") is True and body.get("store") is False:
        yield "background: true needs a response that is stored: store must not be false"


_TYPES: dict[str, tuple[type, ...]] = {
    "stream": (bool,),
    "stream_options": (dict,),
    "instructions": (str,),
    "max_output_tokens": (int,),
    "temperature": (float, int),
    "top_p": (float, int),
    "tools": (list,),
    "reasoning": (dict,),
    "text": (dict,),
    "metadata": (dict,),
    "include": (list,),
    "store": (bool,),
    "background": (bool,),
    "parallel_tool_calls": (bool,),
    "previous_response_id": (str,),
}


def _wrong_item(item: Json, within: str) -> Iterator[str]:
    """Yield what is wrong with an item: it must be a message with a role, or something else with a type."""
    if "role" in item or item.get("type", "message") == "message":
        yield from wrong_choice(item, "role", ROLES, within)
        yield from wrong_type(item, "content", str, list, required=True, within=within)
    else:
        yield from wrong_type(item, "type", str, required=True, within=within)


def _wrong_tool(tool: Json, within: str) -> Iterator[str]:
    yield from wrong_type(tool, "type", str, required=True, within=within)
    if tool["type"] == "function":
        yield from wrong_type(tool, "name", str, required=True, within=within)
