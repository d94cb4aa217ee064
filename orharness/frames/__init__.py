"""How a response body is divided into events: a ``Frame`` encodes events, finds them again, and says what it can hold.

========== ===================================== =======================================================
SSE        ``text/event-stream``                 a block of lines an event; comments, names, IDs, retry, a BOM
NDJSON     ``application/x-ndjson``              one JSON value a line
JSON_ARRAY ``application/json``                  one JSON array, an element an event
========== ===================================== =======================================================

The event of an NDJSON line or of an array's element is ``Event(data=<its JSON text>)``, without the blanks around it.
All offsets are byte offsets in the body.
"""

from __future__ import annotations

from collections.abc import Iterable

from orharness.frames.elements import JSON_ARRAY
from orharness.frames.event_stream import SSE
from orharness.frames.frame import Block, Frame
from orharness.frames.lines import NDJSON

__all__ = ["FRAMES", "JSON_ARRAY", "NDJSON", "SSE", "Block", "Frame", "frame_of"]

FRAMES: dict[str, Frame] = {frame.name: frame for frame in (SSE, NDJSON, JSON_ARRAY)}


def frame_of(content_type: str | None, frames: Iterable[Frame] = (SSE, NDJSON)) -> Frame:
    """Return the first of the frames that has a content type, else that of an event stream.

    A body of ``application/json`` is most often one document, so an array is not guessed.
    """
    plain = _media_type(content_type or "")
    return next((one for one in frames if _media_type(one.content_type) == plain), SSE)


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()
