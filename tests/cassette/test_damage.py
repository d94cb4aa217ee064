"""Whatever is damaged is refused, with file and key."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orharness.cassette import Serializer, load, save
from orharness.errors import CassetteError
from tests.support.cassette_samples import OURS, SERIALIZERS, an_interaction, drop, put, written

IN = r"interactions\[0\]\."


DAMAGE = [
    (put("interactions", {}), "interactions: a list is expected here, not dict"),
    (put("interactions", None), "interactions: a list is expected here, not nothing"),
    (drop("interactions"), "interactions: this key is missing"),
    (drop("version"), "version: this key is missing: .* the end of this file is lost. .* add the line `version: 1`"),
    (put("version", None), "version: this key is missing"),
    (put("version", 2), "version: vcrpy's version 2 is not known here"),
    (put("interactions", 0, "text"), r"interactions\[0\]: a mapping is expected here, not str 'text'"),
    (drop("interactions", 0, "request"), IN + "request: this key is missing"),
    (drop("interactions", 0, "response"), IN + "response: this key is missing"),
    (put("interactions", 0, "request", "method", 7), IN + "request.method: text is expected here, not int 7"),
    (drop("interactions", 0, "request", "uri"), IN + "request.uri: this key is missing"),
    (put("interactions", 0, "request", "uri", "http://["), IN + "request.uri: this is not an address"),
    (put("interactions", 0, "request", "body", [1]), IN + "request.body: text or !!binary is expected here, not list"),
    (put("interactions", 0, "request", "headers", []), IN + "request.headers: a mapping is expected here, not list"),
    (
        put("interactions", 0, "response", "headers", "A", {}),
        IN + "response.headers.A: text is expected here, not dict",
    ),
    *(
        (
            put("interactions", 0, where, "headers", "A", value),
            IN + f"{where}.headers.A{index}: this has {what} at char",
        )
        for where in ("request", "response")
        for value, index, what in (
            ("a\nB: c", "", "a line end"),
            (["a", "b\r\nB: c"], r"\[1\]", "a line end"),
            (b"a\0", "", "the character NUL"),
        )
    ),
    (
        put("interactions", 0, "response", "headers", {"A\nB": ["c"]}),
        IN + r"response.headers: this has a line end at character 2",
    ),
    (
        put("interactions", 0, "response", "status", "message", "OK\r\nA: b"),
        IN + "response.status.message: this has a line",
    ),
    *(
        (
            put("interactions", 0, "response", "headers", {name: ["c"]}),
            IN + f"response.headers: {name!r} is not the name of",
        )
        for name in ("", "A: b", "A B", "ü")
    ),
    (put("interactions", 0, "request", "method", ""), IN + "request.method: '' is not the name of a method: letters"),
    (put("interactions", 0, "request", "uri", ""), IN + "request.uri: an address is expected here, not an empty text"),
    (put("interactions", 0, "request", "uri", "http://a/\nb"), IN + "request.uri: this has a line end at character 10"),
    (
        put("interactions", 0, "response", "status", "code", 1000),
        IN + "response.status.code: a whole number from 100 to 999",
    ),
    (put("interactions", 0, "request", "method", "GET\n"), IN + "request.method: this has a line end at character 4"),
    (drop("interactions", 0, "response", "status"), IN + "response.status: this key is missing"),
    (put("interactions", 0, "response", "status", 200), IN + "response.status: a mapping is expected here, not int"),
    (put("interactions", 0, "response", "status", "code", "200"), IN + "response.status.code: a whole number from 100"),
    (put("interactions", 0, "response", "status", "message", 1), IN + "response.status.message: text is expected"),
    (drop("interactions", 0, "response", "body"), IN + "response.body: this key is missing"),
    (
        put("interactions", 0, "response", "body", None),
        IN + r"response.body: a response has a body \(or a parsed_body\)",
    ),
    (put("interactions", 0, "response", "body", "a"), IN + "response.body: a mapping is expected here, not str"),
    (put("interactions", 0, "response", "body", {}), IN + "response.body.string: this key is missing"),
    (put("interactions", 0, "response", "body", "string", 1), IN + "response.body.string: text or !!binary"),
    (put("interactions", 0, "response", "x-orharness", []), IN + "response.x-orharness: a mapping is expected here"),
    (drop(*OURS, "format"), IN + "response.x-orharness.format: this key is missing"),
    (put(*OURS, "format", 2), IN + "response.x-orharness.format: this orharness reads format 1, not 2"),
    (put(*OURS, "head", -1), IN + "response.x-orharness.head: seconds from 0 up are expected here, not -1"),
    (put(*OURS, "head", True), IN + "response.x-orharness.head: seconds from 0 up are expected here, not True"),
    (put(*OURS, "chunks", {}), IN + "response.x-orharness.chunks: a list is expected here, not dict"),
    (put(*OURS, "chunks", 0, 9), IN + r"response.x-orharness.chunks\[0\]: a list is expected here, not int 9"),
    (put(*OURS, "chunks", 0, [9]), IN + r"response.x-orharness.chunks\[0\]: a chunk is \[seconds, bytes\], not \[9\]"),
    (put(*OURS, "chunks", 0, [0, 8, 1]), IN + r"response.x-orharness.chunks\[0\]: a chunk is \[seconds, bytes\], not"),
    (put(*OURS, "chunks", 0, 0, -0.1), IN + r"response.x-orharness.chunks\[0\]\[0\]: seconds from 0 up .* not -0.1"),
    (put(*OURS, "chunks", 0, 0, float("nan")), IN + r"response.x-orharness.chunks\[0\]\[0\]: seconds from 0 up"),
    (put(*OURS, "chunks", 0, 0, "0"), IN + r"response.x-orharness.chunks\[0\]\[0\]: seconds from 0 up .* not '0'"),
    (put(*OURS, "chunks", 0, 1, 0), IN + r"response.x-orharness.chunks\[0\]\[1\]: a whole number from 1 up .* not 0"),
    (put(*OURS, "chunks", 0, 1, 9.0), IN + r"response.x-orharness.chunks\[0\]\[1\]: a whole number from 1 up .* not 9"),
    (
        put(*OURS, "chunks", 0, 1, 10),
        IN + "response.x-orharness.chunks: the sizes add up to 24, but the body has 23 bytes: .* filter_sensitive_data",
    ),
    (put(*OURS, "chunks", []), IN + "response.x-orharness.chunks: the sizes add up to 0, but the body has 23 bytes"),
    (put(*OURS, "framing", "odd"), IN + "response.x-orharness.framing: 'odd' is not a valid Framing"),
    (put(*OURS, "ending", "odd"), IN + "response.x-orharness.ending: ending 'odd' is not one of eof"),
    (put(*OURS, "ending", 1), IN + "response.x-orharness.ending: text is expected here, not int 1"),
    (put(*OURS, "announced", -1), IN + "response.x-orharness.announced: a whole number from 0 up"),
    (put(*OURS, "recorded_at", 5), IN + "response.x-orharness.recorded_at: text is expected here, not int 5"),
    (put(*OURS, "timed", "no"), IN + "response.x-orharness.timed: true or false is expected here, not str 'no'"),
    (
        put(*OURS, "interactions", 2),
        IN + "response.x-orharness.interactions: 2 interactions were written, but the file holds 1. .* cassette seal`",
    ),
    (put(*OURS, "interactions", 0), IN + "response.x-orharness.interactions: a whole number from 1 up"),
    (put(*OURS, "note", 1), IN + "response.x-orharness.note: text is expected here, not int 1"),
]


@pytest.mark.parametrize("serializer", SERIALIZERS)
@pytest.mark.parametrize(("damage", "complaint"), DAMAGE)
def test_damage_names_file_and_key(
    tmp_path: Path, damage: Callable[[Any], object], complaint: str, serializer: Serializer
) -> None:
    path = written(tmp_path / "damaged.yaml", damage)

    with pytest.raises(CassetteError, match=r"damaged\.yaml: " + complaint):
        load(path, serializer=serializer)


@pytest.mark.parametrize("serializer", SERIALIZERS)
@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "the file is empty"),
        (b" \n\n", "the file is empty"),
        (b"# nothing\n", "a mapping is expected here, not nothing"),
        (b"a: [", "the file is not YAML"),
        (b"a: \x01", "the file is not YAML"),
        (b"!!python/object/apply:os.getcwd []", "the file is not YAML"),
        (b"[]", "a mapping is expected here, not list"),
        (b"version: 1\n", "interactions: this key is missing"),
        (
            b"- request: {}\n  response: {}\n",
            r"the file has a form from before vcrpy 1.0: run `python -m vcr.migration` on it",
        ),
        (b"just text", "a mapping is expected here, not str"),
        (b"interactions: \xff", "the file is not UTF-8"),
        ("interactions: Grüße".encode("utf-16"), "the file is not UTF-8"),
    ],
)
def test_a_file_that_is_no_cassette(tmp_path: Path, data: bytes, complaint: str, serializer: Serializer) -> None:
    (tmp_path / "odd.yaml").write_bytes(data)

    with pytest.raises(CassetteError, match=r"odd\.yaml: " + complaint):
        load(tmp_path / "odd.yaml", serializer=serializer)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CassetteError, match=r"gone\.yaml: there is no such cassette"):
        load(tmp_path / "gone.yaml")


def test_line_ends_of_windows_and_a_bom_change_nothing(tmp_path: Path) -> None:
    save(tmp_path / "a.yaml", [an_interaction()])
    data = (tmp_path / "a.yaml").read_bytes().replace(b"\n", b"\r\n")
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbf" + data)

    assert load(tmp_path / "a.yaml") == [an_interaction()]


def test_a_date_is_text_as_it_stands_there(tmp_path: Path) -> None:
    save(tmp_path / "a.yaml", [an_interaction(headers=(("A", "2026-11-22"),), recorded_at="2026-11-22T06:00:00Z")])
    text = (tmp_path / "a.yaml").read_text("utf-8").replace("'", "")
    text = re.sub(r" +sha256: .*\n", "", text)  # as from before there were checksums
    (tmp_path / "a.yaml").write_text(text.replace("body: {", "body: #{"), "utf-8")

    (found,) = load(tmp_path / "a.yaml")
    assert found.headers == (("A", "2026-11-22"),)
    assert found.recorded_at == "2026-11-22T06:00:00Z"
