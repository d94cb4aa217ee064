"""Options that more than one command takes, each declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

CONTEXT = {"help_option_names": ["-h", "--help"]}  # of every command and group

Formats = Annotated[
    list[str] | None,
    typer.Option(
        "--format",
        metavar="F",
        help="text, json, junit, html, sarif or badge, for an --output.",
        show_default=False,
    ),
]
KeepHeaders = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="Keep the value of this header, which is not on the allow-list. Repeatable.",
        show_default=False,
    ),
]
OfSet = Annotated[
    str | None,
    typer.Option("--set", metavar="DATE", help="Only the cases of a frozen set: 2026-12, 2027-01.", show_default=False),
]
OnlyCases = Annotated[
    list[str] | None,
    typer.Option(metavar="CASE", help="Only this case or family. Repeatable.", show_default=False),
]
Outputs = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE", help="Where the --format goes; - is stdout. Repeatable, in pairs.", show_default=False
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace FILE if it is there.")]
Patience = Annotated[
    float | None,
    typer.Option(metavar="S", help="Seconds for what a client should do at once.", show_default="1"),
]
Plugins = Annotated[
    list[str] | None,
    typer.Option(metavar="MODULE", help="Import first a module with transforms of your own. Repeatable."),
]
PythonClient = Annotated[
    str | None,
    typer.Argument(metavar="MODULE:NAME|FILE.py:NAME", help="A Python client.", show_default=False),
]
RedactPersonal = Annotated[
    bool, typer.Option("--redact-personal", help="Leave out e-mail and IP addresses and telephone numbers, too.")
]
ScenarioFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Play the routes of a scenario document.", show_default=False),
]
ScenarioFolder = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="The folder of the files that a posted document may name.", show_default="no files"
    ),
]
Seed = Annotated[int, typer.Option(help="The seed of the random chunks.")]
Strict = Annotated[bool, typer.Option("--strict", help="A SHOULD that fails counts as a MUST: exit code 1.")]
