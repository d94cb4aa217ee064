"""How the bodies of cases are cut: the ways of a catalogue, and where a cut hurts."""

from __future__ import annotations

from dataclasses import replace

from orharness.contract.catalogue.chunkings import (
    AS_SENT,
    AT_RANDOM,
    EVERY_OFFSET,
    PER_BYTE,
    PER_EVENT,
    TENDER_PAIRS,
    WHOLE,
    tender,
)
from orharness.stream import Stream

BODY = ": é\n\ndata: {}\r\n\r\ndata: [DONE]\n\n".encode()
STREAM = replace(Stream.of(BODY), end_marker=len(BODY))


def cuts(chunking: object, seed: int = 0, body: bytes = BODY) -> list[tuple[int, ...] | None]:
    return list(chunking.cuts(Stream.of(body), seed))  # type: ignore[attr-defined]


def test_the_ways_to_cut() -> None:
    assert cuts(AS_SENT) == [None]
    assert cuts(WHOLE) == [()]
    assert cuts(PER_BYTE) == [tuple(range(1, len(BODY)))]
    assert cuts(EVERY_OFFSET) == [(at,) for at in range(1, len(BODY))]
    [[first, second]] = [one or () for one in cuts(PER_EVENT)]
    assert (BODY[:first], BODY[first:second]) == (": é\n\n".encode(), b"data: {}\r\n\r\n")


def test_chunks_by_chance_are_the_same_for_the_same_seed() -> None:
    assert cuts(AT_RANDOM, 7) == cuts(AT_RANDOM, 7) != cuts(AT_RANDOM, 8)


def test_a_cut_hurts_inside_characters_line_ends_fields_comments_and_the_end_marker() -> None:
    found = [BODY[start:end] for start, end in tender(STREAM)]
    assert found == [": é".encode(), "é".encode(), b"\n\n", b"data:", b"\r\n", b"\r\n", b"data:", b"[DONE]", b"\n\n"]
    assert all(0 < at < len(BODY) for pair in cuts(TENDER_PAIRS) for at in pair or ())
