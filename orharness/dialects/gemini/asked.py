"""The Gemini API: what a request asks for, and what the API refuses.

The model and the method are in the path; ``alt=sse`` in the query selects events, without it the answer is one JSON
array. Names are accepted in camelCase and in snake_case, as the API does.

Sources: https://ai.google.dev/api/generate-content, https://ai.google.dev/api/caching#Content,
https://protobuf.dev/programming-guides/json (both forms of names),
https://docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference (Vertex AI's paths).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from orharness.dialects.conversation import Conversation, Said, Speaker, ToolResult, text_of
from orharness.dialects.dialect import Asked, Refused
from orharness.dialects.paths import values_in
from orharness.dialects.tokens import tokens_of
from orharness.dialects.values import Json, at, list_at
from orharness.dialects.wanted import below, objects, wrong_choice, wrong_type
from orharness.frames import JSON_ARRAY, SSE
from orharness.gateways import Gateway
from orharness.journal import Request

STREAMED, WHOLE = "streamGenerateContent", "generateContent"
PATH = f"/models/{{model}}:{{{STREAMED}|{WHOLE}}}"
VERTEX = ("/projects/{project}/locations/{location}/publishers/{publisher}", "/publishers/{publisher}")
"""What Vertex AI writes before ``/models``; the short one goes with an API key."""
ROLES = ("user", "model")
_UNDERLINED = re.compile(r"_([a-z])")


@lru_cache(maxsize=16)  # the server, the reply and the judge ask for the same request
def asked(request: Request, gateway: Gateway) -> Asked:
    """Return what the request asks for. Raises ``Refused`` if the API would refuse it."""
    if not isinstance(request.json, dict):
        raise Refused(400, "content is asked for with a JSON object")
    body = _camel(request.json)
    wanted = _asked(request, body)
    if gateway.gemini_key and not _identifies(request):
        raise Refused(403, "the header x-goog-api-key is required", wanted)
    for reason in _problems(body):
        raise Refused(400, reason, wanted)
    return wanted


def example() -> Json:
    """Return the body of a short request; the path says that it is for a stream."""
    return {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


def _asked(request: Request, body: Json) -> Asked:
    said = [_text_of(content) for content in list_at(body, "contents") if _is_users(content)]
    declared = (one for tool in list_at(body, "tools") for one in list_at(_camel(tool), "functionDeclarations"))
    names = (at(one, "name") for one in declared)
    return Asked(
        stream=not request.path.endswith(f":{WHOLE}"),
        model=values_in(PATH, request.path).get("model"),
        provider=body.get("provider"),
        prompt_tokens=_prompt_tokens(body),
        wants_usage=True,  # usage is always sent
        turn=len(said),
        last_user=said[-1] if said else None,
        tools=tuple(name for name in names if isinstance(name, str)),
        conversation=Conversation.of(_said(body)),
        frame=SSE if request.parameters.get("alt") == "sse" else JSON_ARRAY,
    )


def _said(body: Json) -> Iterator[Said]:
    """Who says each content; the results of tools are parts of the user's, and name the tool."""
    for content in list_at(body, "contents"):
        if at(content, "role") == "model":
            yield Speaker.MODEL
            continue
        results = [_camel(part).get("functionResponse") for part in list_at(content, "parts")]
        for result in filter(None, results):
            name = at(result, "name")
            yield ToolResult(name if isinstance(name, str) else None, text_of(at(result, "response")))
        if not any(results):
            yield Speaker.OTHER


def _camel(value: object) -> Json:
    """Return the object with its own names in camelCase; empty for any other value."""
    if not isinstance(value, dict):
        return {}
    return {_UNDERLINED.sub(lambda found: found[1].upper(), name): each for name, each in value.items()}


def _identifies(request: Request) -> bool:
    headers = ("x-goog-api-key", "authorization")
    return bool(request.parameters.get("key") or any(request.header(name) for name in headers))


def _is_users(content: object) -> bool:
    """Return whether a content is the user's own: results of tools come in the same role."""
    parts = list_at(content, "parts")
    results = parts and all("functionResponse" in _camel(part) for part in parts)
    return at(content, "role") in ("user", None) and isinstance(content, dict) and not results


def _text_of(content: object) -> str:
    return "".join(str(at(part, "text") or "") for part in list_at(content, "parts"))


def _prompt_tokens(body: Json) -> int:
    contents = [body.get("systemInstruction"), *list_at(body, "contents")]
    return sum(len(tokens_of(_text_of(content))) for content in contents)


def _problems(body: Json) -> Iterator[str]:
    """Yield what the API would refuse, in the API's order."""
    yield from wrong_type(body, "contents", list, required=True)
    if not body["contents"]:
        yield "contents: at least one content is required"
    for place, content in objects(body, "contents"):
        yield from [content] if isinstance(content, str) else _wrong_content(content, f"{place}.")
    for name, types in _TYPES.items():
        yield from wrong_type(body, name, *types)
    for place, tool in objects(body, "tools"):
        yield from [tool] if isinstance(tool, str) else _wrong_tool(_camel(tool), f"{place}.")
    yield from _wrong_config(_camel(body.get("generationConfig")))


_TYPES: dict[str, tuple[type, ...]] = {
    "systemInstruction": (dict,),
    "generationConfig": (dict,),
    "safetySettings": (list,),
    "tools": (list,),
    "toolConfig": (dict,),
    "cachedContent": (str,),
}
_CONFIG: dict[str, tuple[type, ...]] = {
    "temperature": (float, int),
    "topP": (float, int),
    "topK": (float, int),
    "candidateCount": (int,),
    "maxOutputTokens": (int,),
    "stopSequences": (list,),
    "responseMimeType": (str,),
    "thinkingConfig": (dict,),
}


def _wrong_content(content: Json, within: str) -> Iterator[str]:
    if content.get("role") is not None:
        yield from wrong_choice(content, "role", ROLES, within)
    yield from wrong_type(content, "parts", list, required=True, within=within)
    if not content["parts"]:
        yield f"{within}parts: at least one part is required"
    for place, part in objects(content, "parts"):
        yield from [part] if isinstance(part, str) else wrong_type(part, "text", str, within=f"{within}{place}.")


def _wrong_tool(tool: Json, within: str) -> Iterator[str]:
    name = "functionDeclarations"
    yield from wrong_type(tool, name, list, within=within)
    for place, one in objects(tool, name):
        inside = f"{within}{place}."
        yield from (
            [f"{within}{one}"] if isinstance(one, str) else wrong_type(one, "name", str, required=True, within=inside)
        )


def _wrong_config(config: Json) -> Iterator[str]:
    within = "generationConfig."
    for name, types in _CONFIG.items():
        yield from wrong_type(config, name, *types, within=within)
    yield from (
        f"{within}{reason}" for name in ("maxOutputTokens", "candidateCount") for reason in below(config, name, 1)
    )
