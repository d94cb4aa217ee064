"""The transforms of a stream, each a function ``Stream -> Stream``, in four families with four laws.

========== ====================================================================================
rewrites   decode to the same events
faults     what precedes the fault is untouched; the fault is named in the stream
boundaries body byte-identical; the first piece keeps the delay
timing     chunk data identical
========== ====================================================================================

``compose`` applies them family by family, whatever the order in which they are given. A call of one is a ``Step``,
which is data: ``from_json(step.to_json()) == step``. ``rewrite``, ``fault``, ``boundary`` and ``timing`` decorate a
user's own.
"""

from __future__ import annotations

from orharness.transforms.boundaries import coalesce, cut_at, per_byte, per_event, random_chunks, rechunk, split_at
from orharness.transforms.delays import first_chunk, hold, jitter, pace, scale, stall
from orharness.transforms.documents import from_json, item_from_json, json_schema
from orharness.transforms.families import Composed, Family, Step, compose, step_to_json
from orharness.transforms.faults import Marker, append, corrupt, drop, hang, invalid_utf8, repeat, truncate
from orharness.transforms.laws import boundary, fault, rewrite, timing
from orharness.transforms.layout import Place, Position, after_event, after_text, inside_event, inside_text
from orharness.transforms.rewrites import blank_lines, bom, comments, extra_fields, heartbeat, newlines
from orharness.transforms.values import item_to_json

__all__ = [
    "Composed",
    "Family",
    "Marker",
    "Place",
    "Position",
    "Step",
    "after_event",
    "after_text",
    "append",
    "blank_lines",
    "bom",
    "boundary",
    "coalesce",
    "comments",
    "compose",
    "corrupt",
    "cut_at",
    "drop",
    "extra_fields",
    "fault",
    "first_chunk",
    "from_json",
    "hang",
    "heartbeat",
    "hold",
    "inside_event",
    "inside_text",
    "invalid_utf8",
    "item_from_json",
    "item_to_json",
    "jitter",
    "json_schema",
    "newlines",
    "pace",
    "per_byte",
    "per_event",
    "random_chunks",
    "rechunk",
    "repeat",
    "rewrite",
    "scale",
    "split_at",
    "stall",
    "step_to_json",
    "timing",
    "truncate",
]
