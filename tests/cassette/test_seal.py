"""A file in which anything was changed is refused, unless the change was sealed."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import vcr  # type: ignore[import-untyped]
import yaml

from orharness.cassette import Persister, Serializer, load, save, seal
from orharness.errors import CassetteError
from tests.support.cassette_samples import NASTY, OURS, URI, an_interaction, drop, put, written

SECOND = ("interactions", 1, "response", "x-orharness")


def several(path: Path) -> Path:
    save(path, [an_interaction(*NASTY[:6], recorded_at="2026-11-22T06:00:00Z"), an_interaction(b"data: b\n\n")])
    return path


def changed(path: Path, *changes: Callable[[Any], object]) -> Path:
    data = yaml.safe_load(path.read_text("utf-8"))
    for change in changes:
        change(data)
    path.write_text(yaml.safe_dump(data, allow_unicode=True), "utf-8")
    return path


FLIPS = [pytest.param(250, id="some"), pytest.param(5000, id="many", marks=pytest.mark.slow)]


@pytest.mark.parametrize("number", FLIPS)
def test_a_flipped_bit_is_refused_or_changes_nothing(tmp_path: Path, number: int) -> None:
    """71 of 150 loaded with another body before there were checksums."""
    path, chance = several(tmp_path / "a.yaml"), random.Random(18)
    data, recorded = path.read_bytes(), load(path)
    flipped = tmp_path / "flipped.yaml"
    refused = 0
    for _ in range(number):
        at, bit = chance.randrange(len(data)), chance.randrange(8)
        flipped.write_bytes(data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :])
        try:
            found = load(flipped)
        except CassetteError as error:
            refused += str(error).startswith(str(flipped))
        else:
            assert found == recorded, (at, bit)
    assert refused > number * 0.9


IN = r"interactions\[0\]\.response\.x-orharness"
CHANGES: list[tuple[Callable[[Any], object], str]] = [
    (put("interactions", 0, "request", "body", "{}"), IN + r"\.sha256: this interaction is not what was recorded"),
    (put("interactions", 0, "request", "uri", f"{URI}?a=b"), IN + r"\.sha256: this interaction is not"),
    (put("interactions", 0, "response", "status", "code", 201), IN + r"\.sha256: this interaction is not"),
    (put("interactions", 0, "response", "headers", "X-A", ["b"]), IN + r"\.sha256: this interaction is not"),
    (put(*OURS, "head", 0.75), IN + r"\.sha256: this interaction is not"),
    (put(*OURS, "later", 1), IN + r"\.sha256: this interaction is not"),
    (
        put("interactions", 0, "response", "body", "string", "data: a\n\ndata: [DONE]\n"),
        IN + r"\.chunks: the sizes add",
    ),
    (drop(*OURS, "sha256"), IN + r": the checksum sha256 is missing, and others of this file have theirs"),
    (
        lambda data: data["interactions"].pop(1),
        IN + r"\.interactions: 2 interactions were written, but the file holds 1",
    ),
]


@pytest.mark.parametrize(("change", "said"), CHANGES)
def test_a_changed_file_is_refused_by_name_and_key_until_it_is_sealed(
    tmp_path: Path, change: Callable[[Any], object], said: str
) -> None:
    save(tmp_path / "a.yaml", [an_interaction(), an_interaction(b"data: b\n\n")])
    path = changed(tmp_path / "a.yaml", change)
    with pytest.raises(CassetteError, match=rf"{re.escape(str(path))}: {said}.* run `orharness cassette seal` on"):
        load(path)
    with pytest.raises(CassetteError, match=said):
        Persister.load_cassette(path, Serializer())
    seal(path)
    assert load(path)
    sealed = path.read_bytes()
    assert seal(path) == []
    assert path.read_bytes() == sealed


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data["interactions"][0]["response"].__setitem__(
            "x-orharnes", data["interactions"][0]["response"].pop("x-orharness")
        ),
        lambda data: at_ours(data).__setitem__("sha257", at_ours(data).pop("sha256")),
    ],
    ids=["the name of what is ours", "the name of the checksum"],
)
def test_a_damaged_name_is_no_way_around_the_checksum(tmp_path: Path, damage: Callable[[Any], object]) -> None:
    with pytest.raises(CassetteError, match="checksum"):
        load(written(tmp_path / "a.yaml", damage))


def at_ours(data: Any) -> Any:
    return data["interactions"][0]["response"]["x-orharness"]


def test_a_formatter_does_no_harm(tmp_path: Path) -> None:
    path = several(tmp_path / "a.yaml")
    recorded = load(path)
    layouts: list[dict[str, Any]] = [
        {"sort_keys": True},
        {"default_flow_style": True, "width": 40},
        {"indent": 6, "line_break": "\r\n"},
    ]
    for layout in layouts:
        data = yaml.safe_load(path.read_text("utf-8"))
        path.write_text(yaml.safe_dump(data, allow_unicode=True, **layout), "utf-8")
        assert load(path) == recorded


def test_foreign_interactions_beside_ours_are_legal(tmp_path: Path) -> None:
    path = several(tmp_path / "a.yaml")
    with vcr.use_cassette(path, record_mode="new_episodes") as cassette:
        response = {"status": {"code": 200, "message": "OK"}, "headers": {}, "body": {"string": b"of vcrpy"}}
        cassette.append(vcr.request.Request("GET", URI, b"", {}), response)
    assert [one.stream.body for one in load(path)][1:] == [b"data: b\n\n", b"of vcrpy"]
    data = yaml.safe_load(path.read_text("utf-8"))
    assert "x-orharness" not in data["interactions"][2]["response"]

    assert seal(changed(path, put("interactions", 2, "response", "body", "string", "edited"))) == []
    data = yaml.safe_load(path.read_text("utf-8"))
    assert "x-orharness" not in data["interactions"][2]["response"]
    assert at_ours(data)["interactions"] == 3


def test_a_file_from_before_there_were_checksums_loads(tmp_path: Path) -> None:
    path = several(tmp_path / "a.yaml")
    recorded = load(path)
    assert load(changed(path, drop(*OURS, "sha256"), drop(*SECOND, "sha256"))) == recorded


@pytest.mark.parametrize(
    ("body", "chunks", "said"),
    [
        ("data: edited\n\ndata: [DONE]\n\n", [(0.25, 14), (0.25, 14)], "have their delays"),
        ("data: a\n\ndata: b\n\ndata: [DONE]\n\n", [(0.0, 9), (0.0, 9), (0.0, 14)], "one an event"),
    ],
)
def test_the_chunks_of_an_edited_body_fit_it(
    tmp_path: Path, body: str, chunks: list[tuple[float, int]], said: str
) -> None:
    path = written(tmp_path / "a.yaml", put("interactions", 0, "response", "body", "string", body))
    (sentence,) = seal(path)
    assert said in sentence
    (found,) = load(path)
    assert [(chunk.delay, len(chunk.data)) for chunk in found.stream.chunks] == chunks
    assert found.timed == (chunks[0][0] > 0)


def test_what_is_still_no_cassette_is_not_sealed(tmp_path: Path) -> None:
    path = written(tmp_path / "a.yaml", put(*OURS, "framing", "chunky"))
    before = path.read_bytes()
    with pytest.raises(CassetteError, match=r"a\.yaml: .*framing"):
        seal(path)
    assert path.read_bytes() == before
    with pytest.raises(CassetteError, match="there is no such cassette"):
        seal(tmp_path / "none.yaml")
