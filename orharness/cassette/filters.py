"""A user's own recording filters: those of vcrpy, as in a ``vcr_config``.

vcrpy itself composes them, so each behaves as it does in vcrpy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from difflib import SequenceMatcher
from typing import Any

from vcr.config import VCR  # type: ignore[import-untyped]

from orharness.cassette.codec import request_for_vcrpy, response_for_vcrpy
from orharness.cassette.interaction import Interaction, RecordedRequest
from orharness.cassette.keys import FILTERS, FILTERS_OF_RESPONSES
from orharness.errors import CassetteError, ScenarioError
from orharness.stream import Edit, edit

_DIFFED = 2**20  # bytes: in a longer body, what changed is one edit


class Filters:
    """vcrpy's filters. ``settings``: a mapping such as pytest-recording's ``vcr_config`` returns.

    Raises ``ScenarioError`` for a setting that is not a filter, or that the installed vcrpy does not know.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        for name in settings:
            if name not in FILTERS:
                raise ScenarioError(f"{name!r} is not a known filter of vcrpy: {', '.join(FILTERS)}")
        try:
            merged = VCR(**settings).get_merged_config()
        except TypeError as error:
            raise ScenarioError(f"the vcrpy that is installed does not take these filters: {error}") from error
        self._request: Callable[[Any], Any] = merged["before_record_request"]
        self._response: Callable[[Any], Any] = merged["before_record_response"]
        self.changes_responses = any(settings.get(name) for name in FILTERS_OF_RESPONSES)

    def request(self, request: RecordedRequest) -> RecordedRequest | None:
        """Return the filtered request; ``None``: it is not recorded. Raises ``CassetteError``."""
        with _explained("a filter of requests"):
            found = self._request(request_for_vcrpy(request))
            if found is None:
                return None
            headers = tuple((name, _text(value)) for name, value in found.headers.items())
            body = found.body.encode() if isinstance(found.body, str) else bytes(found.body or b"")
            return RecordedRequest(found.method, found.uri, headers, body)

    def response(self, interaction: Interaction) -> Interaction | None:
        """Return the interaction with its filtered response; ``None``: it is not recorded.

        Chunk boundaries move with the text, so that the sizes still add up. Raises ``CassetteError``.
        """
        if not self.changes_responses:
            return interaction
        given = response_for_vcrpy(interaction)
        with _explained("before_record_response"):
            found = self._response(given)
            if found is None:
                return None
            body = found["body"]["string"]
            body = body.encode() if isinstance(body, str) else bytes(body or b"")
            return replace(
                interaction,
                status=int(found["status"]["code"]),
                reason=str(found["status"].get("message") or ""),
                headers=tuple((name, _text(one)) for name, values in found["headers"].items() for one in _list(values)),
                stream=edit(interaction.stream, list(edits(interaction.stream.body, body))),
            )


@contextmanager
def _explained(what: str) -> Iterator[None]:
    """Name the filter that failed: a user's function may raise any exception."""
    try:
        yield
    except Exception as error:
        said = f"{type(error).__name__}: {error}".rstrip(": ")
        raise CassetteError(f"{what} failed, so this exchange is not recorded: {said}") from error


def edits(old: bytes, new: bytes) -> Iterator[Edit]:
    """Return the edits that turn ``old`` into ``new``, each as small as its line allows."""
    if old == new:
        return
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    if max(len(old), len(new)) > _DIFFED:
        yield _trimmed(old, new, 0)
        return
    starts = [0]
    for line in before:
        starts.append(starts[-1] + len(line))
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "replace" and i2 - i1 == j2 - j1:
            for at, (one, other) in enumerate(zip(before[i1:i2], after[j1:j2], strict=True)):
                if one != other:
                    yield _trimmed(one, other, starts[i1 + at])
        elif tag != "equal":
            yield _trimmed(b"".join(before[i1:i2]), b"".join(after[j1:j2]), starts[i1])


def _trimmed(old: bytes, new: bytes, at: int) -> Edit:
    front = _common(old, new, min(len(old), len(new)))
    back = _common(old[::-1], new[::-1], min(len(old), len(new)) - front)
    return Edit(at + front, at + len(old) - back, new[front : len(new) - back])


def _common(one: bytes, other: bytes, most: int) -> int:
    return next((at for at in range(most) if one[at] != other[at]), most)


def _list(values: Any) -> list[Any]:
    return list(values) if isinstance(values, list | tuple) else [values]


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
