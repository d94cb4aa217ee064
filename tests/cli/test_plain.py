"""What ``serve`` reads without typer is what typer would have read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st

from orharness.cli import app as commands
from orharness.cli import plain
from orharness.cli import serve as serving
from orharness.cli.plain import OPTIONS, REPEATED, VARIABLES, fields_of
from orharness.cli.serve import ServeOptions
from orharness.errors import ScenarioError

LEFT_TO_TYPER = {"--check", "--plugin", "--help", "-h"}
COMMAND = typer.main.get_command(commands.app)
SERVE = COMMAND.commands["serve"]  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def without_the_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def value_type(hint: Any) -> tuple[type, bool]:
    """The type of an option's value, and whether the option repeats."""
    (kind,) = [one for one in (get_args(hint) if get_origin(hint) is UnionType else [hint]) if one is not NoneType]
    return (get_args(kind)[0], True) if get_origin(kind) is list else (kind, False)


def test_the_options_are_those_that_typer_declares() -> None:
    hints = get_type_hints(commands.serve)
    options = [one for one in SERVE.params if one.opts[0].startswith("-")]
    assert {name for one in options for name in one.opts} - LEFT_TO_TYPER == set(OPTIONS)
    for one in options:
        (name,) = one.opts
        if name in OPTIONS:
            assert value_type(hints[one.name]) == (OPTIONS[name], name in REPEATED), name
    assert {one.envvar for one in options if one.envvar} == set(VARIABLES)


class Chosen(Exception):  # noqa: N818 - what was read, in place of a server
    pass


def read_by(typers: list[str] | None, fields: dict[str, Any] | None = None) -> ServeOptions | str:
    """The options that serve is given, or what is wrong with them."""

    def chosen(options: ServeOptions) -> bool:
        raise Chosen(options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serving, "serve_until_stopped", chosen)
        try:
            if typers is not None:
                COMMAND.main(["serve", *typers], prog_name="orharness", standalone_mode=False)
            else:
                plain.serve(fields or {})
        except Chosen as found:
            (options,) = found.args
            assert isinstance(options, ServeOptions)
            return options
        except ScenarioError as error:
            return str(error)
    raise AssertionError("serve was not called")


ONES = {
    str: ["hello", "Grüße, 世界", "a=b", "0", "chat", "instant", "off", "text", " ", "*"],
    int: ["0", "7", "70000", "007"],
    float: ["0", "0.5", "12", "00.25"],
    Path: [".", "a.yaml", "a/b c.json"],
    bool: [""],
}


def given_option(name: str) -> st.SearchStrategy[list[str]]:
    values = st.sampled_from(ONES[OPTIONS[name]])
    if OPTIONS[name] is bool:
        return st.just([name])
    return st.one_of(values.map(lambda one: [name, one]), values.map(lambda one: [f"{name}={one}"]))


@pytest.mark.slow
@settings(deadline=None, max_examples=150)
@given(st.lists(st.one_of(st.sampled_from(sorted(OPTIONS)).flatmap(given_option), st.just(["a.yaml"])), max_size=6))
def test_plain_arguments_are_read_as_typer_reads_them(given: list[list[str]]) -> None:
    arguments = [one for each in given for one in each]
    fields = fields_of(arguments, {})
    assert fields is not None
    assert read_by(None, fields) == read_by(arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["-h"],
        ["--check", "--scenario", "a.yaml"],
        ["--plugin", "a"],
        ["--txt", "hi"],
        ["--text"],
        ["--text", ""],
        ["--text", "-5"],
        ["--text="],
        ["--port", "many"],
        ["--port", "-1"],
        ["--port", "1_000"],
        ["--port", " 1"],
        ["--port", "1.0"],
        ["--port", "٣"],
        ["--delay", "nan"],
        ["--delay", "1e3"],
        ["--delay", ".5"],
        ["--until-eof=yes"],
        ["--", "a.yaml"],
        ["-"],
    ],
)
def test_what_is_not_plain_is_left_to_typer(arguments: list[str]) -> None:
    assert fields_of(arguments, {}) is None


@pytest.mark.parametrize("name", VARIABLES)
def test_variables_are_left_to_typer(name: str) -> None:
    assert fields_of([], {name: "1"}) is None
    assert fields_of([], {name: ""}) is not None


def test_what_windows_expands_is_left_to_typer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain, "os", type("nt", (), {"name": "nt", "environ": {}}))
    assert fields_of(["*.yaml"], {}) is None
    assert fields_of(["a.yaml"], {}) == {"cassettes": [Path("a.yaml")]}


@pytest.mark.parametrize("met", [True, False])
def test_the_exit_code_is_that_of_the_expectations(monkeypatch: pytest.MonkeyPatch, met: bool) -> None:
    monkeypatch.setattr(serving, "serve_until_stopped", lambda options: met)
    with pytest.raises(SystemExit) as ended:
        plain.serve({"cassettes": []})
    assert ended.value.code == (0 if met else 1)


def test_an_interrupt_before_serve_takes_signals_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(options: ServeOptions) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(serving, "serve_until_stopped", interrupted)
    with pytest.raises(SystemExit) as ended:
        plain.serve({"cassettes": []})
    assert ended.value.code == 130


@pytest.mark.slow
def test_an_address_that_nobody_can_read_ends_it_quietly() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "orharness", "serve"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")
