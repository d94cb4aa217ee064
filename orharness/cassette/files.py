"""Cassette files: ``load``, ``save``, and vcrpy's persister protocol, which a vcrpy user can register too.

What is written is UTF-8 whatever the locale, replaces a file in one step, and holds no secrets.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import vcr.request  # type: ignore[import-untyped]
import vcr.serialize  # type: ignore[import-untyped]
from vcr.filters import remove_headers  # type: ignore[import-untyped]
from vcr.persisters.filesystem import CassetteNotFoundError  # type: ignore[import-untyped]

from orharness.cassette.at import At, named
from orharness.cassette.codec import for_vcrpy, from_vcrpy
from orharness.cassette.interaction import Interaction
from orharness.cassette.secrets import scrub_uri
from orharness.cassette.serializer import Serializer
from orharness.errors import CassetteError
from orharness.files import write_whole
from orharness.redaction import is_secret


class Persister:
    """vcrpy's persister protocol: ``VCR.register_persister(Persister)``.

    A file is replaced in one step or stays as it was. No secret is written. A damaged file is a ``CassetteError``;
    vcrpy's own persister may take it for an empty cassette and record over it.
    """

    @staticmethod
    def load_cassette(cassette_path: str | os.PathLike[str], serializer: Any) -> tuple[list[Any], list[Any]]:
        """Return vcrpy's requests and responses. Raises its ``CassetteNotFoundError`` if there is no such file."""
        path = Path(cassette_path)
        with named(path):
            try:
                requests, responses, *_ = vcr.serialize.deserialize(text_of(path), serializer)
            except ValueError as error:  # vcrpy's own errors, also about an address
                raise CassetteError(str(error)) from error
        return requests, responses

    @staticmethod
    def save_cassette(
        cassette_path: str | os.PathLike[str], cassette_dict: Mapping[str, Sequence[Any]], serializer: Any
    ) -> None:
        """Write the file, and its folders. Raises ``CassetteError`` if it cannot be written."""
        path = Path(cassette_path)
        with named(path):
            write(path, clean_data(cassette_dict, serializer))


def load(path: str | os.PathLike[str], *, serializer: Serializer | None = None) -> list[Interaction]:
    """Return the interactions of a cassette, ours or any vcrpy user's.

    If the file has no chunks (a foreign one), gzip and deflate are decoded and an event stream has one chunk per event.
    Content-Length, Transfer-Encoding and hop-by-hop headers are omitted: a server computes its own. Raises
    ``CassetteError``, with file and key, for a file that is missing or damaged in any way.
    """
    file = Path(path)
    try:
        requests, responses = Persister.load_cassette(file, serializer or Serializer())
    except CassetteNotFoundError as error:
        raise CassetteError(str(error)) from None
    with named(file):
        pairs = zip(requests, responses, strict=True)
        return [from_vcrpy(pair[0], At(f"interactions[{index}].response", pair[1])) for index, pair in enumerate(pairs)]


def save(
    path: str | os.PathLike[str], interactions: Iterable[Interaction], *, serializer: Serializer | None = None
) -> None:
    """Write a cassette in one step: a concurrent reader finds the old file or the new one.

    Seconds are rounded to microseconds. Headers and query parameters that authenticate are omitted. Raises
    ``CassetteError`` if the file cannot be written.
    """
    Persister.save_cassette(path, for_vcrpy(interactions), serializer or Serializer())


def clean_data(cassette_dict: Mapping[str, Any], serializer: Any) -> bytes:
    """Return the bytes of the file, without secrets. Raises ``CassetteError`` for text that is not Unicode."""
    # Copies, because vcrpy's serialize turns the bytes of the given bodies into text, in place.
    clean = {
        **cassette_dict,
        "requests": [_clean_request(request) for request in cassette_dict["requests"]],
        "responses": [_clean_response(response) for response in cassette_dict["responses"]],
    }
    try:
        text: str = vcr.serialize.serialize(clean, serializer)
        return text.encode()
    except UnicodeEncodeError as error:
        raise CassetteError(f"a lone surrogate cannot be written: {error}") from error


def write(path: Path, data: bytes | Iterable[bytes]) -> None:
    """Replace the file in one step by ``data``, whole or in pieces. Raises ``CassetteError`` if that is impossible."""
    try:
        write_whole(path, data)
    except OSError as error:
        raise CassetteError(f"the file cannot be written: {error.strerror}") from error


def text_of(path: Path) -> str:
    """Return the text of a file. Raises vcrpy's ``CassetteNotFoundError`` or ``CassetteError`` if there is none."""
    try:
        return _bytes_of(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CassetteError(f"the file is not UTF-8: {error}") from error


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise CassetteNotFoundError(f"{path}: there is no such cassette") from None
    except OSError as error:
        raise CassetteError(f"the file cannot be read: {error.strerror}") from error


def _clean_request(request: Any) -> Any:
    copy = vcr.request.Request(request.method, scrub_uri(request.uri), request.body, dict(request.headers))
    return remove_headers(copy, [name for name in request.headers if is_secret(name)])


def _clean_response(response: Mapping[str, Any]) -> dict[str, Any]:
    headers = response.get("headers") or {}
    return {
        **response,
        "headers": {name: values for name, values in headers.items() if not is_secret(name)},
        "body": {**(response.get("body") or {})},
    }
