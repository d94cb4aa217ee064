"""The commands and their options. What they do is imported when they are called, so that ``--help`` comes at once."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from orharness.errors import ClientFailure, OrharnessError
from orharness.report.encoding import never_fail

DISTRIBUTION = "onerouter-harness"
FAILED, WRONG_CALL = 1, 2
_CONTEXT = {"help_option_names": ["-h", "--help"]}

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings=_CONTEXT,
    rich_markup_mode="rich",
)


def run() -> None:
    """Runs the command; a mistake of the caller is one sentence on stderr, a finding about a client its own text."""
    never_fail(sys.stdout)
    try:
        app()
    except OrharnessError as error:
        _end(f"orharness: {error}", WRONG_CALL)
    except ClientFailure as failure:
        _end(str(failure), FAILED)


def _end(text: str, code: int) -> None:
    sys.stderr.write(f"{text}\n")
    raise SystemExit(code)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"orharness {version(DISTRIBUTION)}")
        raise typer.Exit


@app.callback()
def _root(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """The test bench for programs that read streamed answers of language models.

    It records a real answer byte for byte, plays it back from a real server
    on this machine with any chunks, pauses and faults, and shows what your
    client made of it: did it read everything, did it stop at the end, and did
    it really stop the model when the user pressed stop?

    New here? [bold]orharness demo[/bold] shows all of it in a few seconds.
    """


@app.command()
def demo() -> None:
    """See it work: replay a real answer, cancel one, and judge two clients.

    Takes a few seconds; needs no network and no key. A small model's answer
    that was recorded for this is played from a server on this machine. A
    client reads it, another one leaves in the middle, and then a correct and
    a naive client are put to the test.

    Example: [bold]orharness demo[/bold]
    """
    from orharness.cli.demo import show_demo

    show_demo()


@app.command()
def serve(
    cassettes: Annotated[
        list[Path] | None, typer.Argument(metavar="CASSETTE", help="Recorded answers to play.", show_default=False)
    ] = None,
    text: Annotated[
        str | None, typer.Option(help="Answer every chat with this text, a token a chunk.", show_default=False)
    ] = None,
    gateway: Annotated[
        str, typer.Option(help="Whose form answers and errors have: onerouter, openrouter or openai.")
    ] = "onerouter",
    provider: Annotated[
        str | None, typer.Option(help="The provider that the chunks of --text name.", show_default=False)
    ] = None,
    delay: Annotated[
        float | None, typer.Option(metavar="S", help="Seconds between two chunks.", show_default=False)
    ] = None,
    pacing: Annotated[
        str,
        typer.Option(
            help="recorded: each chunk at its own time; lockstep: when the one before has been read; instant: at once."
        ),
    ] = "recorded",
    rechunk: Annotated[
        int | None, typer.Option(metavar="N", help="Cut the answer into chunks of N bytes.", show_default=False)
    ] = None,
    comment: Annotated[
        str | None,
        typer.Option(help='Send a keep-alive comment between events: ": ONEROUTER PROCESSING".', show_default=False),
    ] = None,
    comment_every: Annotated[
        int | None, typer.Option(metavar="N", help="... after every N events, not after each.", show_default=False)
    ] = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port; 0 is any free one.")] = 0,
) -> None:
    """Play answers to your client from a server on this machine, until Ctrl-C.

    The one line on stdout is the address that your client takes as its base
    URL. What is played and what your client did is told on stderr. Without a
    cassette, every chat is answered with a short text.

    Example: [bold]orharness serve answer.yaml --rechunk 7[/bold]

    Example: [bold]orharness serve --text "Grüße, 世界" --delay 0.1[/bold]
    """
    from orharness.cli.serve import Options, serve_until_stopped

    serve_until_stopped(
        Options(cassettes or [], text, gateway, provider, delay, pacing, rechunk, comment, comment_every, host, port)
    )


@app.command()
def record(
    upstream: Annotated[
        str,
        typer.Option(
            metavar="URL", help="The base URL of the service to record, as a client takes it.", show_default=False
        ),
    ],
    to: Annotated[Path, typer.Option(metavar="FILE", help="The cassette to write.", show_default=False)],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace FILE if it is there.")] = False,
    key_env: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Send the key in this environment variable, not the client's own.", show_default=False
        ),
    ] = None,
) -> None:
    """Record real answers into a cassette: put it between your client and the service.

    The one line on stdout is the address that your client takes as its base
    URL. Every request goes on to the service, and every answer comes back at
    once; bytes, chunks and times are written to FILE as they come. Keys are
    never written. Ctrl-C ends it.

    Example: [bold]orharness record --upstream https://llm.onerouter.pro/v1 --to answer.yaml[/bold]
    """
    from orharness.cli.record import record_until_stopped

    record_until_stopped(upstream, to, overwrite=overwrite, key_env=key_env)


@app.command("relay-check")
def relay_check(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where the browser asks your backend.", show_default=False)],
    json: Annotated[
        str,
        typer.Option(metavar="BODY", help="The JSON that the browser sends; @FILE reads it.", show_default=False),
    ],
    command: Annotated[
        str | None,
        typer.Option(
            metavar="CMD",
            help="Start the backend with this, and OPENAI_BASE_URL set; {port} is a free port, also in URL.",
            show_default=False,
        ),
    ] = None,
    method: Annotated[str, typer.Option(help="The method of the browser's request.")] = "POST",
    header: Annotated[
        list[str] | None,
        typer.Option(metavar="'NAME: VALUE'", help="A header of the browser's request.", show_default=False),
    ] = None,
    within: Annotated[
        float, typer.Option(metavar="S", help="Seconds that the backend has for what it should do at once.")
    ] = 2.0,
    only: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only the cases with this in their id.", show_default=False)
    ] = None,
    host: Annotated[str, typer.Option(help="The address on which the upstream listens.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="The port of the upstream, which your backend must know; 0 is any free one.")
    ] = 0,
) -> None:
    """Judge a backend that passes a model's stream on to browsers.

    It plays the model behind your backend, and the browser before it. Does
    each event come through at once and unchanged? Can an error be seen? When
    the browser leaves, does the model stop? No test is to be written.

    Your backend runs with its OPENAI_BASE_URL at the upstream's address, which
    is the first line on stderr; or --command starts it so.

    Example: [bold]orharness relay-check http://127.0.0.1:8000/chat --json '{"messages": []}' --port 8788[/bold]

    Example: [bold]orharness relay-check 'http://127.0.0.1:{port}/chat' --json @body.json --command 'uvicorn app:app
    --port {port}'[/bold]
    """
    from orharness.cli.relay_check import Options, check_relay

    if not check_relay(Options(url, json, command, method, header or (), within, only, host, port)):
        raise typer.Exit(FAILED)


@app.command()
def show(
    source: Annotated[
        str, typer.Argument(metavar="CASSETTE|JOURNAL", help="A file, or the address of a server's journal.")
    ],
    every: Annotated[bool, typer.Option("--all", help="Also the chunks in the middle of a long stream.")] = False,
) -> None:
    """Look into a recording chunk by chunk, or see what clients did.

    Of a cassette, each answer is drawn on a time line: when each chunk came,
    how big it was, what was in it, and which characters a boundary cuts in
    two. Of a journal (a file, or the address of a server that runs), each
    exchange is a row.

    Example: [bold]orharness show answer.yaml[/bold]

    Example: [bold]orharness show http://127.0.0.1:8080/_orharness/journal[/bold]
    """
    from orharness.cli.show import show_source

    show_source(source, every=every)
