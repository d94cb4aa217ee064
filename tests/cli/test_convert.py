"""``orharness cassette convert``, and the commands that take the files of other tools."""

from __future__ import annotations

from pathlib import Path

import pytest

from orharness.cassette import load
from orharness.cli.convert import ConvertOptions, convert_file
from orharness.cli.show import show_source
from orharness.conversion.writing import output_of
from orharness.errors import CassetteError
from tests.support import other_recordings as others


def test_it_writes_the_file_and_says_what_the_source_does_not_know(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, to, body = tmp_path / "answer.sse", tmp_path / "answer.yaml", tmp_path / "body.json"
    source.write_bytes(others.BODY)
    body.write_bytes(others.ASKED)
    convert_file(ConvertOptions(source, to, url=others.URL, body=body))

    [found] = load(to)
    assert (found.stream.body, found.request.uri, found.request.body) == (others.BODY, others.URL, others.ASKED)
    assert not found.timed
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "interaction 1: the request was not recorded: its address was given",
        "interaction 1: status and headers were not recorded: 200 and the content type are what the body needs",
        "interaction 1: chunk boundaries and times were not recorded: one chunk an event",
        f"{to}: cassette, of sse: 1 interaction",
    ]


def test_a_file_that_exists_is_kept_unless_it_may_be_replaced(tmp_path: Path) -> None:
    source, to = tmp_path / "a.yml", tmp_path / "b.har"
    source.write_bytes(others.RUBY)
    to.write_bytes(b"mine")
    with pytest.raises(CassetteError, match=r"b\.har: this file exists; --overwrite replaces it"):
        convert_file(ConvertOptions(source, to))
    assert to.read_bytes() == b"mine"
    convert_file(ConvertOptions(source, to, overwrite=True, interaction=1))
    convert_file(ConvertOptions(to, tmp_path / "c.sse"))
    assert (tmp_path / "c.sse").read_bytes() == others.BODY
    with pytest.raises(CassetteError, match="there is no interaction 2: there is 1 interaction"):
        convert_file(ConvertOptions(source, tmp_path / "d.sse", interaction=2))


@pytest.mark.parametrize(
    ("name", "given", "form"),
    [
        ("a.yaml", None, "cassette"),
        ("a.yml", None, "cassette"),
        ("a.har", None, "har"),
        ("a.sse", None, "sse"),
        ("a.scenario.yaml", None, "scenario"),
        ("a.txt", "sse", "sse"),
        ("a.yaml", "scenario", "scenario"),
    ],
)
def test_the_name_says_what_is_written_unless_the_user_does(name: str, given: str | None, form: str) -> None:
    assert output_of(Path(name), given) == form


@pytest.mark.parametrize(("name", "given"), [("a.txt", None), ("a.yaml", "yaml")])
def test_a_form_that_is_not_known_is_one_sentence(name: str, given: str | None) -> None:
    with pytest.raises(CassetteError, match=r"--as"):
        output_of(Path(name), given)


def test_show_takes_the_files_of_other_tools(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.har").write_bytes(others.har())
    show_source(str(tmp_path / "a.har"))
    said = capsys.readouterr().out
    assert f"POST {others.URL}" in said
    assert '"Grüße"' in said
