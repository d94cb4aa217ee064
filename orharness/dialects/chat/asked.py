"""The chat-completions dialect: what a request asks for.

Sources: https://platform.openai.com/docs/api-reference/chat/create,
https://openrouter.ai/docs/api-reference/overview (``usage``, ``provider``).
"""

from __future__ import annotations

from itertools import chain

from orharness.dialects.dialect import Asked, Refused
from orharness.dialects.tokens import tokens_of
from orharness.dialects.values import at, list_at
from orharness.gateways import Gateway, UsageRule
from orharness.journal import Request


def asked(request: Request, gateway: Gateway) -> Asked:
    """Return what the request asks for. Raises ``Refused`` where its body is not a JSON object."""
    body = request.json
    if not isinstance(body, dict):
        raise Refused(400, "a chat completion is asked for with a JSON object")
    model = body.get("model")
    said = [_text_of(at(message, "content")) for message in list_at(body, "messages") if _is_user(message)]
    return Asked(
        stream=body.get("stream") is True,  # and nothing that only looks like it
        model=model if isinstance(model, str) else None,
        provider=body.get("provider"),
        prompt_tokens=prompt_tokens_of(body),
        wants_usage=gateway.usage is UsageRule.ALWAYS or at(body, *gateway.usage.split(".")) is True,
        turn=len(said),
        last_user=said[-1] if said else None,
        tools=tuple(_tools(body)),
    )


def prompt_tokens_of(body: object) -> int:
    """Return how many tokens the texts of a request's messages have, by ``tokens_of``; anything else counts 0."""
    contents = [at(message, "content") for message in list_at(body, "messages")]
    parts = chain.from_iterable(each if isinstance(each, list) else [each] for each in contents)
    texts = (each if isinstance(each, str) else at(each, "text") for each in parts)
    return sum(len(tokens_of(text)) for text in texts if isinstance(text, str))


def _is_user(message: object) -> bool:
    return at(message, "role") == "user"


def _text_of(content: object) -> str | None:
    """A message's text, also where its content is a list of parts; ``None`` where it has none."""
    if isinstance(content, list):
        return "".join(str(at(part, "text") or "") for part in content)
    return content if isinstance(content, str) else None


def _tools(body: object) -> list[str]:
    names = (at(tool, "function", "name") for tool in list_at(body, "tools"))
    return [name for name in names if isinstance(name, str)]
