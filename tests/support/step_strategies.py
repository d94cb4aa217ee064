"""What Hypothesis makes of transforms, as steps: every transform, with any of its arguments."""

from __future__ import annotations

from hypothesis import strategies as st

import orharness.transforms as t
from orharness.stream import Ending
from tests.support.stream_strategies import items

texts = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=8)
seconds = st.floats(0, 100) | st.integers(0, 100)
small = st.integers(0, 5)
seeds = st.integers() | texts
places = st.one_of(
    st.integers(-40, 40), small.map(t.after_event), st.integers(1, 5).map(t.inside_event), texts.map(t.after_text)
)
ignored = st.sampled_from(["x: 1", "foo", "Data: ignored"])
appended = st.one_of(items, st.text(st.characters(codec="utf-8"), max_size=8), st.binary(max_size=5))
STEPS: dict[str, st.SearchStrategy[t.Step]] = {
    "append": st.builds(t.append, appended),
    "blank_lines": st.builds(t.blank_lines) | st.builds(t.blank_lines, small),
    "bom": st.builds(t.bom),
    "coalesce": st.builds(t.coalesce, st.integers(1, 5)),
    "comments": st.builds(t.comments, texts, small, small) | st.builds(t.comments, texts, before=small),
    "corrupt": st.builds(t.corrupt, places),
    "cut_at": st.lists(places, max_size=3).map(lambda some: t.cut_at(*some)),
    "drop": st.builds(t.drop, texts),
    "extra_fields": st.lists(ignored, max_size=3).map(lambda some: t.extra_fields(*some)),
    "first_chunk": st.builds(t.first_chunk, seconds),
    "hang": st.builds(t.hang, places),
    "heartbeat": st.builds(t.heartbeat, st.floats(0.5, 40)) | st.builds(t.heartbeat, st.floats(0.5, 40), texts),
    "hold": st.one_of(
        st.builds(t.hold, small), st.builds(t.hold, chunks=small), small.map(lambda chunks: t.hold(None, chunks=chunks))
    ),
    "invalid_utf8": st.builds(t.invalid_utf8, places),
    "jitter": st.builds(t.jitter, seeds, seconds),
    "newlines": st.builds(t.newlines, st.sampled_from(["\n", "\r", "\r\n"])),
    "pace": st.builds(t.pace, seconds),
    "per_byte": st.builds(t.per_byte),
    "per_event": st.builds(t.per_event),
    "random_chunks": st.builds(t.random_chunks, seeds, st.integers(1, 5), st.integers(5, 64)),
    "rechunk": st.builds(t.rechunk, st.integers(1, 50)),
    "repeat": st.builds(t.repeat, texts),
    "scale": st.builds(t.scale, seconds),
    "split_at": st.lists(places, max_size=3).map(lambda some: t.split_at(*some)),
    "stall": st.builds(t.stall, st.integers(1, 5), seconds),
    "truncate": st.builds(t.truncate, places) | st.builds(t.truncate, places, st.sampled_from(Ending)),
}
any_step = st.one_of(*STEPS.values())
