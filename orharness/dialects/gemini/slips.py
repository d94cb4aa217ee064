"""What in the chunks of the Gemini API careless readers stumble over, and the same chunk without it.

Source: https://ai.google.dev/api/generate-content, for what a chunk may have and lack.
"""

from __future__ import annotations

from collections.abc import Callable

from orharness.dialects.dialect import Slip
from orharness.dialects.values import Json, list_at

_OF_A_CHUNK = frozenset(
    ("candidates", "usageMetadata", "modelVersion", "responseId", "promptFeedback", "createTime", "error")
)
_OF_A_PART = frozenset(("text", "thought", "thoughtSignature", "functionCall"))


def _no_chunk_without_candidates(chunk: Json) -> Json | None:
    return chunk if "error" in chunk or "promptFeedback" in chunk or chunk.get("candidates") else None


def _each_candidate(change: Callable[[Json], Json]) -> Callable[[Json], Json]:
    """Return a change of chunks that changes each candidate in them."""

    def changed(chunk: Json) -> Json:
        if not list_at(chunk, "candidates"):
            return chunk
        candidates = [change(one) if isinstance(one, dict) else one for one in chunk["candidates"]]
        return {**chunk, "candidates": candidates}

    return changed


def _each_content(change: Callable[[list[Json]], list[Json]]) -> Callable[[Json], Json]:
    """Return a change of chunks that changes the parts of each content in them; none of them stays without a part."""

    def of_candidate(candidate: Json) -> Json:
        parts = list_at(candidate.get("content"), "parts")
        if not parts or not all(isinstance(part, dict) for part in parts):
            return candidate
        kept = change([part for part in parts if isinstance(part, dict)])
        return candidate if kept == parts else {**candidate, "content": {**candidate["content"], "parts": _some(kept)}}

    return _each_candidate(of_candidate)


def _some(parts: list[Json]) -> list[Json]:
    return parts or [{"text": ""}]


def _with_a_part(candidate: Json) -> Json:
    if list_at(candidate.get("content"), "parts"):
        return candidate
    return {**candidate, "content": {"parts": [{"text": ""}], "role": "model"}}


def _joined(parts: list[Json]) -> list[Json]:
    texts = [part["text"] for part in parts if set(part) == {"text"} and isinstance(part["text"], str)]
    return [{"text": "".join(texts)}] if len(texts) == len(parts) else parts


def _without_part(name: str) -> Callable[[Json], Json]:
    return _each_content(lambda parts: [part for part in parts if not part.get(name)])


def _without_field(name: str) -> Callable[[Json], Json]:
    return _each_content(lambda parts: [{key: value for key, value in part.items() if key != name} for part in parts])


def _known_fields(chunk: Json) -> Json:
    known = _each_content(lambda parts: [{**part} for part in parts if _OF_A_PART & part.keys()])
    return known({name: value for name, value in chunk.items() if name in _OF_A_CHUNK})


SLIPS: tuple[Slip, ...] = (
    Slip(
        "no-candidates",
        "a chunk without candidates is stumbled over: the usage may come alone",
        _no_chunk_without_candidates,
    ),
    Slip(
        "no-parts",
        "a candidate without a content, or without parts, is stumbled over: a finishReason may come alone",
        _each_candidate(_with_a_part),
    ),
    Slip(
        "thoughts",
        "thoughts are taken for text: the text is that of the parts without `thought: true`",
        _without_part("thought"),
        as_error="a part with thoughts is stumbled over: it may come before the text and beside it",
    ),
    Slip(
        "function-calls",
        "what a function is called with is taken for text: the text is that of the parts with `text`",
        _without_part("functionCall"),
        as_error="a part with a function call is stumbled over: it may come alone, and has no text",
    ),
    Slip(
        "signatures",
        "a signature beside a text is stumbled over: it is to be sent back, and not to be read",
        _without_field("thoughtSignature"),
    ),
    Slip(
        "several-parts",
        "of several parts in one chunk not all are read: the text is that of all of them",
        _each_content(_joined),
    ),
    Slip("unknown-fields", "a field or a part that it does not know is not passed over", _known_fields),
    Slip(
        "usage",
        "a chunk with usage is stumbled over: its text is read all the same",
        lambda chunk: {name: value for name, value in chunk.items() if name != "usageMetadata"},
    ),
)
"""All of them, the most special first."""
