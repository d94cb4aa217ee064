"""A call that cannot be read is told in one sentence: what is wrong, and which help shows what is right."""

from __future__ import annotations

import sys

import pytest
import typer

from orharness.cli.app import app
from orharness.cli.ending import mistakes_reported
from orharness.cli.plain import VARIABLES
from orharness.cli.usage import run_app

ROOT = typer.main.get_command(app)


def leaves(command: object, *path: str) -> list[tuple[str, ...]]:
    """The words of every command, without groups."""
    commands = getattr(command, "commands", None)
    if commands is None:
        return [path]
    return [one for name, each in commands.items() for one in leaves(each, *path, name)]


COMMANDS = leaves(ROOT)


@pytest.fixture(autouse=True)
def without_the_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def told(arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """What a wrong call prints: one line on stderr, with exit code 2."""
    monkeypatch.setattr(sys, "argv", ["orharness", *arguments])
    with pytest.raises(SystemExit) as ended:
        run_app(app)
    out, err = capsys.readouterr()
    assert (ended.value.code, out) == (2, ""), err
    assert err.endswith("\n")
    assert err.count("\n") == 1, err
    return err.rstrip("\n")


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_names_an_unknown_option_and_its_help(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = " ".join(["orharness", *words])
    assert told([*words, "--zzz"], monkeypatch, capsys) == f"{command} has no option --zzz (see {command} --help)"


def parameters(words: tuple[str, ...]) -> list[object]:
    command = ROOT
    for word in words:
        command = command.commands[word]  # type: ignore[attr-defined]
    return list(command.params)


@pytest.mark.slow
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_option_without_its_value_is_named(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = " ".join(["orharness", *words])
    for one in parameters(words):
        name = one.opts[0]  # type: ignore[attr-defined]
        if name.startswith("--") and not one.is_flag:  # type: ignore[attr-defined]
            text = told([*words, name], monkeypatch, capsys)
            assert text.startswith(f"{command} needs a value after {name}: {name} ")
        elif name.startswith("--") and name != "--help":
            text = told([*words, f"{name}=3"], monkeypatch, capsys)
            assert text.startswith(f"{command} takes {name} without a value")


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_missing_parameter_is_named_with_all_that_is_needed(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    needed = [one for one in parameters(words) if one.required]  # type: ignore[attr-defined]
    if not needed:
        return
    text = told([*words], monkeypatch, capsys)
    for one in needed:
        assert one.metavar in text  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["record", "--to", "a"], "orharness record needs --upstream [API=]URL and --to FILE: --upstream [API=]URL is"),
        (["show"], "orharness show needs CASSETTE|JOURNAL (see orharness show --help)"),
        (["recrod"], "orharness has no command recrod: do you mean record? (see orharness --help)"),
        (["cassette", "zzz"], "orharness cassette has no command zzz (see orharness cassette --help)"),
        (["--zzz"], "orharness has no option --zzz (see orharness --help)"),
        (
            ["serve", "--txt", "a"],
            "orharness serve has no option --txt: do you mean --text? (see orharness serve --help)",
        ),
        (["serve", "--rechunk", "x"], "orharness serve takes a whole number as --rechunk N, not 'x'"),
        (["serve", "--delay=x"], "orharness serve takes a number as --delay S, not 'x'"),
        (["serve", "--port", "80x"], "orharness serve takes a whole number as --port PORT, not '80x'"),
        (["show", "a", "b", "c"], "orharness show takes no further argument than CASSETTE|JOURNAL: b c"),
    ],
)
def test_the_sentence(
    arguments: list[str], text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(arguments, monkeypatch, capsys).startswith(text)


def test_a_value_of_the_environment_is_told_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ORHARNESS_SERVE_PORT", "many")
    text = told(["serve"], monkeypatch, capsys)
    assert text.startswith("orharness serve takes a whole number as ORHARNESS_SERVE_PORT, not 'many'")
    assert "--port PORT" in told(["serve", "--port", "few"], monkeypatch, capsys)


@pytest.mark.skipif(sys.platform == "win32", reason="there it is a path that is not found")
@pytest.mark.parametrize(
    "arguments",
    [["record", "--upstream", "http://h/v1", "--to"], ["serve"], ["run", "--cassette"], ["cassette", "scan"]],
    ids=" ".join,
)
def test_a_name_that_no_file_can_have(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "a" * 300
    after = ["--", "true"] if arguments[0] == "run" else []
    monkeypatch.setattr(sys, "argv", ["orharness", *arguments, name, *after])
    with pytest.raises(SystemExit) as ended, mistakes_reported():
        run_app(app)
    out, err = capsys.readouterr()
    assert (ended.value.code, out) == (2, "")
    assert err == f"orharness: {name[:80]}…: the file cannot be reached: File name too long\n"


@pytest.mark.parametrize("arguments", [[], ["cassette"], ["cases"]])
def test_a_group_without_a_command_shows_its_help(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["orharness", *arguments])
    with pytest.raises(SystemExit) as ended:
        run_app(app)
    out, err = capsys.readouterr()
    assert (ended.value.code, err) == (2, "")
    assert "Usage:" in out


@pytest.mark.parametrize("arguments", [["--version"], ["serve", "--help"]])
def test_help_and_version_are_no_mistake(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["orharness", *arguments])
    with pytest.raises(SystemExit) as ended:
        run_app(app)
    assert (ended.value.code, capsys.readouterr().err) == (0, "")
