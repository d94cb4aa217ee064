"""The pytest plugin: fixtures, markers and options. Each name starts with ``sse``, except the two ``make_sse_…``.

pytest loads this module in every run of an environment where orharness is installed. So it imports nothing that slows
down a run without these fixtures: the rest is imported inside the fixtures.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Unpack, cast

import pytest

from orharness import pytest_cassettes, pytest_recordings, pytest_reports

if TYPE_CHECKING:
    from orharness.contract import Client
    from orharness.fixtures import MakeSseProcess, MakeSseServer, SseRelayClient
    from orharness.pytest_cassettes import Settings
    from orharness.recording.process import RecordingServer
    from orharness.relay.browser import BrowserOptions, RelayClient
    from orharness.relay.process import ProcessOptions, SseProcess
    from orharness.server.facade import ServerOptions, SseServer
    from orharness.server.thread import ServerThread

LEAKS = ("report", "error", "ignore")  # as orharness.server.facade.Leaks, which imports too much for this module
_NOT_PASSED = pytest.StashKey[bool]()
_SERVER = pytest.StashKey["SseServer | RecordingServer"]()
_SERVERS = pytest.StashKey[list["SseServer"]]()  # of the run: servers made by make_sse_server
# of a test: what to do about what it left open, and a line about it
_LEFT_OPEN = pytest.StashKey[list[tuple[str, str]]]()
_BROWSERS = pytest.StashKey[list["RelayClient"]]()
_PROCESSES = pytest.StashKey[list["SseProcess"]]()
_PRINTED = pytest.StashKey[dict[int, int]]()  # characters printed before the test by each process, by id
# The stash of a test outlives a rerun.
_OF_AN_ATTEMPT: tuple[pytest.StashKey[Any], ...] = (
    *(_NOT_PASSED, _SERVER, _LEFT_OPEN, _BROWSERS, _PRINTED),
    *(pytest_cassettes.RECORDED, pytest_cassettes.PLAYED, pytest_reports.KEPT),
)
_OPTIONS_KEY = "sse_server"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the command-line options."""
    group = parser.getgroup("orharness", "orharness: streaming LLM clients")
    pytest_cassettes.add_options(parser, group)
    group.addoption(
        "--sse-server",
        metavar="URL",
        help="use the server that runs at this address (orharness serve), by its control verbs, in place of one in this"
        " process; each test has a session of its own there",
    )
    group.addoption(
        "--sse-leaks",
        choices=LEAKS,
        help="what becomes of an answer that a test leaves open: a line at the end of the run (report, the default), an"
        " error at the test's teardown, or nothing (ignore); sse_server(leaks=…) and make_sse_server(leaks=…) go first",
    )
    pytest_reports.add_options(parser, group)
    parser.addini("sse_server", "as --sse-server")
    parser.addini("sse_leaks", "as --sse-leaks", default="report")


def pytest_configure(config: pytest.Config) -> None:
    """Add the markers."""
    config.addinivalue_line(
        "markers",
        "sse_server(**options): options of the test's sse_server (gateway, pacing, strict, leaks, through, …);"
        " env=True: the SDKs find it in the environment of this process, for apps that run in it",
    )
    config.addinivalue_line(
        "markers",
        "sse_cassette(name=None, *, match_on=…, allow_playback_repeats=False, delays=True, through=(), pacing=None,"
        " provider=None, pace=None, price=…, filters=…, keep_headers=(), redact_personal=False, record_mode=…,"
        " max_age=…, key_env=…, env=False): "
        "what sse_server replays, or records with --sse-record-mode; by default cassettes/<module>/<test>.yaml beside"
        " the test",
    )


def pytest_sessionstart(session: pytest.Session) -> None:
    """Refuse a wrong ini setting before any test runs, and resolve paths."""
    pytest_reports.configure(session.config)
    if (leaks := session.config.getini("sse_leaks")) not in LEAKS:
        raise pytest.UsageError(f"sse_leaks is one of {', '.join(LEAKS)}; not {leaks!r}")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Give a marked test whose client looks in the environment its server, which is then no argument of the test."""
    markers = [item.get_closest_marker(name) for name in (pytest_cassettes.KEY, _OPTIONS_KEY)]
    names = getattr(item, "fixturenames", None)
    if markers[0] is None or names is None or "sse_server" in names:
        return
    if any(one is not None and one.kwargs.get("env") is True for one in markers):
        names.append("sse_server")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember whether the test has failed or skipped itself: then its teardown adds nothing."""
    report = yield
    item.stash[_NOT_PASSED] = item.stash.get(_NOT_PASSED, False) or not report.passed
    server = item.stash.get(_SERVER, None)
    account = getattr(server, "account", None) if type(server).__name__ != "RecordingServer" else None
    if report.failed and report.when == "call" and account is not None and (seen := account()):
        report.sections.append(("what sse_server saw", seen))
    if report.failed:
        report.sections.extend(_relay_sections(item))
        if account is not None:
            pytest_reports.keep(item, report, cast("SseServer", server))
    if report.when == "teardown":  # on the report, because xdist carries that to where the summary is written
        vars(report)["sse_recorded"] = item.stash.get(pytest_cassettes.RECORDED, [])
        vars(report)["sse_left_open"] = [line for leaks, line in item.stash.get(_LEFT_OPEN, []) if leaks == "report"]
        if _SERVER in item.stash:
            del item.stash[_SERVER]  # pytest keeps the test to the end of the run
    return report


def _relay_sections(item: pytest.Item) -> Iterator[tuple[str, str]]:
    """Yield what the test's browsers saw, and what the apps under test have printed since it began."""
    if browsers := item.stash.get(_BROWSERS, []):
        yield "what sse_relay_client saw", "\n".join(f"{one.url}: {one.account()}" for one in browsers)
    before = item.stash.get(_PRINTED, {})
    for process in item.config.stash.get(_PROCESSES, []):
        if printed := process.tail(before.get(id(process), 0)):
            yield f"what {process.name} printed", printed


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse a cassette that nothing would play.

    What an earlier attempt left is forgotten first: a rerun is judged like a first run.
    """
    for key in _OF_AN_ATTEMPT:
        if key in item.stash:
            del item.stash[key]
    marked = item.get_closest_marker(pytest_cassettes.KEY) is not None
    if marked and "sse_server" not in getattr(item, "fixturenames", ()):
        pytest.fail("@pytest.mark.sse_cassette is played by the fixture sse_server: take it as argument", pytrace=False)
    running = item.config.stash.get(_PROCESSES, [])
    item.stash[_PRINTED] = {id(process): len(process.output) for process in running}


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Refuse to run where vcrpy would catch what the client sends to the test's server."""
    server = item.stash.get(_SERVER, None)
    if server is not None:
        pytest_cassettes.check_vcr(item, server)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """Report what a test left open on shared servers, once its own fixtures have ended."""
    try:
        yield
    finally:
        for server in item.config.stash.get(_SERVERS, []):
            _note_left_open(item, server, server.take_left_open())
    wrong = [line for leaks, line in item.stash.get(_LEFT_OPEN, []) if leaks == "error"]
    if wrong:
        pytest.fail("\n  ".join([_LEFT_OPEN_SAID.format("this test"), *wrong]), pytrace=False)


_LEFT_OPEN_SAID = (
    "connections left open by {}: the client has neither read the answer to its end nor left it; close the stream with"
    " `with`, `async with` or close()"
)


def _note_left_open(item: pytest.Item, server: SseServer, left: list[str]) -> None:
    """Note open answers. Adds nothing to a test that did not pass: its streams are open because it was cut short."""
    if not item.stash.get(_NOT_PASSED, False):
        leaks = str(server.leaks or item.config.getoption("--sse-leaks") or item.config.getini("sse_leaks"))
        item.stash.setdefault(_LEFT_OPEN, []).extend((leaks, line) for line in left)


@pytest.fixture(scope="session")
def sse_thread() -> Iterator[ServerThread]:
    """The session's one server thread, for ``SseServer(sse_thread)``."""
    from orharness.server.thread import ServerThread

    thread = ServerThread().start()
    yield thread
    thread.stop()


@pytest.fixture(scope="session")
def make_sse_server(sse_thread: ServerThread, pytestconfig: pytest.Config) -> Iterator[MakeSseServer]:
    """Make servers for any scope: ``make_sse_server(**options)``. They end with the session, or by ``close()``.

    Call ``verify()`` for what ``sse_server`` does at its teardown. What a test leaves open is reported in any case.
    """
    servers = pytestconfig.stash.setdefault(_SERVERS, [])
    with ExitStack() as stack:

        def make(**options: Unpack[ServerOptions]) -> SseServer:
            servers.append(stack.enter_context(_server(pytestconfig, sse_thread, options)))
            return servers[-1]

        yield make


@pytest.fixture
def sse_server(request: pytest.FixtureRequest) -> Iterator[SseServer | RecordingServer]:
    """A server of the test's own; strict: see ``SseServer.verify``."""
    marker = request.node.get_closest_marker(pytest_cassettes.KEY)
    options = _marked_options(request.node.get_closest_marker(_OPTIONS_KEY), _OPTIONS_KEY)
    settings = None if marker is None else pytest_cassettes.settings_of(request, marker)
    if settings is not None and settings.records_whole:
        yield from _recorded(request, options, settings)
    elif settings is not None and settings.records_what_is_new:
        yield from _extended(request, options, settings)
    else:
        yield from _served(request, options, settings)


@pytest.fixture
def sse_config() -> dict[str, Any]:
    """Options of ``@pytest.mark.sse_cassette`` for every test that sees this fixture: override it, as ``vcr_config``.

    It may be of any scope. The marker's own options go first.
    """
    return {}


@pytest.fixture
def sse_cassette_dir(request: pytest.FixtureRequest) -> str:
    """The folder of the cassettes: override it; a relative one is beside the test. By default cassettes/<module>."""
    return str(pytest_cassettes.default_dir(request.node))


@pytest.fixture
def sse_cassette_name(request: pytest.FixtureRequest) -> str:
    """The name of the test's cassette, without ``.yaml``: override it. By default that of the test and its class."""
    return pytest_cassettes.default_name(request.node)


@pytest.fixture
def sse_upstream(pytestconfig: pytest.Config) -> str | list[str] | dict[str, str]:
    """The base URL that is recorded from, or a mapping of an API's name to its base URL: override it.

    By default the ini setting ``sse_upstream``; ``--sse-upstream`` goes first.
    """
    given: list[str] = pytestconfig.getini("sse_upstream")
    return given


@pytest.fixture
def sse_relay_client(request: pytest.FixtureRequest) -> SseRelayClient:
    """Play the browser of a relay: ``with sse_relay_client(url, json=…) as browser:``; see ``RelayClient``."""
    from orharness.relay.browser import RelayClient

    browsers = request.node.stash.setdefault(_BROWSERS, [])

    def make(url: str, json: Any = None, **options: Unpack[BrowserOptions]) -> RelayClient:
        browser = RelayClient(url, json, **options)
        browsers.append(browser)
        return browser

    return make


@pytest.fixture
def sse_process(request: pytest.FixtureRequest) -> Iterator[MakeSseProcess]:
    """Start an app under test: ``sse_process([argv], **options)``, with the test's ``sse_server`` as its upstream.

    It listens when the call returns, and is gone when the test ends. For the options see ``SseProcess``.
    """
    with ExitStack() as stack:

        def make(argv: Sequence[str], **options: Unpack[ProcessOptions]) -> SseProcess:
            if "server" not in options and "base_url" not in options:
                options["server"] = request.getfixturevalue("sse_server")
            return _started(request.config, stack, argv, options)

        yield make


@pytest.fixture(scope="session")
def make_sse_process(request: pytest.FixtureRequest) -> Iterator[MakeSseProcess]:
    """Start an app for any scope: ``make_sse_process([argv], server=make_sse_server(), **options)``.

    It ends with the session, or by ``close()``.
    """
    with ExitStack() as stack:

        def make(argv: Sequence[str], **options: Unpack[ProcessOptions]) -> SseProcess:
            return _started(request.config, stack, argv, options)

        yield make


def _started(config: pytest.Config, stack: ExitStack, argv: Sequence[str], options: ProcessOptions) -> SseProcess:
    from orharness.relay.process import SseProcess

    running = config.stash.setdefault(_PROCESSES, [])
    process = stack.enter_context(SseProcess(argv, **options))
    running.append(process)
    stack.callback(running.remove, process)
    return process


@pytest.fixture
def sse_contract(sse_thread: ServerThread) -> SseContract:
    """Judge a client: ``check_parsing``, ``check_done``, ``check_errors``, ``check_cancellation``."""
    return SseContract(sse_thread)


_NO_FAILS: Mapping[str, str] = MappingProxyType({})


class SseContract:
    """The claims of the contract. Each method raises ``ClientFailure``, which shows every case that fails.

    A client is a function of the base URL that returns an iterator, or an async iterator, of text; closing it is the
    cancel. ``xfail``: for each case that is expected to fail, its id and the reason; if it passes, that is a failure.
    ``dialect``: the client's API, by default chat completions.
    """

    def __init__(self, thread: ServerThread) -> None:
        self._thread = thread

    def check_parsing(
        self, client: Client, *, xfail: Mapping[str, str] = _NO_FAILS, dialect: str | None = None
    ) -> None:
        """Check that it yields the right text, whatever the chunks, the comments and the line ends."""
        self._check(client, "parsing", xfail, dialect)

    def check_done(self, client: Client, *, xfail: Mapping[str, str] = _NO_FAILS, dialect: str | None = None) -> None:
        """Check that it stops at ``[DONE]``, there and nowhere else."""
        self._check(client, "done", xfail, dialect)

    def check_errors(self, client: Client, *, xfail: Mapping[str, str] = _NO_FAILS, dialect: str | None = None) -> None:
        """Check that it shows errors, keeps what had come, and does not silently send the request again."""
        self._check(client, "errors", xfail, dialect)

    def check_cancellation(
        self, client: Client, *, xfail: Mapping[str, str] = _NO_FAILS, dialect: str | None = None
    ) -> None:
        """Check that closing it closes its connection, so that the model upstream stops."""
        self._check(client, "cancellation", xfail, dialect)

    def _check(self, client: Client, claim: str, xfail: Mapping[str, str], dialect: str | None) -> None:
        __tracebackhide__ = True
        from orharness.contract import Subject, failure_of, run
        from orharness.errors import ClientFailure, ScenarioError
        from orharness.verdict import Result

        given: object = client
        if not callable(given) and not isinstance(given, Subject):
            raise ScenarioError(
                f"check_{claim} takes a client: a function of the base URL that yields the text, not {given!r}"
            )

        verdicts = run(client, claims=(claim,), thread=self._thread, dialect=dialect)
        if unknown := set(xfail) - {one.case for one in verdicts}:
            raise ScenarioError(f"check_{claim}(xfail=) names {', '.join(sorted(unknown))}, which was not run")
        failure = failure_of([one for one in verdicts if one.case not in xfail])
        if failure is not None:
            raise failure
        if passed := [one.case for one in verdicts if one.case in xfail and one.result is Result.PASS]:
            raise ClientFailure(f"expected to fail, and passed: {', '.join(passed)}; take it out of xfail=")


def _served(request: pytest.FixtureRequest, options: dict[str, Any], settings: Settings | None) -> Iterator[SseServer]:
    from orharness.errors import OrharnessError

    thread: ServerThread = request.getfixturevalue("sse_thread")
    wrong: str | None = None
    in_environment = _in_environment(options, settings)
    try:
        server = _server(request.config, thread, options)
    except OrharnessError as error:
        wrong = f"@pytest.mark.sse_server: {error}"
    if wrong is not None:  # outside of the except: one sentence, and not two exceptions
        pytest.fail(wrong, pytrace=False)
    request.node.stash[_SERVER] = server
    pytest_reports.watch(request.config, server)
    try:
        _check_network(server.port)
        if settings is not None:
            pytest_cassettes.mount(request.node, settings, server)
        with _found_in_environment(server, in_environment):
            yield server
    finally:
        _note_left_open(request.node, server, server.end())
    if not request.node.stash.get(_NOT_PASSED, False):
        _verify(server, None if settings is None else pytest_cassettes.advice(settings, request.node))


def _in_environment(options: dict[str, Any], settings: Settings | None) -> bool:
    """Take ``env`` out of the server's options; returns whether it is true, or that of the cassette is."""
    given = options.pop("env", False)
    if not isinstance(given, bool):
        pytest.fail(f"@pytest.mark.sse_server: env is True or False, not {given!r}", pytrace=False)
    return given or (settings is not None and settings.env)


@contextmanager
def _found_in_environment(server: SseServer | RecordingServer, wanted: bool) -> Iterator[None]:
    """Inside, SDKs that look for their base URL and key in the environment of this process find the server."""
    from orharness.loopback import client_environment

    with pytest.MonkeyPatch.context() as patch:
        for name, value in client_environment(**server.openai).items() if wanted else ():
            patch.setenv(name, value)
        yield


def _remote(config: pytest.Config) -> str:
    return str(config.getoption("--sse-server") or config.getini("sse_server") or "")


def _server(config: pytest.Config, thread: ServerThread, options: Mapping[str, Any]) -> SseServer:
    """Return a server of this process, or a session on the one of ``--sse-server``."""
    if url := _remote(config):
        from orharness.remote import RemoteServer

        return RemoteServer(url, **options)
    from orharness.server.facade import SseServer

    return SseServer(thread, **options)


def _verify(server: SseServer, renewal: str | None) -> None:
    """Fail where the server says so. ``renewal``: the command that records the cassette of the test again."""
    from orharness.errors import ClientFailure, ScenarioError

    wrong: str | None = None
    try:
        server.verify()
    except ClientFailure as failure:
        wrong = f"sse_server is strict: {failure}"
        if renewal is not None:
            wrong += f"\nif the cassette is out of date, record it again: {renewal}"
    except ScenarioError as error:
        wrong = str(error)
    if wrong is not None:
        pytest.fail(wrong, pytrace=False)


def _recorded(request: pytest.FixtureRequest, options: dict[str, Any], settings: Settings) -> Iterator[RecordingServer]:
    """Let the test ask the service itself, by way of a recorder."""
    pytest_recordings.refuse_to_rewrite(request.node, settings)
    fresh, in_environment = pytest_recordings.fresh_file(settings), _in_environment(options, settings)
    # The recorder has read the real key by the time at which the environment holds another one.
    with pytest_recordings.recorder_of(settings, fresh) as server, _found_in_environment(server, in_environment):
        request.node.stash[_SERVER] = server
        yield server
    pytest_recordings.keep(request.node, settings, fresh, passed=not request.node.stash.get(_NOT_PASSED, False))


def _extended(request: pytest.FixtureRequest, options: dict[str, Any], settings: Settings) -> Iterator[SseServer]:
    """Replay a cassette, and let the test ask the service for what is not in it."""
    if _remote(request.config):
        pytest.fail("new_episodes needs a server in this process: leave --sse-server out", pytrace=False)
    fresh, unplayed, passed = pytest_recordings.fresh_file(settings), 0, False
    try:
        with pytest_recordings.recorder_of(settings, fresh) as recorder:
            for server in _served(request, options, settings):
                pytest_recordings.ask_what_is_new(server, recorder.origin)
                yield server
                unplayed = pytest_cassettes.unplayed(request.node)
        passed = not request.node.stash.get(_NOT_PASSED, False)
    finally:
        pytest_recordings.keep(request.node, settings, fresh, passed=passed, unplayed=unplayed)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Write what was recorded and what was left open, if anything."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    for line in (line for one in reports for line in getattr(one, "sse_recorded", ())):
        terminalreporter.write_line(f"orharness: {line}")
    left = [(one.nodeid, line) for one in reports for line in getattr(one, "sse_left_open", ())]
    if left:
        terminalreporter.write_line("orharness: " + _LEFT_OPEN_SAID.format("their tests"))
    for test, line in left:
        terminalreporter.write_line(f"  {test}: {line}")


def _marked_options(marker: pytest.Mark | None, name: str) -> dict[str, Any]:
    if marker is None:
        return {}
    if marker.args:
        pytest.fail(f"@pytest.mark.{name} takes keywords only, not {marker.args!r}", pytrace=False)
    return dict(marker.kwargs)


def _check_network(port: int) -> None:
    """Fail if pytest-recording or pytest-socket blocks loopback too; the message gives the cure."""
    import _socket
    import socket

    if socket.socket.connect is _socket.socket.connect:
        return
    try:
        # create_connection would leave its socket open if the block raises anything but an OSError
        with socket.socket() as probe:
            probe.connect(("127.0.0.1", port))
    except Exception as error:
        said = str(error)
    else:
        return
    pytest.fail(
        f"the network is blocked, and 127.0.0.1 with it ({said}): sse_server is a real server on loopback. With"
        ' pytest-recording, set @pytest.mark.block_network(allowed_hosts=["127.0.0.1", "localhost", "::1"]) or'
        " --allowed-hosts=127.0.0.1,localhost,::1",
        pytrace=False,
    )
