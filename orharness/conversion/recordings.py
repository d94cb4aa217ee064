"""Ruby's VCR and go-vcr: YAML files that are like vcrpy's, with other keys."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from orharness.cassette.at import At
from orharness.cassette.interaction import Interaction, RecordedRequest
from orharness.conversion.source import OtherRecording, headers_at, interaction, iso_of
from orharness.errors import CassetteError

_GO_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_GO_DURATION = re.compile(r"([\d.]+)(ns|us|µs|ms|s|m|h)")
RUBY_BINARY = re.compile(r"^(\s*[\w-]+: )!binary \|", re.M)
"""How Ruby writes bytes in YAML; the standard writes ``!!binary``."""


def of_ruby(data: Any) -> OtherRecording | None:
    """Return what Ruby's VCR recorded; ``None``: it is not that."""
    if not isinstance(data, dict) or "http_interactions" not in data:
        return None
    found = At("http_interactions", data["http_interactions"]).items()
    return OtherRecording("ruby-vcr", tuple(map(_ruby, found)))


def _ruby(one: At) -> Interaction:
    request, response = one["request"], one["response"]
    asked = RecordedRequest(
        request["method"].text().upper(),
        request["uri"].address(),
        headers_at(_or_none(request, "headers")),
        _ruby_body(request),
    )
    recorded_at = one["recorded_at"].text() if "recorded_at" in one else ""
    message = response["status"].mapping().get("message")
    return interaction(
        asked,
        response["status"]["code"].integer(100),
        str(message or ""),
        headers_at(_or_none(response, "headers")),
        _ruby_body(response),
        where=response.key,
        recorded_at=iso_of(recorded_at),
    )


def _ruby_body(message: At) -> bytes:
    if "body" not in message:
        return b""
    body = message["body"]
    if "base64_string" in body:
        return base64.b64decode(body["base64_string"].text())
    return body["string"].data() if "string" in body else b""


def _or_none(at: At, name: str) -> At:
    return at[name] if name in at else At(f"{at.key}.{name}", None)


def of_go(data: Any) -> OtherRecording | None:
    """Return what go-vcr recorded, in its versions 1 and 2; ``None``: it is not that."""
    interactions = data.get("interactions") if isinstance(data, dict) else None
    if not isinstance(interactions, list) or not interactions or not all(map(_is_go, interactions)):
        return None
    return OtherRecording("go-vcr", tuple(map(_go, At("interactions", interactions).items())))


def _is_go(one: Any) -> bool:
    with suppress(AttributeError, KeyError, TypeError):
        return "url" in one["request"] and "code" in one["response"]
    return False


def _go(one: At) -> Interaction:
    request, response = one["request"], one["response"]
    asked = RecordedRequest(
        request["method"].text().upper() or "GET",
        request["url"].address(),
        headers_at(_or_none(request, "headers")),
        _or_none(request, "body").data(),
    )
    code = response["code"].integer(100)
    status = str(_or_none(response, "status").value or "")
    return interaction(
        asked,
        code,
        status.removeprefix(str(code)).strip(),
        headers_at(_or_none(response, "headers")),
        _or_none(response, "body").data(),
        where=response.key,
        notes=_took(_or_none(response, "duration")),
    )


def _took(duration: At) -> Iterable[str]:
    """Yield a sentence about the time of the whole exchange, which is all that go-vcr keeps."""
    seconds = _seconds(duration)
    if seconds:
        yield f"the whole exchange took {seconds:g} s"


def _seconds(duration: At) -> float:
    """Return the seconds of Go's ``1m2.5s``; a number is nanoseconds."""
    if type(duration.value) in (int, float):
        return float(duration.value) * _GO_UNITS["ns"]
    text = str(duration.value or "")
    found = _GO_DURATION.findall(text)
    if text and "".join(map("".join, found)) != text:
        raise CassetteError(f"{duration.key}: this is not a duration as Go writes it: {text!r}")
    return sum(float(number) * _GO_UNITS[unit] for number, unit in found)
