"""What is wrong with a call that typer cannot read, as one sentence.

Typer would draw a box, with the usage in another line, and leave out the value that it refuses. Its errors are told
apart by name and by what they carry: older versions of typer raise those of click, newer ones those of their own copy.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

import typer

from orharness.cli.codes import FAILED, WRONG_CALL
from orharness.cli.ending import end

_UsageError: type[Exception] = typer.BadParameter.__bases__[0]  # click's, which typer does not name
_NUMBERS = {"integer": "a whole number", "number": "a number", "float": "a number"}


def run_app(app: typer.Typer) -> NoReturn:
    """Run the command line, and end the process: with one sentence where its arguments cannot be read."""
    command = typer.main.get_command(app)
    try:
        code = command.main(standalone_mode=False)
    except typer.Abort:
        raise SystemExit(FAILED) from None
    except _UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            print(str(error), end="")  # typer has printed it, click leaves that to us
            raise SystemExit(WRONG_CALL) from None
        end(sentence(error, command, sys.argv[1:]), WRONG_CALL)
    raise SystemExit(code or 0)


def sentence(error: Any, command: Any, given: Sequence[str]) -> str:
    """Return what is wrong, and which help shows what is right."""
    path, command, rest = _called(command, given)
    if hasattr(command, "commands") and rest and not rest[0].startswith("-"):
        text = f"{path} has no command {rest[0]}{_meant(rest[0], command.commands)}"
    else:
        text = f"{path} {_in_words(error, command, given)}"
    return f"{text} (see {path} --help)"


def _called(command: Any, given: Sequence[str]) -> tuple[str, Any, Sequence[str]]:
    """Return the words of the command that is called, the command, and its arguments."""
    path = "orharness"
    while given and (found := getattr(command, "commands", {}).get(given[0])):
        path, command, given = f"{path} {given[0]}", found, given[1:]
    return path, command, given


def _in_words(error: Any, command: Any, given: Sequence[str]) -> str:
    message = error.message.rstrip(".")
    param = getattr(error, "param", None)
    if type(error).__name__ == "MissingParameter" and param is not None:
        return _missing(param, command)
    if param is not None:
        return _refused(error, param, message, given)
    name = getattr(error, "option_name", None)
    if name is None:
        extra = re.search(r"extra argument.* \((.*)\)$", message)
        taken = "".join(f" than {_spelt(one)}" for one in command.params if one.param_type_name == "argument")
        return f"takes no further argument{taken}: {extra[1]}" if extra else f"cannot be called so: {message}"
    option = next((one for one in command.params if name in one.opts or name == one.name), None)
    if option is None:
        return f"has no option {name}{_meant(name, [opt for one in command.params for opt in one.opts])}"
    if "not take" in message:
        return f"takes {option.opts[0]} without a value"
    return f"needs a value after {option.opts[0]}: {_spelt(option)}"


def _missing(param: Any, command: Any) -> str:
    needed = [one for one in command.params if one.required]
    text = f"needs {' and '.join(map(_spelt, needed))}"
    return text if len(needed) == 1 else f"{text}: {_spelt(param)} is missing"


def _refused(error: Any, param: Any, message: str, given: Sequence[str]) -> str:
    cause = error.__cause__
    value = repr(cause.errors()[0]["input"]) if hasattr(cause, "errors") else message.split(" is not ")[0]
    kind = re.search("valid (integer|number|float)", message)
    variable = param.envvar if isinstance(param.envvar, str) else None
    name = _spelt(param)
    if variable and os.environ.get(variable) and not any(one.split("=")[0] in param.opts for one in given):
        name = variable
    return f"takes {_NUMBERS[kind[1]]} as {name}, not {value}" if kind else f"does not take that {name}: {message}"


def _spelt(param: Any) -> str:
    """Return a parameter as its command's help writes it."""
    metavar = str(param.metavar or param.name).upper() if param.metavar is None else param.metavar
    return metavar if param.param_type_name == "argument" else f"{param.opts[0]} {metavar}"


def _meant(name: str, names: Any) -> str:
    close = get_close_matches(name, list(names), 1)
    return f": do you mean {close[0]}?" if close else ""
