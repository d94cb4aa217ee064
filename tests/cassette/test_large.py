"""An interaction whose body was never whole in memory is the same in the file as any other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import vcr  # type: ignore[import-untyped]
import yaml

from orharness.cassette import Interaction, RecordedRequest, Tape, load
from orharness.cassette.large import LargeBody
from orharness.errors import CassetteError
from orharness.stream import Chunk, Ending, Stream
from tests.support.cassette_samples import an_interaction

CHARACTERS = [
    *("a", "b", "\n", " ", "é", "世", "😀", '"', "\\", "'", ":", "#", "- ", "x" * 70, "{"),
    *("\r", "\t", "\x00", "\x7f", "\x85", "\xa0", "\u2028", "\ufeff", "\ufffe"),
]
BODIES = {
    "event stream": b"data: a\n\ndata: Gr\xc3\xbc\xc3\x9fe\n\n",
    "no line end": b"data: a\n\ndata",
    "one line end": b"{}\n",
    "only line ends": b"\n\n\n",
    "blank first": b" a\n b\n",
    "blank last": b"a\nb ",
    "blank before a line end": b"a \nb\n",
    "CRLF": b"data: a\r\n\r\n",
    "an astral character": "data: 😀\n\n".encode(),
    "quotes and backslashes": b'\t"a\\b"\n  "c"\n',
    "not UTF-8": b"data: \xff\xfe\n\n" * 20,
    "cut in a character": "世".encode()[:2],
}


def large(body: bytes, cuts: list[int]) -> tuple[Interaction, LargeBody, Interaction]:
    """The interaction without its body, the body in pieces, and the interaction as a whole."""
    ends = [*sorted(cuts), len(body)]
    chunks = [Chunk(body[start:end], 0.25) for start, end in zip([0, *ends], ends, strict=False)]
    whole = an_interaction(b"")
    whole = replace(whole, stream=Stream(tuple(chunks), Ending.ABORT), ending_recorded="abort", note="a note")
    pieces = [
        (number, chunk.data[at : at + 3]) for number, chunk in enumerate(chunks) for at in range(0, len(chunk.data), 3)
    ]
    bare = replace(whole, stream=replace(whole.stream, chunks=()))
    return bare, LargeBody([chunk.delay for chunk in chunks], lambda: iter(pieces)), whole


def check(path: Path, body: bytes, cuts: list[int]) -> None:
    bare, pieces, whole = large(body, cuts)
    tape = Tape(path, "rewrite")
    tape.add_all([tape.large_entry(bare, pieces, 0)])
    assert load(path) == [whole]
    tape.add(an_interaction(b"before"), -1)
    tape.add(an_interaction(b"after"), 1)
    assert [one.stream for one in load(path)][1] == whole.stream
    tape.close()


@pytest.mark.parametrize("name", BODIES)
def test_a_large_body_is_loaded_as_it_was(tmp_path: Path, name: str) -> None:
    body = BODIES[name]
    for cuts in ([], [0], [1, 1], [len(body) // 2], [*range(len(body))]):
        check(tmp_path / "a.yaml", body, cuts)


@pytest.mark.slow
def test_a_large_body_of_any_characters(tmp_path: Path) -> None:
    chance = Random(18)
    for known in range(3, len(CHARACTERS), 2):
        for _ in range(6):
            body = "".join(chance.choices(CHARACTERS[:known], k=chance.randrange(1, 40))).encode()
            check(tmp_path / "a.yaml", body, [chance.randrange(len(body) + 1) for _ in range(chance.randrange(4))])


@pytest.mark.parametrize("name", ["event stream", "CRLF", "not UTF-8"])
@pytest.mark.parametrize("loader", ["CSafeLoader", "SafeLoader"])
def test_vcrpy_replays_a_large_body(tmp_path: Path, name: str, loader: str) -> None:
    bare, pieces, whole = large(BODIES[name], [3])
    tape = Tape(tmp_path / "a.yaml", "rewrite")
    tape.add_all([tape.large_entry(bare, pieces, 0)])
    text = (tmp_path / "a.yaml").read_text("utf-8")

    with vcr.use_cassette(str(tmp_path / "a.yaml"), record_mode="none") as cassette:
        assert cassette.responses[0]["body"]["string"] == whole.stream.body
    written = yaml.load(text, Loader=getattr(yaml, loader))["interactions"][0]["response"]
    given = written["body"]["string"]
    assert (given if isinstance(given, bytes) else given.encode()) == whole.stream.body
    assert written["x-orharness"]["chunks"] == [[0.25, len(chunk.data)] for chunk in whole.stream.chunks]


def test_the_text_of_a_large_stream_is_a_literal_block(tmp_path: Path) -> None:
    bare, pieces, whole = large(BODIES["event stream"], [])
    tape = Tape(tmp_path / "a.yaml", "rewrite")
    tape.add_all([tape.large_entry(bare, pieces, 0)])
    large_text = (tmp_path / "a.yaml").read_text("utf-8")
    Tape(tmp_path / "b.yaml", "rewrite").add(whole)
    assert large_text == (tmp_path / "b.yaml").read_text("utf-8")


def test_a_delay_of_a_microsecond_stays_a_number(tmp_path: Path) -> None:
    bare, _, _ = large(b"", [])
    tape = Tape(tmp_path / "a.yaml", "rewrite")
    tape.add_all([tape.large_entry(bare, LargeBody([1e-6, 0.5, 1.5e-5], lambda: [(0, b"a"), (2, b"b")]), 0)])
    (found,) = load(tmp_path / "a.yaml")
    assert found.stream.chunks == (Chunk(b"a", 1e-6), Chunk(b"b", 0.500015))


def test_a_large_body_of_which_nothing_is_kept(tmp_path: Path) -> None:
    bare, _, _ = large(b"", [])
    tape = Tape(tmp_path / "a.yaml", "rewrite")
    tape.add_all([tape.large_entry(bare, LargeBody([0.5, 0.5], tuple), 0)])
    assert load(tmp_path / "a.yaml") == [bare]


def test_what_no_cassette_can_hold_names_the_file(tmp_path: Path) -> None:
    bare, pieces, _ = large(b"data: a\n\n", [])
    tape = Tape(tmp_path / "a.yaml", "rewrite")
    with pytest.raises(CassetteError, match=r"a\.yaml: an address that cannot be replayed"):
        tape.large_entry(replace(bare, request=RecordedRequest("GET", "http://[/")), pieces, 0)


def test_much_is_kept_in_a_file_without_a_name(tmp_path: Path) -> None:
    tape = Tape(tmp_path / "a.yaml", "rewrite", in_memory=7)
    for number in range(5):
        tape.add(an_interaction(b"data: %d\n\n" % number))
        assert [one.stream.body for one in load(tmp_path / "a.yaml")] == [
            b"data: %d\n\n" % one for one in range(number + 1)
        ]
    if Path("/proc/self/fd").is_dir():
        open_files = [str(one.readlink()) for one in Path("/proc/self/fd").iterdir() if one.is_symlink()]
        assert any(one.startswith(str(tmp_path)) and one.endswith("(deleted)") for one in open_files)
    assert [path.name for path in tmp_path.iterdir()] == ["a.yaml"]
    tape.close()
