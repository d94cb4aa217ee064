"""``orharness cassette …``: the commands on recorded files."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from orharness.cli.options import KeepHeaders, Overwrite, RedactPersonal
from orharness.errors import ScenarioError

cassette_app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", help="Work on recorded files.")

_FOUND = 1


@cassette_app.command()
def scan(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH", help="Cassettes, spools, HAR files, or folders of them.")
    ],
    personal: Annotated[
        bool, typer.Option("--personal", help="Look for e-mail and IP addresses and telephone numbers, too.")
    ] = False,
    allow: Annotated[
        list[str] | None,
        typer.Option(metavar="REGEX", help="Do not report what matches this. Repeatable.", show_default=False),
    ] = None,
) -> None:
    """List what looks like a secret in recorded files, whatever recorded them.

    A line for each: the file, where in it, the kind, and the first characters.
    Exit code 1 if there is any. It is also a pre-commit hook, with the id
    orharness-cassette-scan.

    Example: [bold]orharness cassette scan tests/cassettes[/bold]
    """
    from orharness.cassette.scan import files_in
    from orharness.cassette.scan import scan as findings_in
    from orharness.verdict import count

    allowed = [_pattern(one) for one in allow or ()]
    files = [file for path in paths for file in files_in(path)]
    number = 0
    for file in files:
        for one in findings_in(file, personal=personal):
            if not any(pattern.search(one.text) for pattern in allowed):
                number += 1
                typer.echo(f"{file}: {one.where}: {one.kind}: {one.shown}")
    sys.stderr.write(f"{count(number, 'finding')} in {count(len(files), 'file')}\n")
    if number:
        raise typer.Exit(_FOUND)


@cassette_app.command()
def seal(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE", help="Cassettes that were edited on purpose.")],
) -> None:
    """Accept cassettes that were edited: write checksums that fit what they hold now.

    A cassette that was changed is not loaded, since what it plays would not be
    what was recorded. Where an edited body has another length, its chunks
    become those that fit. The file is written anew: comments in it are lost.

    Example: [bold]orharness cassette seal tests/cassettes/answer.yaml[/bold]
    """
    from orharness.cassette.seal import seal as seal_file

    for path in paths:
        for sentence in seal_file(path):
            typer.echo(f"{path}: {sentence}")
    sys.stderr.write(f"sealed: {', '.join(map(str, paths))}\n")


@cassette_app.command()
def convert(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="A recording of any tool that is known.")],
    to: Annotated[
        Path,
        typer.Option(metavar="FILE", help="What to write: .yaml is a cassette, .har, .sse, .scenario.yaml."),
    ],
    as_: Annotated[
        str | None,
        typer.Option(
            "--as", metavar="FORM", help="cassette, har, sse or scenario.", show_default="by the name of FILE"
        ),
    ] = None,
    from_: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="FORM",
            help="cassette, har, ruby-vcr, go-vcr, aimock, curl, sse or chunks.",
            show_default="by the content",
        ),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="What was asked, where SOURCE does not say it.", show_default=False),
    ] = None,
    body: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The body of that request.", show_default=False),
    ] = None,
    interaction: Annotated[
        int | None, typer.Option(metavar="N", help="Only that one of SOURCE, from 1.", show_default=False)
    ] = None,
    keep_header: KeepHeaders = None,
    redact_personal: RedactPersonal = False,
    overwrite: Overwrite = False,
) -> None:
    """Convert a recording: from another tool, or for one.

    It reads cassettes of vcrpy and pytest-recording, HAR of browsers and of
    mitmproxy, what curl -i -N prints, raw event streams, cassettes of Ruby's
    VCR and of go-vcr, chunks of the AI SDK, and aimock's fixtures. It writes a
    cassette, HAR, a plain event stream, or a scenario document. What SOURCE
    does not know is named on stderr, and in a note of the cassette; keys are
    left out.

    Example: [bold]orharness cassette convert session.har --to answer.yaml[/bold]

    Example: [bold]orharness cassette convert answer.sse --to answer.yaml --url
    https://llm.onerouter.pro/v1/chat/completions[/bold]
    """
    from orharness.cli.convert import ConvertOptions, convert_file

    convert_file(
        ConvertOptions(
            source,
            to,
            as_,
            from_,
            url,
            body,
            interaction,
            keep_headers=keep_header or (),
            redact_personal=redact_personal,
            overwrite=overwrite,
        )
    )


@cassette_app.command()
def compare(
    cassette: Annotated[Path, typer.Argument(metavar="FILE", help="The cassette whose requests are sent again.")],
    upstream: Annotated[
        list[str],
        typer.Option(
            metavar="[HOST=|API=]URL",
            help="The service to ask, as in orharness record; of several hosts, one for each. Repeatable.",
            show_default=False,
        ),
    ],
    key_env: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[HOST=|API=]NAME",
            help="Send the key in this environment variable: a cassette has none. Repeatable.",
            show_default=False,
        ),
    ] = None,
    ca: Annotated[
        Path | None,
        typer.Option("--ca", metavar="FILE", help="Trust this file of certificates, too.", show_default=False),
    ] = None,
) -> None:
    """Ask a service again what a cassette recorded, and say what of its grammar has changed.

    The words of a model differ each time; what is compared is the fields and
    their types, the order of events, the end, and the pacing where it differs
    by more than three times. Exit code 1 if anything has changed.

    Example: [bold]orharness cassette compare answer.yaml --upstream https://llm.onerouter.pro/v1 --key-env KEY[/bold]
    """
    from orharness.cli.compare import compare_cassette

    if compare_cassette(cassette, upstream, key_env or (), ca):
        raise typer.Exit(_FOUND)


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise ScenarioError(f"--allow {text!r} is not a regular expression: {error}") from error
