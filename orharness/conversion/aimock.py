"""aimock's fixtures: what is matched and what is answered, without bytes. https://aimock.copilotkit.dev/fixtures"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from orharness.conversion.source import OtherRecording

_MATCHES: dict[str, Callable[[Any], dict[str, Any]]] = {
    "userMessage": lambda given: {"last_user": {"contains": given}},
    "model": lambda given: {"model": given},
    "toolName": lambda given: {"tools": given},
    "toolResultContains": lambda given: {"tool_result": {"contains": given}},
    "hasToolResult": lambda given: {"has_tool_result": given},
    "turnIndex": lambda given: {"step": given},
}
_OF_RESPONSES = (
    "content",
    "reasoning",
    "toolCalls",
    "finishReason",
    "id",
    "created",
    "model",
    "error",
    "status",
    "usage",
)
_ERROR_STATUS = 500  # what aimock sends where a fixture's error has no status
_CHUNK, _PROFILE = "chunkSize", "streamingProfile"


def of_aimock(data: Any) -> OtherRecording | None:
    """Return the routes of aimock's fixtures as a scenario; ``None``: it is not that.

    What a scenario cannot say is left out, and the notes name it.
    """
    fixtures = data.get("fixtures") if isinstance(data, dict) else None
    if not isinstance(fixtures, list) or not all(isinstance(one, dict) and "response" in one for one in fixtures):
        return None
    routes: list[dict[str, Any]] = []
    notes = ["fixtures hold no bytes: what is sent is made in the form of whichever API asks"]
    for index, one in enumerate(fixtures):
        missing: list[str] = []
        when, reply = _when(one.get("match") or {}, missing), _reply(one, missing)
        usable = reply is not None and not any(name.startswith("match.") for name in missing)
        if missing or not usable:
            lost = ", ".join(missing) or "response"
            notes.append(
                f"fixtures[{index}]: no counterpart in a scenario: {lost}{'' if usable else '; it is left out'}"
            )
        if usable and reply is not None:
            _add(routes, {"when": when} if when else {}, reply)
    return OtherRecording("aimock", scenario={"orharness": 1, "routes": routes}, notes=tuple(notes))


def _add(routes: list[dict[str, Any]], when: dict[str, Any], reply: dict[str, Any]) -> None:
    """Add a route; fixtures for one request, which aimock tells apart by ``sequenceIndex``, are replies in turn."""
    same = next((one for one in routes if {"when": one["when"]} == when), None) if when else None
    if same is None:
        routes.append({**when, "replies": [reply]})
    else:
        same["replies"].append(reply)


def _when(match: Mapping[str, Any], missing: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, given in match.items():
        if name in _MATCHES:
            found |= _MATCHES[name](given)
        elif name not in ("sequenceIndex", "endpoint") or (name == "endpoint" and given != "chat"):
            missing.append(f"match.{name}")
    return found


def _reply(fixture: Mapping[str, Any], missing: list[str]) -> dict[str, Any] | None:
    response = fixture["response"]
    missing += [f"response.{name}" for name in response if name not in _OF_RESPONSES]
    missing += [name for name in fixture if name not in ("match", "response", "latency", _PROFILE, _CHUNK)]
    missing += [f"{_PROFILE}.{name}" for name in fixture.get(_PROFILE) or {} if name not in ("ttft", "tps")]
    if "error" in response:
        return {"status": response.get("status", _ERROR_STATUS), "json": {"error": response["error"]}}
    if "content" not in response and "toolCalls" not in response:
        return None
    answer: dict[str, Any] = {**_content(str(response.get("content") or ""), fixture.get(_CHUNK))}
    names = {
        "reasoning": "reasoning",
        "finishReason": "finish_reason",
        "id": "id",
        "created": "created",
        "model": "model",
    }
    answer |= {ours: response[theirs] for theirs, ours in names.items() if theirs in response}
    if "toolCalls" in response:
        answer["tool_calls"] = [_call(one) for one in response["toolCalls"]]
    if (usage := _usage(response.get("usage") or {})) is not None:
        answer["usage"] = usage
    return {"answer": answer, **_times(fixture)}


def _times(fixture: Mapping[str, Any]) -> dict[str, float]:
    """Return the seconds before the head and between pieces: of ``latency`` in ms, or of a profile's rate."""
    profile = fixture.get(_PROFILE) or {}
    found = {"head": profile["ttft"] / 1000} if profile.get("ttft") else {}
    if fixture.get("latency"):
        found["delay"] = fixture["latency"] / 1000
    elif profile.get("tps"):
        found["delay"] = 1 / profile["tps"]
    return found


def _content(text: str, size: int | None) -> dict[str, Any]:
    """Return the text, in pieces of the fixture's ``chunkSize`` characters where it has one."""
    if not size or not text:
        return {"text": text}
    return {"pieces": [text[at : at + size] for at in range(0, len(text), size)]}


def _call(one: Mapping[str, Any]) -> dict[str, Any]:
    arguments = one.get("arguments", {})
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return {"name": one["name"], "arguments": text, **({"id": one["id"]} if "id" in one else {})}


def _usage(usage: Mapping[str, Any]) -> dict[str, int] | None:
    """Return the two counts, under whichever API's names they are; ``None``: they are not there."""
    for prompt, made in (
        ("prompt_tokens", "completion_tokens"),
        ("input_tokens", "output_tokens"),
        ("promptTokenCount", "candidatesTokenCount"),
    ):
        if prompt in usage and made in usage:
            return {"prompt_tokens": usage[prompt], "completion_tokens": usage[made]}
    return None
