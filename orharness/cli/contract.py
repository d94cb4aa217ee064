"""The commands that judge a client by the contract, and that hand its cases out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orharness.cli.options import CONTEXT, Formats, OfSet, OnlyCases, Outputs, Patience, PythonClient, Seed, Strict
from orharness.errors import ScenarioError

cases_app = typer.Typer(no_args_is_help=True, context_settings=CONTEXT, rich_markup_mode="rich")


def check(
    client: PythonClient = None,
    command: Annotated[
        str | None,
        typer.Option(metavar="CMD", help="A client in any language: it writes the text to stdout.", show_default=False),
    ] = None,
    driver: Annotated[
        str | None,
        typer.Option(
            metavar="CMD", help="... one that speaks JSON lines, and can be cancelled as well.", show_default=False
        ),
    ] = None,
    profile: Annotated[
        str, typer.Option(help="gateway: what services really send; whatwg: all rules of event streams.")
    ] = "gateway",
    only: OnlyCases = None,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="OFFSETS",
            help="Cut the streams there and nowhere else: 17, or 17,23, or whole.",
            show_default=False,
        ),
    ] = None,
    seed: Seed = 0,
    format_: Formats = None,
    output: Outputs = None,
    patience: Patience = None,
    time_rate: Annotated[
        float | None,
        typer.Option(
            metavar="N",
            help="liveness: the client's clock runs N times faster (libfaketime); 1: the real clock.",
            show_default="as its limit needs",
        ),
    ] = None,
    idle_limit: Annotated[
        float | None,
        typer.Option(
            metavar="S", help="liveness: the silence in seconds that the client allows.", show_default="measured"
        ),
    ] = None,
    dialect: Annotated[
        str | None,
        typer.Option(
            help="The API of the client: chat, messages, responses, gemini or ollama.",
            show_default="chat, or what a driver's hello says",
        ),
    ] = None,
    cases: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE", help="Cases of your own, too: YAML, JSON or Python. Repeatable.", show_default=False
        ),
    ] = None,
    set_: OfSet = None,
    quick: Annotated[bool, typer.Option("--quick", help="Only the 40 cases that find the most.")] = False,
    jobs: Annotated[int, typer.Option(metavar="N", help="Judge in N processes.")] = 1,
    strict: Strict = False,
    baseline: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Fails that are known: only a new one, or a stale entry, fails.", show_default=False
        ),
    ] = None,
    update_baseline: Annotated[bool, typer.Option("--update-baseline", help="Write that file.")] = False,
    list_: Annotated[
        bool, typer.Option("--list", help="Only name the cases: of --profile, and of --only.", show_default=False)
    ] = False,
    new_driver: Annotated[
        str | None,
        typer.Option(metavar="LANGUAGE", help="Write a driver to begin with: python, node or go.", show_default=False),
    ] = None,
    to: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where the new driver goes.", show_default=False)
    ] = None,
) -> None:
    """Judge your client: which streams does it read wrong, and does its stop button stop the model?

    A Python client is a function of the base URL that yields the text as it
    comes. A command finds OPENAI_BASE_URL and OPENAI_API_KEY in its
    environment, and the variables of the other SDKs. Each case that fails is
    shown with its bytes, the chunk boundary, the likely cause, and the command
    that plays just it again.

    Example: [bold]orharness check my_client.py:stream[/bold]

    Example: [bold]orharness check --command 'node my.mjs' --format junit --output report.xml[/bold]

    Example: [bold]orharness check --new-driver node[/bold]
    """
    from orharness.cli.check import CheckOptions, check_client, list_cases, write_starter

    if list_:
        list_cases(only or (), profile, cases or (), "quick" if quick else set_, dialect)
        return
    if new_driver is not None:
        write_starter(new_driver, to)
        return
    if to is not None:
        raise ScenarioError("--to belongs to --new-driver; reports go to --output")
    options = CheckOptions(
        client,
        command,
        driver,
        profile,
        only or (),
        at,
        seed,
        format_ or (),
        output or (),
        patience,
        files=cases or (),
        of_set=set_,
        quick=quick,
        jobs=jobs,
        baseline=baseline,
        update_baseline=update_baseline,
        dialect=dialect,
        time_rate=time_rate,
        idle_limit=idle_limit,
        strict=strict,
    )
    raise typer.Exit(check_client(options))


def fuzz(
    client: PythonClient = None,
    command: Annotated[str | None, typer.Option(metavar="CMD", help="A client in any language.")] = None,
    driver: Annotated[str | None, typer.Option(metavar="CMD", help="... one that speaks JSON lines.")] = None,
    seconds: Annotated[float, typer.Option(metavar="S", help="How long to search.")] = 60.0,
    seed: Annotated[int, typer.Option(help="The seed of the random streams.")] = 0,
    patience: Patience = None,
    dialect: Annotated[str | None, typer.Option(help="The API of the client.", show_default="chat")] = None,
    to: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where the case document goes.", show_default="stdout")
    ] = None,
) -> None:
    """Search for a stream that your client reads wrong, and print the smallest one found as a case document.

    Exit code 1 if there is one. It needs Hypothesis. [bold]orharness check CLIENT --cases FILE[/bold] plays it again.

    Example: [bold]orharness fuzz my_client.py:stream --seconds 30 --to found.json[/bold]
    """
    from orharness.cli.check import CheckOptions
    from orharness.cli.fuzz import FuzzOptions, fuzz_client

    chosen = CheckOptions(client, command, driver, seed=seed, patience=patience, dialect=dialect)
    raise typer.Exit(fuzz_client(FuzzOptions(chosen, seconds, to)))


@cases_app.command()
def export(
    to: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to write to.", show_default=False)],
    profile: Annotated[str, typer.Option(help="gateway or whatwg; whatwg has all of them.")] = "whatwg",
    only: OnlyCases = None,
    set_: OfSet = None,
    cases: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Cases of your own, too. Repeatable.", show_default=False),
    ] = None,
    seed: Seed = 0,
) -> None:
    """Write each case as a JSON file: its bytes, cuts, gates and ending, and what must come of it.

    What the keys mean is in the documentation, under The contract. Each file
    is a case document as well: check takes the folder as --cases.

    Example: [bold]orharness cases export cases/[/bold]
    """
    from orharness.cli.check import CheckOptions, export_cases

    options = CheckOptions("x:y", profile=profile, only=only or (), seed=seed, files=cases or (), of_set=set_)
    typer.echo(f"{export_cases(to, options)} cases written to {to}", err=True)
