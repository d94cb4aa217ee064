"""The pytest plugin: fixtures, markers and options. Each name starts with ``sse``, except the two ``make_sse_…``.

pytest loads this module in every run of an environment where orharness is installed. So it imports nothing that slows
down a run without these fixtures: the rest is imported inside the fixtures.
"""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from hashlib import blake2b
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Unpack

import pytest

if TYPE_CHECKING:
    from orharness.contract import Client
    from orharness.fixtures import MakeSseProcess, MakeSseServer, SseRelayClient
    from orharness.relay.browser import BrowserOptions, RelayClient
    from orharness.relay.process import ProcessOptions, SseProcess
    from orharness.server.facade import ServerOptions, SseServer
    from orharness.server.thread import ServerThread

RECORD_MODES = ("none", "once", "all")
LEAKS = ("report", "error", "ignore")  # as orharness.server.facade.Leaks, which imports too much for this module
_NOT_PASSED = pytest.StashKey[bool]()
_SERVER = pytest.StashKey["SseServer"]()
_SERVERS = pytest.StashKey[list["SseServer"]]()  # of the run: servers made by make_sse_server
# of a test: what to do about what it left open, and a line about it
_LEFT_OPEN = pytest.StashKey[list[tuple[str, str]]]()
_RECORDED = pytest.StashKey[list[str]]()
_BROWSERS = pytest.StashKey[list["RelayClient"]]()
_PROCESSES = pytest.StashKey[list["SseProcess"]]()
_PRINTED = pytest.StashKey[dict[int, int]]()  # characters printed before the test by each process, by id
# The stash of a test outlives a rerun.
_OF_AN_ATTEMPT: tuple[pytest.StashKey[Any], ...] = (_NOT_PASSED, _SERVER, _LEFT_OPEN, _BROWSERS, _PRINTED)
_OPTIONS_KEY = "sse_server"
_CASSETTE_KEY = "sse_cassette"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the command-line options."""
    group = parser.getgroup("orharness", "orharness: streaming LLM clients")
    group.addoption(
        "--sse-record-mode",
        choices=RECORD_MODES,
        default="none",
        help="none: only replay (default); once: record the cassettes that do not exist; all: record each anew",
    )
    group.addoption("--sse-upstream", metavar="URL", help="the API to record from, e.g. https://llm.onerouter.pro/v1")
    group.addoption(
        "--sse-key-env",
        metavar="NAME",
        default="OPENAI_API_KEY",
        help="the environment variable with the key that the recorder sends upstream (default: %(default)s)",
    )
    group.addoption(
        "--sse-server",
        metavar="URL",
        help="use the server that runs at this address (orharness serve), by its control verbs, in place of one in this"
        " process; each test has a session of its own there",
    )
    group.addoption(
        "--sse-leaks",
        choices=LEAKS,
        default="report",
        help="what becomes of an answer that a test leaves open: a line at the end of the run (report, the default), an"
        " error at the test's teardown, or nothing (ignore); sse_server(leaks=…) and make_sse_server(leaks=…) go first",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Add the markers."""
    config.addinivalue_line(
        "markers",
        "sse_server(**options): options of the test's sse_server (gateway, pacing, strict, leaks, through, …);"
        " env=True: the SDKs find it in the environment of this process, for apps that run in it",
    )
    config.addinivalue_line(
        "markers",
        "sse_cassette(path=None, *, through=(), pacing=None, provider=None, pace=None, price=…): what sse_server"
        " replays, or records with --sse-record-mode; by default cassettes/<module>/<test>.yaml beside the test",
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember whether the test has failed or skipped itself: then its teardown adds nothing."""
    report = yield
    item.stash[_NOT_PASSED] = item.stash.get(_NOT_PASSED, False) or not report.passed
    server = item.stash.get(_SERVER, None)
    if report.failed and report.when == "call" and server is not None and (seen := server.account()):
        report.sections.append(("what sse_server saw", seen))
    if report.failed:
        report.sections.extend(_relay_sections(item))
    if report.when == "teardown":  # on the report, because xdist carries that to where the summary is written
        vars(report)["sse_left_open"] = [line for told, line in item.stash.get(_LEFT_OPEN, []) if told == "report"]
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
    marked = item.get_closest_marker(_CASSETTE_KEY) is not None
    if marked and "sse_server" not in getattr(item, "fixturenames", ()):
        pytest.fail("@pytest.mark.sse_cassette is played by the fixture sse_server: take it as argument", pytrace=False)
    running = item.config.stash.get(_PROCESSES, [])
    item.stash[_PRINTED] = {id(process): len(process.output) for process in running}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """Report what a test left open on shared servers, once its own fixtures have ended."""
    try:
        yield
    finally:
        for server in item.config.stash.get(_SERVERS, []):
            _note_left_open(item, server)
    wrong = [line for told, line in item.stash.get(_LEFT_OPEN, []) if told == "error"]
    if wrong:
        pytest.fail("\n  ".join([_LEFT_OPEN_SAID.format("this test"), *wrong]), pytrace=False)


_LEFT_OPEN_SAID = (
    "connections left open by {}: the client has neither read the answer to its end nor left it; close the stream with"
    " `with`, `async with` or close()"
)


def _note_left_open(item: pytest.Item, server: SseServer) -> None:
    """Note an open answer. Adds nothing to a test that did not pass: its streams are open because it was cut short."""
    left = server.take_left_open()
    if not item.stash.get(_NOT_PASSED, False):
        told = str(server.leaks or item.config.getoption("--sse-leaks"))
        item.stash.setdefault(_LEFT_OPEN, []).extend((told, line) for line in left)


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
def sse_server(request: pytest.FixtureRequest) -> Iterator[SseServer]:
    """A server of the test's own; strict: see ``SseServer.verify``."""
    marker = request.node.get_closest_marker(_CASSETTE_KEY)
    options = _marked_options(request.node.get_closest_marker(_OPTIONS_KEY), _OPTIONS_KEY)
    if marker is None:
        yield from _served(request, options, None, {})
        return
    path, played = cassette_of(request.node, marker)
    if _is_to_be_recorded(request.config, path):
        yield from _recorded(request, path)
    else:
        yield from _served(request, options, path, played)


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


def _served(
    request: pytest.FixtureRequest, options: dict[str, Any], cassette: Path | None, played: dict[str, Any]
) -> Iterator[SseServer]:
    from orharness.errors import OrharnessError

    thread: ServerThread = request.getfixturevalue("sse_thread")
    wrong: str | None = None
    in_environment = options.pop("env", False)
    if not isinstance(in_environment, bool):
        pytest.fail(f"@pytest.mark.sse_server: env is True or False, not {in_environment!r}", pytrace=False)
    try:
        server = _server(request.config, thread, options)
    except OrharnessError as error:
        wrong = f"@pytest.mark.sse_server: {error}"
    if wrong is not None:  # outside of the except: one sentence, and not two exceptions
        pytest.fail(wrong, pytrace=False)
    request.node.stash[_SERVER] = server
    try:
        _check_network(server.port)
        if cassette is not None:
            try:
                server.cassette(cassette, **played)
            except OrharnessError as error:
                wrong = _with_advice(error, cassette)
            if wrong is not None:
                pytest.fail(wrong, pytrace=False)
        with _environment_of(server) if in_environment else nullcontext():
            yield server
    finally:
        _note_left_open(request.node, server)
        server.close()
    if not request.node.stash.get(_NOT_PASSED, False):
        _verify(server)


@contextmanager
def _environment_of(server: SseServer) -> Iterator[None]:
    """Inside, SDKs that look for their base URL and key in the environment of this process find the server."""
    from orharness.loopback import client_environment

    with pytest.MonkeyPatch.context() as patch:
        for name, value in client_environment(**server.openai).items():
            patch.setenv(name, value)
        yield


def _server(config: pytest.Config, thread: ServerThread, options: Mapping[str, Any]) -> SseServer:
    """Return a server of this process, or a session on the one of ``--sse-server``."""
    if url := config.getoption("--sse-server"):
        from orharness.remote import RemoteServer

        return RemoteServer(url, **options)
    from orharness.server.facade import SseServer

    return SseServer(thread, **options)


def _verify(server: SseServer) -> None:
    from orharness.errors import ClientFailure, ScenarioError

    wrong: str | None = None
    try:
        server.verify()
    except ClientFailure as failure:
        wrong = f"sse_server is strict: {failure}"
    except ScenarioError as error:
        wrong = str(error)
    if wrong is not None:
        pytest.fail(wrong, pytrace=False)


def _recorded(request: pytest.FixtureRequest, path: Path) -> Iterator[Any]:
    from orharness.recording.process import RecordingServer

    upstream = request.config.getoption("--sse-upstream")
    if not upstream:
        pytest.fail("recording needs --sse-upstream=URL, e.g. https://llm.onerouter.pro/v1", pytrace=False)
    fresh = path.with_name(f"{path.stem}.new.yaml")
    with RecordingServer(upstream, fresh, key_env=request.config.getoption("--sse-key-env")) as server:
        yield server
    _keep(request, fresh, path)


def _keep(request: pytest.FixtureRequest, fresh: Path, path: Path) -> None:
    """Replay only the recording of a test that passed; any other is kept beside it, for inspection."""
    recorded = request.config.stash.setdefault(_RECORDED, [])
    if not fresh.exists():
        recorded.append(f"nothing was recorded for {path}: the test got no answer")
    elif request.node.stash.get(_NOT_PASSED, False):
        fresh.replace(path.with_name(f"{path.stem}.failed.yaml"))
        recorded.append(f"the test did not pass: its recording is kept as {path.with_name(f'{path.stem}.failed.yaml')}")
    else:
        fresh.replace(path)
        recorded.append(f"recorded {path}")


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Write what was recorded and what was left open, if anything."""
    for line in config.stash.get(_RECORDED, []):
        terminalreporter.write_line(f"orharness: {line}")
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    left = [(one.nodeid, line) for one in reports for line in getattr(one, "sse_left_open", ())]
    if left:
        terminalreporter.write_line("orharness: " + _LEFT_OPEN_SAID.format("their tests"))
    for test, line in left:
        terminalreporter.write_line(f"  {test}: {line}")


def _is_to_be_recorded(config: pytest.Config, path: Path) -> bool:
    mode = config.getoption("--sse-record-mode")
    return mode == "all" or (mode == "once" and not path.exists())


def _marked_options(marker: pytest.Mark | None, name: str) -> dict[str, Any]:
    if marker is None:
        return {}
    if marker.args:
        pytest.fail(f"@pytest.mark.{name} takes keywords only, not {marker.args!r}", pytrace=False)
    return dict(marker.kwargs)


def cassette_of(item: pytest.Item, marker: pytest.Mark) -> tuple[Path, dict[str, Any]]:
    """Return the file of a marked test and the marker's options. The name contains the test's class."""
    options = dict(marker.kwargs)
    given = [*marker.args, *([options.pop("path")] if "path" in options else [])]
    unknown = [name for name in options if name not in _CASSETTE_OPTIONS]
    if len(given) > 1 or unknown or not all(isinstance(one, str | os.PathLike) for one in given):
        pytest.fail(_wrong_marker(unknown[:1]), pytrace=False)
    test = item.nodeid.partition("::")[2] or item.name
    name = f"{cassette_name(test, unique=not _has_a_twin(item))}.yaml"
    chosen = Path(given[0]) if given else Path("cassettes") / item.path.stem / name
    return item.path.parent / chosen, options


_CASSETTE_OPTIONS = ("through", "pacing", "provider", "pace", "price")


def _wrong_marker(unknown: Sequence[str]) -> str:
    from orharness.verdict import did_you_mean

    takes = "@pytest.mark.sse_cassette takes a path, through=, pacing=, provider=, pace= and price="
    wrong = "".join(f", not {name}={did_you_mean([name], [*_CASSETTE_OPTIONS, 'path'])}" for name in unknown)
    return takes + wrong


_PUNCTUATION = r"\-.,;=+@#$%&'(){}\[\]^!`"  # characters that every file system accepts in a name
_SIMPLE = re.compile(rf"[A-Za-z0-9_]+(?:::[A-Za-z0-9_]+)*(?:\[[a-z0-9_{_PUNCTUATION}]*\])?")
_REPLACED = re.compile(rf"[^\w~{_PUNCTUATION}]")
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\.|$)", re.I)  # names that Windows refuses
_LONGEST = 120  # bytes: most file systems allow 255, and the recorder adds to both ends of the name


def cassette_name(test: str, *, unique: bool = True) -> str:
    """Return the name of a test's cassette without suffix, different for each test even where case does not count.

    ``test`` is what follows the file in the test's id. A simple id is its own name, with ``.`` for ``::``. Any other,
    such as one with capitals in its parameters, has a hash of the id after a ``~``, which no simple id contains.
    ``unique``: whether no test of the file has an id that differs only in the case of its class or function.
    """
    path, bracket, parameters = test.partition("[")
    name = f"{path.replace('::', '.')}{bracket}{parameters}"
    if unique and _SIMPLE.fullmatch(test) and len(name) <= _LONGEST and not _DEVICE.match(name):
        return name
    readable = _REPLACED.sub("-", name).encode()[:_LONGEST].decode("utf-8", "ignore")
    digest = blake2b(test.encode("utf-8", "surrogatepass"), digest_size=5).hexdigest()
    return f"{'_' if _DEVICE.match(readable) else ''}{readable}~{digest}"


def _has_a_twin(item: pytest.Item) -> bool:
    """Return whether the file has another class or function whose name differs only in case."""
    nodes = [node for node in item.listchain() if isinstance(node, pytest.Class | pytest.Function)]
    names = [(getattr(node, "originalname", node.name), dir(getattr(node.parent, "obj", None))) for node in nodes]
    return any(other != name and other.lower() == name.lower() for name, others in names for other in others)


def _with_advice(error: Exception, cassette: Path | None) -> str:
    if cassette is None or cassette.exists():
        return str(error)
    return f"{error}\nrecord it: pytest {_RECORD_OPTIONS}"


_RECORD_OPTIONS = "--sse-record-mode=once --sse-upstream=https://llm.onerouter.pro/v1"


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
