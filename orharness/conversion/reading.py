"""Which form a file has, and what is in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from orharness.cassette import load
from orharness.cassette.interaction import Interaction
from orharness.conversion.aimock import of_aimock
from orharness.conversion.bodies import of_curl, of_event_stream, of_lines
from orharness.conversion.har import of_har
from orharness.conversion.recordings import RUBY_BINARY, of_go, of_ruby
from orharness.conversion.source import Given, OtherRecording
from orharness.errors import CassetteError
from orharness.verdict import did_you_mean
from orharness.yamlfile import load_data

_OF_BYTES: dict[str, Callable[[bytes, Given], OtherRecording | None]] = {
    "curl": of_curl,
    "sse": of_event_stream,
    "chunks": of_lines,
}
_OF_DATA: dict[str, Callable[[Any], OtherRecording | None]] = {
    "har": of_har,
    "ruby-vcr": of_ruby,
    "go-vcr": of_go,
    "aimock": of_aimock,
}
FORMS = ("cassette", *_OF_DATA, *_OF_BYTES)
_OTHERS = (
    "HAR, what `curl -i -N` prints, a raw event stream, cassettes of Ruby's VCR and go-vcr, the AI SDK's chunks,"
    " aimock's fixtures"
)


def read(path: Path, *, form: str | None = None, url: str | None = None, body: bytes | None = None) -> OtherRecording:
    """Return what a file holds. ``form``: one of ``FORMS``, by default whichever its content has.

    ``url`` and ``body``: what was asked, for a response whose request was not recorded. Raises ``CassetteError`` for a
    file of none of the forms, with the reason if it begins like one.
    """
    if form is not None and form not in FORMS:
        raise CassetteError(f"{form!r} is not a form that is read{did_you_mean([form], FORMS)}: {', '.join(FORMS)}")
    source = _of_file(path, form, Given(url, body))
    if source is None:
        known = f"a cassette (ours, vcrpy's, pytest-recording's), {_OTHERS}" if form is None else f"of the form {form}"
        raise CassetteError(f"{path}: this is not {known}")
    return source


def _of_file(path: Path, form: str | None, given: Given) -> OtherRecording | None:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CassetteError(f"{path}: the file cannot be read: {error.strerror}") from error
    try:
        return _source(path, data, form, given)
    except CassetteError as error:
        raise CassetteError(str(error) if str(error).startswith(str(path)) else f"{path}: {error}") from error


def _source(path: Path, data: bytes, form: str | None, given: Given) -> OtherRecording | None:
    for name, of_bytes in _OF_BYTES.items():
        if form in (None, name) and (source := of_bytes(data, given)) is not None:
            return source
    if form in _OF_BYTES:
        return None
    parsed = _parsed(data)
    for name, of_data in _OF_DATA.items():
        if form in (None, name) and (source := of_data(parsed)) is not None:
            return source
    is_cassette = isinstance(parsed, dict) and "interactions" in parsed
    return (
        OtherRecording("cassette", tuple(load(path))) if form == "cassette" or (form is None and is_cassette) else None
    )


def _parsed(data: bytes) -> Any:
    """Return the value of a JSON or YAML file; ``None``: it is neither."""
    with suppress(ValueError, RecursionError):
        return json.loads(data.decode("utf-8-sig"))  # YAML refuses characters that JSON has
    with suppress(UnicodeDecodeError, CassetteError):
        text = RUBY_BINARY.sub(r"\1!!binary |", data.decode("utf-8-sig"))
        return load_data(text, error=CassetteError)
    return None


def interactions_in(path: Path) -> list[Interaction]:
    """Return the interactions of a cassette, or of a recording of another tool.

    Raises ``CassetteError`` for a damaged cassette, for a file of no known form, and for one that holds no bytes.
    """
    try:
        return load(path)
    except CassetteError as error:
        if not path.is_file() or _is_ours(path):
            raise
        damaged = error
    source = _of_file(path, None, Given())
    if source is None:
        raise CassetteError(f"{damaged}. It is not a recording of another tool either: {_OTHERS} are read") from damaged
    if source.scenario is not None:
        raise CassetteError(
            f"{path}: {source.form} holds no recorded bytes: convert it to a scenario with `orharness cassette convert"
            f" {path} --as scenario --to FILE`, and play that"
        )
    return list(source.interactions)


def _is_ours(path: Path) -> bool:
    """Tell a damaged cassette, ours or vcrpy's, and a scenario document from the file of another tool."""
    data = path.read_bytes().removeprefix(b"\xef\xbb\xbf").lstrip()
    if data.startswith((b"interactions:", b"version: 1")) and b"\n    uri: " in data:
        return True
    parsed = _parsed(data)
    return isinstance(parsed, dict) and "orharness" in parsed
