"""What an answer says besides its text, of clients that are judged by that too: read as ``orharness.clients`` reads it.

The text is what the loop of the manual makes of it, which is judged with the client.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from orharness.clients import Chunks, Messages
from orharness.parts import Part, Text

USAGE: Any = {"include_usage": True}  # as ``stream_options``: the API tells of no usage where it is not asked


class Besides:
    """The parts of one answer. ``messages``: LangChain's, and not chunks of a chat completion."""

    def __init__(self, *, messages: bool = False) -> None:
        self._fold: Chunks | Messages = Messages() if messages else Chunks()

    def take(self, chunk: Any) -> Iterator[Part]:
        """Yield what one chunk, as the SDK hands it over, says besides text."""
        of_chunks = isinstance(self._fold, Chunks) and hasattr(chunk, "model_dump")
        return _without_text(self._fold.take(chunk.model_dump() if of_chunks else chunk))

    def end(self) -> Iterator[Part]:
        """Yield what is whole only at the end."""
        return _without_text(self._fold.end())


def _without_text(parts: Iterable[Part]) -> Iterator[Part]:
    return (part for part in parts if not isinstance(part, Text))
