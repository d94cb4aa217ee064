"""The chat-completions dialect: what a request asks for.

Sources: https://platform.openai.com/docs/api-reference/chat/create,
https://openrouter.ai/docs/api-reference/overview (``usage``, ``provider``),
https://learn.microsoft.com/azure/ai-foundry/openai/reference (the deployment in the path),
https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle and https://console.groq.com/docs/openai.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import chain

from orharness.dialects.conversation import Conversation, Said, Speaker, ToolResult, calls_in, named, text_of
from orharness.dialects.dialect import Asked, Refused
from orharness.dialects.paths import values_in
from orharness.dialects.tokens import tokens_of
from orharness.dialects.values import Json, at, list_at
from orharness.dialects.wanted import objects, wrong_choice, wrong_type
from orharness.gateways import Gateway, UsageRule
from orharness.journal import Request

PATHS = ("/chat/completions", "/completions")
DEPLOYMENT = "/openai/deployments/{model}"
"""What Azure writes before an endpoint: the deployment answers, whatever model the body names."""
BASES = ("/openai/v1", "/openai")
"""What Azure (and Groq, the first one) writes before an endpoint otherwise."""
ROLES = ("system", "developer", "user", "assistant", "tool", "function")


@lru_cache(maxsize=16)  # the server, the reply and the judge ask for the same request
def asked(request: Request, gateway: Gateway) -> Asked:
    """Return what the request asks for. Raises ``Refused`` if its body is not a JSON object, or a field is wrong.

    A request without a model or without messages is accepted, but by OpenAI itself: other gateways have a default
    model, and short tests of clients send neither.
    """
    body = request.json
    if not isinstance(body, dict):
        raise Refused(400, "a chat completion is asked for with a JSON object")
    deployed = _deployment_in(request.path)
    body = body if deployed is None else {**body, "model": deployed}
    wanted = _asked(body, gateway)
    for reason in chain(_problems(body), _impossible_options(body, gateway)):
        raise Refused(400, reason, wanted)
    return wanted


def _deployment_in(path: str) -> str | None:
    return next(filter(None, (values_in(f"{DEPLOYMENT}{one}", path).get("model") for one in PATHS)), None)


def _asked(body: Json, gateway: Gateway) -> Asked:
    model = body.get("model")
    said = [_text_of(at(message, "content")) for message in list_at(body, "messages") if _is_user(message)]
    return Asked(
        stream=body.get("stream") is True,  # nothing else counts as true
        model=model if isinstance(model, str) else None,
        provider=body.get("provider"),
        prompt_tokens=prompt_tokens_of(body),
        wants_usage=gateway.usage is UsageRule.ALWAYS or at(body, *gateway.usage.split(".")) is True,
        turn=len(said),
        last_user=said[-1] if said else None,
        tools=tuple(_tools(body)),
        conversation=Conversation.of(_said(body)),
    )


def _said(body: Json) -> Iterator[Said]:
    """Who says each message; what a tool returned has the name of the call that it answers."""
    names = calls_in(body)
    for message in list_at(body, "messages"):
        role, own = at(message, "role"), at(message, "name")
        if role in ("tool", "function"):
            tool = named(names, at(message, "tool_call_id")) or (own if isinstance(own, str) else None)
            yield ToolResult(tool, text_of(at(message, "content")))
        else:
            yield Speaker.MODEL if role == "assistant" else Speaker.OTHER


def _problems(body: Json) -> Iterator[str]:
    """Yield what the API would refuse, in the API's order."""
    for name, types in _TYPES.items():
        yield from wrong_type(body, name, *types)
    for place, message in objects(body, "messages"):
        yield from [message] if isinstance(message, str) else _wrong_message(message, f"{place}.")
    for place, tool in objects(body, "tools"):
        yield from [tool] if isinstance(tool, str) else _wrong_tool(tool, f"{place}.")


def _impossible_options(body: Json, gateway: Gateway) -> Iterator[str]:
    """Yield what OpenAI refuses; for gateways with another way to ask for usage it is not known."""
    for name in gateway.chat_required:
        yield from wrong_type(body, name, object, required=True)
    asked_for = body.get("stream_options") is not None and body.get("stream") is not True
    if asked_for and gateway.usage is UsageRule.STREAM_OPTIONS:
        yield "stream_options is for a request with stream: true only"


_TYPES: dict[str, tuple[type, ...]] = {
    "model": (str,),
    "messages": (list,),
    "stream": (bool,),
    "stream_options": (dict,),
    "max_tokens": (int,),
    "max_completion_tokens": (int,),
    "temperature": (float, int),
    "top_p": (float, int),
    "n": (int,),
    "tools": (list,),
}


def _wrong_message(message: Json, within: str) -> Iterator[str]:
    yield from wrong_choice(message, "role", ROLES, within)
    yield from wrong_type(message, "content", str, list, within=within)
    if message["role"] == "tool":
        yield from wrong_type(message, "tool_call_id", str, required=True, within=within)


def _wrong_tool(tool: Json, within: str) -> Iterator[str]:
    yield from wrong_type(tool, "type", str, required=True, within=within)
    if tool["type"] == "function":
        yield from wrong_type(tool, "function", dict, required=True, within=within)
        yield from wrong_type(tool["function"], "name", str, required=True, within=f"{within}function.")


def prompt_tokens_of(body: object) -> int:
    """Return the number of tokens of the texts in a request's messages, by ``tokens_of``; other content counts 0."""
    contents = [at(message, "content") for message in list_at(body, "messages")]
    parts = chain.from_iterable(each if isinstance(each, list) else [each] for each in contents)
    texts = (each if isinstance(each, str) else at(each, "text") for each in parts)
    return sum(len(tokens_of(text)) for text in texts if isinstance(text, str))


def _is_user(message: object) -> bool:
    return at(message, "role") == "user"


def _text_of(content: object) -> str | None:
    """Return a message's text, also if its content is a list of parts; ``None`` if it has none."""
    if isinstance(content, list):
        return "".join(str(at(part, "text") or "") for part in content)
    return content if isinstance(content, str) else None


def _tools(body: object) -> list[str]:
    names = (at(tool, "function", "name") for tool in list_at(body, "tools"))
    return [name for name in names if isinstance(name, str)]
