"""``orharness serve`` with plain options, read without typer.

The import of typer, with pydantic, takes as long as all that a first answer needs. So an ordinary call, such as that of
a test suite that starts a server, is read here. Everything else is left to typer, which declares the options in
``app``: help, an option that is not in ``OPTIONS``, a value that is not plain. A test compares both.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from orharness.cli.codes import FAILED

OPTIONS: Mapping[str, type] = {  # each with the type of its value; bool takes none
    "--text": str,
    "--dialect": str,
    "--gateway": str,
    "--provider": str,
    "--delay": float,
    "--pacing": str,
    "--rechunk": int,
    "--comment": str,
    "--comment-every": int,
    "--case": str,
    "--at": str,
    "--cases": Path,
    "--scenario": Path,
    "--pace": float,
    "--model": str,
    "--journal": int,
    "--metrics": int,
    "--host": str,
    "--port": int,
    "--control": str,
    "--workers": int,
    "--cors": str,
    "--allow-host": str,
    "--scenarios": Path,
    "--until-eof": bool,
}
REPEATED = ("--cases", "--allow-host")
# Where one of these is set in the environment, typer reads the options.
VARIABLES = ("ORHARNESS_SERVE_HOST", "ORHARNESS_SERVE_PORT", "ORHARNESS_SERVE_CONTROL")
_FIELDS = {"--cases": "files"}  # the fields of ``ServeOptions`` that have another name
_NUMBERS: Mapping[type, re.Pattern[str]] = {
    int: re.compile("[0-9]{1,15}"),
    float: re.compile(r"[0-9]{1,15}(\.[0-9]{1,15})?"),
}
_INTERRUPTED = 130  # the exit code of a command that SIGINT ended
_EXPANDED = re.compile(r"[*?\[~$%]")  # in a value that typer expands on Windows, where no shell does


def fields_of(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> dict[str, Any] | None:
    """Return the fields of ``ServeOptions`` that arguments of ``serve`` give; ``None``: typer has to read them."""
    if any(environment.get(name) for name in VARIABLES):
        return None
    if os.name == "nt" and any(map(_EXPANDED.search, arguments)):
        return None
    fields: dict[str, Any] = {"cassettes": []}
    rest = iter(arguments)
    for argument in rest:
        if not argument.startswith("-"):
            fields["cassettes"].append(Path(argument))
            continue
        name, value = _given(argument, rest)
        if value is None:
            return None
        field = _FIELDS.get(name) or name.removeprefix("--").replace("-", "_")
        if name in REPEATED:
            fields.setdefault(field, []).append(value)
        else:
            fields[field] = value
    return fields


def _given(argument: str, rest: Iterator[str]) -> tuple[str, Any]:
    """Return the name of an option and its value, ``None`` for one that is not plain."""
    name, equals, text = argument.partition("=")
    kind = OPTIONS.get(name)
    if kind is None:
        return name, None
    if kind is bool:
        return name, None if equals else True
    if not equals:
        text = next(rest, "")
    if not text or text.startswith("-"):
        return name, None
    number = _NUMBERS.get(kind)
    return name, kind(text) if number is None or number.fullmatch(text) else None


def serve(fields: Mapping[str, Any]) -> None:
    """Serve with these fields of ``ServeOptions``, and end the process as typer would."""
    from orharness.cli.serve import ServeOptions, serve_until_stopped

    try:
        met = serve_until_stopped(ServeOptions(**fields))
    except KeyboardInterrupt:
        raise SystemExit(_INTERRUPTED) from None
    except BrokenPipeError:  # nobody reads the address
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the interpreter flushes it as it ends
        raise SystemExit(FAILED) from None
    raise SystemExit(0 if met else FAILED)
