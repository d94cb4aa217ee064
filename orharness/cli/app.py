"""The commands and their options. The code of a command is imported when it is called, so that ``--help`` is fast."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orharness.about import version
from orharness.cli.cassette import cassette_app
from orharness.cli.codes import FAILED, WRONG_CALL
from orharness.cli.contract import cases_app, check, fuzz
from orharness.cli.options import (
    CONTEXT,
    Formats,
    KeepHeaders,
    Outputs,
    Overwrite,
    Plugins,
    RedactPersonal,
    ScenarioFile,
    ScenarioFolder,
    Strict,
)
from orharness.errors import ScenarioError

_CA = "Trust this file of certificates (PEM) as well, for an upstream with an authority of its own."
_RESOLVE = "Connect to ADDR or ADDR:PORT for HOST. Repeatable."

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings=CONTEXT,
    rich_markup_mode="rich",
)
app.add_typer(cassette_app, name="cassette", context_settings=CONTEXT)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"orharness {version()}")
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
    a naive client are judged.

    Example: [bold]orharness demo[/bold]
    """
    from orharness.cli.demo import show_demo

    show_demo()


@app.command()
def serve(
    cassettes: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="CASSETTE",
            help="Recorded answers to play: of ours, or of any tool that `orharness cassette convert` reads.",
            show_default=False,
        ),
    ] = None,
    text: Annotated[
        str | None, typer.Option(help="Answer every request with this text, a token a chunk.", show_default=False)
    ] = None,
    dialect: Annotated[
        str | None,
        typer.Option(
            help="Answer this API alone: chat, messages, responses, gemini or ollama.",
            show_default="whichever is asked",
        ),
    ] = None,
    gateway: Annotated[
        str,
        typer.Option(help="Whose form answers and errors have: onerouter, openrouter, openai, anthropic or google."),
    ] = "onerouter",
    provider: Annotated[
        str | None,
        typer.Option(help="The provider whose model makes the answers of --text or --scenario.", show_default=False),
    ] = None,
    delay: Annotated[
        float | None, typer.Option(metavar="S", help="Seconds between two chunks.", show_default=False)
    ] = None,
    pacing: Annotated[
        str | None,
        typer.Option(
            help="recorded: each chunk at its own time; lockstep: when the one before has been read; instant: at once.",
            show_default="recorded; of a case, lockstep",
        ),
    ] = None,
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
    case: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Play the stream of a case of orharness check.", show_default=False),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(metavar="OFFSETS", help="... cut there and nowhere else, as in 17,23.", show_default=False),
    ] = None,
    cases: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE", help="... which is a case of your own in this file. Repeatable.", show_default=False
        ),
    ] = None,
    scenario: ScenarioFile = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only say whether the scenario FILE is valid, and if not, what is wrong.")
    ] = False,
    plugin: Plugins = None,
    pace: Annotated[
        float | None,
        typer.Option(metavar="S", help="Seconds that the simulated model takes for a token.", show_default=False),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="TIMES",
            help="Times of the model, drawn for each request: prefill=200ms±50ms,itl=p50:20ms/p99:80ms,seed=1 (to the"
            " first token, and between two).",
            show_default=False,
        ),
    ] = None,
    journal: Annotated[
        int, typer.Option(metavar="N", help="Keep N exchanges in the journal; of more, the oldest are dropped.")
    ] = 100_000,
    metrics: Annotated[
        int | None,
        typer.Option(metavar="PORT", help="Serve /metrics for Prometheus on that port; 0 is any.", show_default=False),
    ] = None,
    host: Annotated[str, typer.Option(help="The address to listen on.", envvar="ORHARNESS_SERVE_HOST")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port; 0 is any free one.", envvar="ORHARNESS_SERVE_PORT")] = 0,
    control: Annotated[
        str,
        typer.Option(
            metavar="on|off|token",
            help="Whether it has the control API; token: only where ORHARNESS_TOKEN is set.",
            envvar="ORHARNESS_SERVE_CONTROL",
        ),
    ] = "on",
    workers: Annotated[
        int, typer.Option(metavar="N", help="Serve in N processes that share the port, for load tests (Linux).")
    ] = 1,
    cors: Annotated[
        str, typer.Option(metavar="on|off", help="Whether web pages of any origin may ask, and read what is played.")
    ] = "on",
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A host name by which the control verbs may be reached, besides loopback's. Repeatable.",
            show_default=False,
        ),
    ] = None,
    scenarios: ScenarioFolder = None,
    until_eof: Annotated[
        bool, typer.Option("--until-eof", help="End when stdin ends: with the program that started this.")
    ] = False,
) -> None:
    """Play answers to your client from a server on this machine, until Ctrl-C.

    The one line on stdout is the address that your client takes as its base
    URL. What is played and what your client did is reported on stderr. Without
    a cassette, every request is answered with a short text.

    Example: [bold]orharness serve answer.yaml --rechunk 7[/bold]

    A scenario is a file with routes, conditions, replies in turn and faults.
    What its routes expect is checked at the end: unmet expectations are shown,
    and the exit code is 1.

    Tests in any language control it over HTTP, below /_orharness: sessions
    with routes of their own, gates, waits, verdicts. A web page, and a client
    on another machine, needs the token: ORHARNESS_TOKEN, or the one on stderr.

    Example: [bold]orharness serve --text "Grüße, 世界" --delay 0.1[/bold]

    Example: [bold]orharness serve --scenario scenario.yaml[/bold]
    """
    from orharness.cli.plugins import import_plugins

    import_plugins(plugin or ())
    if check:
        from orharness.cli.check_scenarios import check_scenarios

        if not check_scenarios([*(cassettes or []), *([scenario] if scenario else [])]):
            raise typer.Exit(WRONG_CALL)
        return
    from orharness.cli.serve import ServeOptions, serve_until_stopped

    met = serve_until_stopped(
        ServeOptions(
            cassettes or [],
            text=text,
            dialect=dialect,
            gateway=gateway,
            provider=provider,
            delay=delay,
            pacing=pacing,
            rechunk=rechunk,
            comment=comment,
            comment_every=comment_every,
            host=host,
            port=port,
            case=case,
            at=at,
            files=cases or (),
            scenario=scenario,
            pace=pace,
            model=model,
            journal=journal,
            metrics=metrics,
            control=control,
            workers=workers,
            cors=cors,
            allow_host=allow_host or (),
            scenarios=scenarios,
            until_eof=until_eof,
        )
    )
    if not met:
        raise typer.Exit(FAILED)


@app.command()
def record(
    upstream: Annotated[
        list[str],
        typer.Option(
            metavar="[API=]URL",
            help="The base URL of the service to record; with API= (chat, messages, responses, gemini, ollama) that of"
            " one API's requests. Repeatable.",
            show_default=False,
        ),
    ],
    to: Annotated[Path, typer.Option(metavar="FILE", help="The cassette to write.", show_default=False)],
    overwrite: Overwrite = False,
    key_env: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[API=]NAME",
            help="Send the key in this environment variable, not the client's own. Repeatable, as --upstream is.",
            show_default=False,
        ),
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORIGIN",
            help="With --key-env: let web pages of this origin, such as http://localhost:3000, ask. Repeatable.",
            show_default=False,
        ),
    ] = None,
    keep_header: KeepHeaders = None,
    redact_personal: RedactPersonal = False,
    filters: Annotated[
        str | None,
        typer.Option(
            metavar="FILE.py:NAME",
            help="vcrpy's filters: a mapping (or a function that returns it) such as pytest-recording's vcr_config;"
            " or the mapping as JSON.",
            show_default=False,
        ),
    ] = None,
    ca: Annotated[Path | None, typer.Option("--ca", metavar="FILE", help=_CA, show_default=False)] = None,
    resolve: Annotated[list[str] | None, typer.Option(metavar="HOST=ADDR", help=_RESOLVE, show_default=False)] = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port; 0 is any free one.")] = 0,
) -> None:
    """Record real answers into a cassette: put it between your client and the service.

    The one line on stdout is the address that your client takes as its base
    URL. Every request goes on to the service, and every answer comes back at
    once; bytes, chunks and times are written to FILE as they come. Keys are
    never written, nor is anything that looks like one. Ctrl-C ends it.

    Example: [bold]orharness record --upstream https://llm.onerouter.pro/v1 --to answer.yaml[/bold]

    Example: [bold]orharness record --upstream https://api.openai.com/v1 --upstream messages=https://api.anthropic.com
    --upstream gemini=https://generativelanguage.googleapis.com --to three.yaml[/bold]
    """
    from orharness.recording.apart import apart

    with apart() as process:  # both load at the same time
        from orharness.cli.record import record_until_stopped

        whole = record_until_stopped(
            upstream,
            to,
            overwrite=overwrite,
            key_envs=key_env or (),
            allow_origins=allow_origin or (),
            keep_headers=keep_header or (),
            redact_personal=redact_personal,
            filters=filters,
            ca=ca,
            resolve=resolve or (),
            host=host,
            port=port,
            apart=process,
        )
    if not whole:
        raise typer.Exit(FAILED)


@app.command("relay-check")
def relay_check(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where the browser asks your backend.", show_default=False)],
    json: Annotated[
        str | None,
        typer.Option(metavar="BODY", help="The JSON that the browser sends; @FILE reads it.", show_default=False),
    ] = None,
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
        list[str] | None,
        typer.Option(metavar="TEXT", help="Only the cases with this in their id. Repeatable.", show_default=False),
    ] = None,
    host: Annotated[str, typer.Option(help="The address on which the upstream listens.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="The port of the upstream, which your backend must know; 0 is any free one.")
    ] = 0,
    strict: Strict = False,
    format_: Formats = None,
    output: Outputs = None,
) -> None:
    """Judge a backend that passes a model's stream on to browsers.

    It plays the model behind your backend and the browser in front of it. Does
    each event come through at once and unchanged? Can an error be seen? When
    the browser leaves, does the model stop? You need not write a test.

    Your backend runs with OPENAI_BASE_URL set to the upstream's address, which
    is the first line on stderr; or --command starts it so.

    Example: [bold]orharness relay-check http://127.0.0.1:8000/chat --json '{"messages": []}' --port 8788[/bold]

    Example: [bold]orharness relay-check 'http://127.0.0.1:{port}/chat' --json @body.json --command 'uvicorn app:app
    --port {port}'[/bold]
    """
    from orharness.cli.relay_check import RelayCheckOptions, check_relay

    options = RelayCheckOptions(
        url,
        json,
        command,
        method,
        header or (),
        within,
        only or (),
        host,
        port,
        formats=format_ or (),
        outputs=output or (),
        strict=strict,
    )
    if not check_relay(options):
        raise typer.Exit(FAILED)


@app.command("check-mcp")
def check_mcp_server(
    url: Annotated[
        str | None,
        typer.Argument(metavar="URL", help="The MCP endpoint.", show_default="http://127.0.0.1:{port}/mcp"),
    ] = None,
    tool: Annotated[str, typer.Option(metavar="NAME", help="A tool that takes some seconds.", show_default=False)] = "",
    arguments: Annotated[
        str, typer.Option(metavar="JSON", help="What the tool is called with; {beat} is the witness's address.")
    ] = "{}",
    command: Annotated[
        str | None,
        typer.Option(
            metavar="CMD",
            help="Start the server with this, and PORT, ORHARNESS_BEAT and OPENAI_BASE_URL set; {port} is a free port.",
            show_default=False,
        ),
    ] = None,
    revision: Annotated[
        list[str] | None,
        typer.Option(metavar="DATE", help="2026-07-28 or 2025-11-25. Repeatable.", show_default="both"),
    ] = None,
    within: Annotated[
        float, typer.Option(metavar="S", help="Seconds within which a tool whose call is cancelled has to stop.")
    ] = 1.0,
    leave_after: Annotated[
        float | None,
        typer.Option(metavar="S", help="Seconds from the call to the leaving.", show_default="a third of its time"),
    ] = None,
    watch: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH", help="A file, or a folder, that changes while the tool works.", show_default=False
        ),
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option(metavar="'NAME: VALUE'", help="A header of each request.", show_default=False),
    ] = None,
    host: Annotated[str, typer.Option(help="The address on which the witness listens.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="The port of the witness, which a running server must know; 0 is any free one.")
    ] = 0,
    strict: Strict = False,
    format_: Formats = None,
    output: Outputs = None,
) -> None:
    """Judge an MCP server over HTTP: does a tool stop when its client leaves?

    In revision 2026-07-28, closing the stream cancels a call; in 2025-11-25 it
    does not, and the stream can be resumed. The command calls a tool, leaves,
    and sees whether the tool goes on: a tool shows that by requests to the
    witness (its address is {beat} in --arguments and ORHARNESS_BEAT), by asking
    a model at OPENAI_BASE_URL, or by a file that it writes (--watch).

    Example: [bold]orharness check-mcp http://127.0.0.1:8000/mcp --tool research --watch research.log[/bold]

    Example: [bold]orharness check-mcp --command 'python server.py' --tool slow --arguments '{"url": "{beat}"}'[/bold]
    """
    from orharness.cli.check_mcp import CheckMcpOptions, check_mcp

    if not tool:
        raise ScenarioError("name a tool that takes some seconds: --tool NAME")
    options = CheckMcpOptions(
        url,
        tool,
        arguments,
        command,
        revision or (),
        within,
        leave_after,
        watch,
        header or (),
        host,
        port,
        formats=format_ or (),
        outputs=output or (),
        strict=strict,
    )
    if not check_mcp(options):
        raise typer.Exit(FAILED)


@app.command("run", context_settings={"allow_interspersed_args": False})
def run_tests(
    command: Annotated[
        list[str], typer.Argument(metavar="CMD…", help="The command, after --, with its arguments.", show_default=False)
    ],
    scenario: ScenarioFile = None,
    format_: Formats = None,
    output: Outputs = None,
    plugin: Plugins = None,
    pacing: Annotated[
        str,
        typer.Option(
            help="lockstep: a chunk when the one before has been read; recorded: at its own time; instant: at once."
        ),
    ] = "lockstep",
    scenarios: ScenarioFolder = None,
    record: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Record what the command asks of --upstream and of the --intercept hosts into this cassette.",
            show_default=False,
        ),
    ] = None,
    cassette: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Play a cassette, each interaction once; no network for what obeys proxies.",
            show_default=False,
        ),
    ] = None,
    intercept: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST",
            help="With --record or --cassette: answer for https://HOST, which the command has in its code. Repeatable;"
            " *.HOST is all below it.",
            show_default=False,
        ),
    ] = None,
    upstream: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[API=]URL",
            help="With --record: the service that the SDKs' base URLs lead to, as in orharness record. Repeatable.",
            show_default=False,
        ),
    ] = None,
    key_env: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[API=]NAME",
            help="With --upstream: send the key in this variable, not the client's own. Repeatable.",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="With --record: replace FILE if it is there.")] = False,
    filters: Annotated[
        str | None,
        typer.Option(metavar="FILE.py:NAME", help="With --record: vcrpy's filters.", show_default=False),
    ] = None,
    ca: Annotated[
        Path | None,
        typer.Option("--ca", metavar="FILE", help=f"With --record: {_CA[0].lower()}{_CA[1:]}", show_default=False),
    ] = None,
    resolve: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST=ADDR", help=f"With --record: {_RESOLVE[0].lower()}{_RESOLVE[1:]}", show_default=False
        ),
    ] = None,
) -> None:
    """Run tests, or any command, against a server, and judge what they did.

    The command finds the server in its environment: each SDK's base URL and a
    key, and ORHARNESS_URL for tests that set up routes of their own over HTTP.
    When it has ended, it is judged: requests that no route answers, routes that
    were never asked, what the scenario expects, connections left open, tokens
    that a model made and billed after a cancel. The exit code is 1 if there is
    any such finding, else the command's own.

    With --record its real requests are recorded, with --cassette they are
    answered from that file. Programs that have https://HOST in their code are
    reached by --intercept HOST: they find a proxy and its certificate in their
    environment. It needs: pip install trustme (the extra intercept).

    Example: [bold]orharness run --scenario scenario.yaml -- npm test[/bold]

    Example: [bold]orharness run --record a.yaml --intercept llm.onerouter.pro -- python app.py[/bold]

    Example: [bold]orharness run --cassette a.yaml --intercept llm.onerouter.pro -- python app.py[/bold]

    Example: [bold]orharness run --format junit --output orharness.xml -- go test ./...[/bold]
    """
    from orharness.cli.plugins import import_plugins
    from orharness.cli.run import Options, run_and_judge

    import_plugins(plugin or ())
    hosts = intercept or ()
    if record is None:
        if upstream or key_env or overwrite or filters or ca or resolve:
            raise ScenarioError("--upstream, --key-env, --overwrite, --filters, --ca and --resolve belong to --record")
        options = Options(command, scenario, pacing, scenarios, cassette, hosts, format_ or (), output or ())
        raise typer.Exit(run_and_judge(options))
    if scenario or cassette or format_ or output or scenarios:
        raise ScenarioError(
            "--record goes to the network and judges nothing: --scenario, --cassette, --scenarios, --format, --output"
            " do not fit"
        )
    from orharness.recording.apart import apart

    with apart() as process:  # both load at the same time
        from orharness.cli.run_recorded import RecordOptions, run_and_record

        recording = RecordOptions(
            command, record, upstream or (), key_env or (), hosts, resolve or (), ca, overwrite, filters
        )
        raise typer.Exit(run_and_record(recording, process))


@app.command()
def show(
    source: Annotated[
        str,
        typer.Argument(
            metavar="CASSETTE|JOURNAL",
            help="A file, or the address of a server's journal. A recording of another tool does as well.",
        ),
    ],
    every: Annotated[bool, typer.Option("--all", help="Also the chunks in the middle of a long stream.")] = False,
    format_: Annotated[
        str, typer.Option("--format", metavar="F", help="text, or html: a page with the streams of a recording.")
    ] = "text",
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where the html goes.", show_default="stdout")
    ] = None,
) -> None:
    """Look into a recording chunk by chunk, or see what clients did.

    Of a cassette, each answer is drawn on a time line: when each chunk came,
    how big it was, what was in it, and which characters a boundary cuts in
    two. Of a journal (a file, or the address of a server that runs), each
    exchange is a row.

    Example: [bold]orharness show answer.yaml[/bold]

    Example: [bold]orharness show answer.yaml --format html --output answer.html[/bold]

    Example: [bold]orharness show http://127.0.0.1:8080/_orharness/journal[/bold]
    """
    from orharness.cli.show import show_source

    show_source(source, every=every, form=format_, output=output)


cassette_app.command("show")(show)


app.command()(check)
app.command()(fuzz)
app.add_typer(cases_app, name="cases", help="The cases of check as files, for any runner in any language.")
