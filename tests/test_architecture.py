"""Imports go down only, a run that does not use the package pays nothing for it, and the public names are pinned."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import orharness
from orharness import transforms

PACKAGE = Path(orharness.__file__).parent
TESTS = Path(__file__).parent
RANKS = {
    "errors": 0,
    "about": 0,
    "lazy": 0,
    "options": 0.5,
    "sse": 0.5,
    "frames": 0.6,
    "stream": 1,
    "redaction": 1,
    "origins": 1,
    "codings": 1,
    "files": 1,
    "loopback": 1,
    "yamlfile": 1,
    "verdict": 1,
    "providers": 1,
    "gateways": 1,
    "parts": 1,
    "processes": 1,
    "transforms": 2,
    "journal": 2,
    "dialects": 3,
    "player": 3,
    "upstream": 3,
    "latency": 3,
    "cassette": 3,
    "scenario": 4,
    "checks": 4,
    "conversion": 5,
    "report": 5,
    "server": 6,
    "recording": 7,
    "intercept": 7,
    "contract": 7,
    "relay": 7,
    "mcp": 7,
    "remote": 7,
    "fixtures": 7.5,
    "pytest_cassettes": 7.5,
    "pytest_recordings": 7.6,
    "pytest_reports": 7.6,
    "client_contract": 8,
    "clients": 8,
    "pytest_plugin": 8,
    "cli": 8,
    "__init__": 9,
    "__main__": 9,
}
ROOMS_THAT_WAIT = {room for room, rank in RANKS.items() if rank > 5}
STDLIB_ONLY = {room for room, rank in RANKS.items() if rank < 5} - {"cassette", "yamlfile"}
HEAVY = ("aiohttp", "vcr", "yaml", "rich", "typer")
ALLOWED_IN = {
    "asyncio": ROOMS_THAT_WAIT,
    "threading": ROOMS_THAT_WAIT,
    "aiohttp": ROOMS_THAT_WAIT,
    "vcr": {"cassette"},
    "yaml": {"yamlfile"},
    "rich": {"report", "cli"},
    "typer": {"cli"},
}


def room_of(module: str) -> str:
    """The room of ``orharness.server.app`` is ``server``, that of ``orharness`` itself ``__init__``."""
    return module.split(".")[1] if "." in module else "__init__"


def is_module(name: str) -> bool:
    path = PACKAGE.parent.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def imported(source: str) -> Iterator[str]:
    """Every module that a source imports, wherever in it: inside functions and under TYPE_CHECKING too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import hides where it goes"
            module = node.module or ""
            inner = [f"{module}.{alias.name}" for alias in node.names]
            modules = [one for one in inner if module.partition(".")[0] == "orharness" and is_module(one)]
            yield from modules
            if len(modules) < len(inner):
                yield module


SOURCES = {
    ".".join(("orharness", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): path.read_text(
        "utf-8"
    )
    for path in sorted(PACKAGE.rglob("*.py"))
}


@cache
def imports() -> list[tuple[str, str]]:
    """Each module of the package with each that it imports. Not at the import of this one: every worker would do it."""
    return [(module, name) for module, source in SOURCES.items() for name in sorted(set(imported(source)))]


@cache
def own() -> list[tuple[str, str]]:
    return [(module, name) for module, name in imports() if name.partition(".")[0] == "orharness"]


@cache
def foreign() -> list[tuple[str, str]]:
    parted = [(module, name.partition(".")[0]) for module, name in imports()]
    return [(module, package) for module, package in parted if package != "orharness"]


def test_every_import_is_read() -> None:
    source = """
import os.path, orharness.sse as sse
from typing import TYPE_CHECKING
from orharness.dialects import chat, answer
from orharness import Reply, stream
if TYPE_CHECKING:
    from orharness.server.facade import SseServer
def later():
    import yaml
"""
    assert set(imported(source)) == {
        *("os.path", "typing", "yaml"),
        *("orharness", "orharness.sse", "orharness.stream"),
        *("orharness.dialects.chat", "orharness.dialects.answer", "orharness.server.facade"),
    }
    assert ("orharness.scenario.reply", "orharness.dialects") in own()
    assert ("orharness.pytest_plugin", "orharness.server.facade") in own()  # under TYPE_CHECKING and in a function


def test_every_module_has_its_rank() -> None:
    assert {module for module in SOURCES if room_of(module) not in RANKS} == set()


TESTS_OF_THE_WHOLE = {"architecture", "benchmarks", "calls", "ci", "order", "typing"}
FOLDERS_OF_THE_WHOLE = {"clients", "docs", "support"}  # clients of others; the documents; what the tests share


def test_the_tests_mirror_the_package() -> None:
    """A room's tests are in the folder of its name, those of a module in the file of its name."""
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    modules = {path.stem for path in PACKAGE.glob("*.py")}
    folders = {path.parent.name for path in TESTS.glob("*/*.py")}
    assert folders - rooms == FOLDERS_OF_THE_WHOLE
    assert rooms <= folders
    files = {path.stem for path in TESTS.glob("*.py")} - {"__init__", "conftest"}
    assert {name for name in files if not name.startswith("test_")} == set(), "helpers belong in tests/support"
    assert {name.removeprefix("test_") for name in files} - modules == TESTS_OF_THE_WHOLE
    assert list((TESTS / "support").rglob("test_*.py")) == []


# Rooms within rooms whose tests are with others: data, tested by what reads it; APIs, each test of which is for all of
# them; and files that are copied to a user's folder, tested by running them.
TESTED_WITH_OTHERS = {
    *("contract/catalogue/documents", "contract/catalogue/documents/framing", "contract/starters", "report/page"),
    *(f"dialects/{name}" for name in ("chat/cases", "gemini", "messages", "ollama", "responses")),
}


def test_the_tests_mirror_rooms_within_rooms() -> None:
    def within(folder: Path) -> set[str]:
        inner = {path.parent.relative_to(folder) for path in folder.glob("*/**/*.py")}
        return {path.as_posix() for path in inner if len(path.parts) > 1 and path.parts[0] not in FOLDERS_OF_THE_WHOLE}

    assert within(TESTS) == within(PACKAGE) - TESTED_WITH_OTHERS


def class_names(source: str) -> Iterator[str]:
    """The names of the classes of a module, but for those that are its own affair."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield node.name


def test_each_class_has_a_name_of_its_own() -> None:
    homes: dict[str, list[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        if path.parent.name != "starters":  # files that are copied to a user's folder
            for name in class_names(path.read_text("utf-8")):
                homes.setdefault(name, []).append(str(path.relative_to(PACKAGE)))
    assert {name: found for name, found in homes.items() if len(found) > 1} == {}


def test_imports_go_down_only_and_never_sideways() -> None:
    wrong = [
        f"{module} (rank {RANKS[here]}) imports {name} (rank {RANKS[there]})"
        for module, name in own()
        if (here := room_of(module)) != (there := room_of(name)) and RANKS[here] <= RANKS[there]
    ]
    assert wrong == []


DRIVING = "orharness.contract.driving"
OUT_OF_REACH = ("server", "scenario", "journal", "dialects", "upstream", "player")


def test_driving_a_client_knows_no_server() -> None:
    """A client is driven through its base URL alone, so the room can drive it against any other server as well."""
    reached, waiting = set(), {module for module in SOURCES if module.startswith(DRIVING)}
    assert {f"{DRIVING}.functions", f"{DRIVING}.commands", f"{DRIVING}.drivers"} <= waiting
    while waiting:
        module = waiting.pop()
        reached.add(module)
        waiting |= {name for here, name in own() if here == module and name != "orharness.contract"} - reached
    assert [name for name in sorted(reached) if room_of(name) in OUT_OF_REACH] == []
    inside = {name for name in reached if room_of(name) == "contract"}
    assert {name for name in inside if not name.startswith(DRIVING)} == set()


# The faces of the package may name a dialect; ``Reply.chat`` is one, too: a thin name for ``Reply.completion``.
FACES = ("orharness.server.facade", "orharness.server.routing", "orharness.cli", "orharness.scenario.reply")
DIALECT_FOLDERS = {path.parent.name for path in (PACKAGE / "dialects").glob("*/__init__.py")}
LOOKED_UP = {"completion", "named", "stream", "registered", "get", "_completion", "run", "chosen", "cases_in", "parse"}
LOOKED_UP_IN = {"DIALECTS"}


def dialects_named(source: str, names: set[str]) -> Iterator[str]:
    """Where a source names a dialect: its value, its folder, or its name where a dialect is looked up or passed."""

    def named(node: ast.expr) -> bool:
        return isinstance(node, ast.Constant) and node.value in names

    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.ImportFrom(module=module, names=aliases):
                values = {name.upper() for name in names}
                yield from (alias.name for alias in aliases if alias.name in values and module == "orharness.dialects")
            case ast.Call(func=ast.Attribute(attr=called) | ast.Name(id=called), args=args, keywords=keywords):
                if called in names or (called in LOOKED_UP and any(map(named, args))):
                    yield f"{called}(…)"
                yield from ("dialect=" for one in keywords if one.arg == "dialect" and named(one.value))
            case ast.Subscript(value=ast.Name(id=mapping), slice=key) if mapping in LOOKED_UP_IN and named(key):
                yield f"{mapping}[…]"
            case ast.Compare(comparators=others, left=left):
                yield from ("==" for one in (left, *others) if named(one) and "dialect" in ast.unparse(node))


def test_a_named_dialect_is_seen() -> None:
    source = """
from orharness.dialects import CHAT, DIALECTS
Reply.completion("chat", "x"), DIALECTS["chat"], DIALECTS.named("chat"), run(client, dialect="chat"), dialect == "chat"
Reply.chat("x"), Form.CHAT, {"chat": 1}, Kind("chat"), family == "chat"
"""
    seen = list(dialects_named(source, {"chat"}))
    assert sorted(seen) == ["==", "CHAT", "DIALECTS[…]", "chat(…)", "completion(…)", "dialect=", "named(…)"]


@pytest.mark.slow
def test_no_room_but_the_faces_names_a_dialect() -> None:
    """Rooms are given a dialect or look one up, so that a further API touches its own folder only."""
    outside = {
        module: source
        for module, source in SOURCES.items()
        if not module.startswith(FACES) and room_of(module) != "dialects"
    }
    assert "chat" in DIALECT_FOLDERS
    wrong = [
        f"{module}: {one}" for module, source in outside.items() for one in dialects_named(source, DIALECT_FOLDERS)
    ]
    folders = tuple(f"orharness.dialects.{name}" for name in DIALECT_FOLDERS)
    wrong += [f"{here}: {name}" for here, name in own() if here in outside and name.startswith(folders)]
    assert wrong == []
    assert list(dialects_named(SOURCES["orharness.server.routing"], DIALECT_FOLDERS)) == ["_completion(…)"] * 5


def test_what_is_imported_where() -> None:
    wrong = [
        f"{module} imports {name}"
        for module, name in foreign()
        if name in ALLOWED_IN and room_of(module) not in ALLOWED_IN[name]
    ]
    assert wrong == []


def test_the_core_needs_the_standard_library_only() -> None:
    wrong = [
        f"{module} imports {name}"
        for module, name in foreign()
        if room_of(module) in STDLIB_ONLY and name not in sys.stdlib_module_names
    ]
    assert wrong == []


def test_errors_imports_nothing() -> None:
    assert [name for module, name in imports() if module == "orharness.errors"] == ["__future__"]


# -- what a run pays -----------------------------------------------------------------------------------------------


def run_python(*arguments: str, cwd: Path | None = None, **environment: str) -> str:
    """What the interpreter prints, every warning an error."""
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("module", ["orharness", "orharness.pytest_plugin"])
def test_an_import_costs_nothing_heavy(module: str) -> None:
    script = f"import sys, {module}; print(*(name for name in {HEAVY} if name in sys.modules))"
    assert run_python("-c", script).split() == []


SERVED_WITHOUT = {
    *("typer", "click", "pydantic", "rich", "vcr", "yaml", "jsonschema"),
    *("orharness.checks", "orharness.cli.app", "orharness.contract", "orharness.latency", "orharness.report.text"),
    *("orharness.dialects.gemini", "orharness.dialects.messages", "orharness.dialects.responses"),
    *("orharness.scenario.document", "orharness.scenario.playback"),
    *("orharness.server.control.verbs", "orharness.server.siblings", "orharness.server.verifying"),
}


@pytest.mark.slow
def test_a_served_text_waits_for_nothing_that_only_something_else_needs() -> None:
    """A whole start, up to the end of the first answer. vcrpy alone imports every HTTP library that is installed."""
    script = f"""
import sys
from http.client import HTTPConnection
from urllib.parse import urlsplit
from orharness.cli import main, running

def ask(base_url):
    connection = HTTPConnection(urlsplit(base_url).netloc)
    connection.request("POST", "/v1/chat/completions", '{{"model": "m", "stream": true, "messages": []}}')
    answer = connection.getresponse().read()
    print("hi" in answer.decode(), sorted({SERVED_WITHOUT!r}.intersection(sys.modules)))
    sys.exit()

running.announce = ask
sys.argv = ["orharness", "serve", "--text", "hi", "--port", "0"]
main()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert (done.stdout, done.stderr) == ("True []\n", "")


@pytest.mark.slow
def test_what_a_server_says_in_a_pipe_needs_no_rich() -> None:
    script = "import sys, orharness.cli.served; print('rich' in sys.modules, 'orharness.checks' in sys.modules)"
    assert run_python("-c", script) == "False False\n"


DRIVEN_WITHOUT = ("aiohttp", "orharness.server", "orharness.dialects", "orharness.contract.catalogue")


@pytest.mark.slow
def test_a_client_in_a_process_of_its_own_loads_no_cases_and_no_server() -> None:
    """Each trial of liveness is such a process; what they loaded was most of the CPU time of the family."""
    script = f"import sys, {DRIVING}.host; print(*(name for name in {DRIVEN_WITHOUT} if name in sys.modules))"
    assert run_python("-c", script).split() == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "orharness.SseServer",
        "orharness.contract.run",
        "orharness.contract.running.worker.NamedFunction",
        "orharness.cli.check.check_client",
    ],
)
def test_vcrpy_is_loaded_where_a_cassette_is(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    script = f"import sys; from {module} import {attribute}; print('aiohttp' in sys.modules, 'vcr' in sys.modules)"
    assert run_python("-c", script).split() == ["True", "False"]


@pytest.mark.parametrize("name", ["Interaction", "RecordedRequest", "header", "scrub", "CLIENT_DISCONNECTED"])
def test_an_interaction_needs_nothing_heavy(name: str) -> None:
    script = (
        f"import sys; from orharness.cassette import {name}; print(*(one for one in {HEAVY} if one in sys.modules))"
    )
    assert run_python("-c", script).split() == []


def test_a_recorder_in_another_process_needs_nothing_heavy_in_this_one() -> None:
    script = "import sys; from orharness.recording import RecordingServer; print(*sys.modules)"
    assert set(HEAVY).isdisjoint(run_python("-c", script).split())


@pytest.mark.slow
def test_a_pytest_run_that_does_not_use_the_plugin_pays_nothing(tmp_path: Path) -> None:
    # What is loaded is written down when pytest itself has ended, so that nothing of its run is missed.
    (tmp_path / "test_other.py").write_text("def test_other(tmp_path): assert tmp_path.exists()\n", "utf-8")
    script = f"""
import sys, pytest
code = pytest.main(["-q", "-p", "no:cacheprovider", "-p", "orharness.pytest_plugin"])
assert "orharness.pytest_plugin" in sys.modules
print("heavy:", *(name for name in {HEAVY} if name in sys.modules))
sys.exit(code)
"""
    # Other plugins of this environment import vcr themselves.
    said = run_python("-c", script, cwd=tmp_path, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1", PYTEST_ADDOPTS="")
    assert "1 passed" in said
    assert said.splitlines()[-1].split() == ["heavy:"]


WITHOUT_LINUX = """
import os, socket
for module, names in {socket: ["AF_NETLINK", "AF_UNIX"], os: ["fork", "register_at_fork", "timerfd_create"]}.items():
    for name in names:
        if hasattr(module, name):
            delattr(module, name)
"""


@pytest.mark.slow
def test_every_module_can_be_imported_without_what_only_linux_has() -> None:
    modules = [module for module in SOURCES if module != "orharness.__main__"]
    run_python("-c", f"{WITHOUT_LINUX}\nimport importlib\nfor name in {modules}: importlib.import_module(name)")


@pytest.mark.slow
def test_without_netlink_a_server_works_and_says_that_it_is_blind() -> None:
    # AF_UNIX stays: asyncio's loop on Linux needs it.
    script = """
import socket
if hasattr(socket, "AF_NETLINK"):
    del socket.AF_NETLINK
from http.client import HTTPConnection
from orharness.server.facade import SseServer
with SseServer() as server:
    reply = server.chat("two words")
    client = HTTPConnection("127.0.0.1", server.port, timeout=30)
    client.request("POST", "/v1/chat/completions", '{"stream": true}')
    print(client.getresponse().read().count(b"data: "))
    client.close()
    reply.call.wait_ended(30)
    exchange = reply.call.exchange
    print(exchange.outcome, exchange.bytes_read, exchange.boundaries.proven, exchange.boundaries.assumed)
    print(exchange.finished, exchange.certainty.outcome, reply.call.finished)
"""
    said = [
        "5",
        "completed None 0 5",
        "None unknown True",
    ]  # the call counts what was delivered: nothing better is to be had
    assert run_python("-c", script).splitlines() == said


# -- the public names ----------------------------------------------------------------------------------------------

PUBLIC = [
    "Call",
    "CassetteError",
    "Certainty",
    "Chunk",
    "ClientContract",
    "ClientFailure",
    "Comment",
    "Decoder",
    "Edit",
    "Ending",
    "Event",
    "Exchange",
    "Failure",
    "Finish",
    "Framing",
    "How",
    "LiveRoute",
    "MakeSseProcess",
    "MakeSseServer",
    "OrharnessError",
    "Outcome",
    "Pacing",
    "Provider",
    "Reasoning",
    "Refusal",
    "RelayClient",
    "Reply",
    "Request",
    "Retry",
    "ScenarioError",
    "SseContract",
    "SseProcess",
    "SseRelayClient",
    "SseServer",
    "Stream",
    "Text",
    "ToolCall",
    "UpstreamError",
    "Usage",
    "after_event",
    "after_text",
    "append",
    "blank_lines",
    "bom",
    "boundary",
    "coalesce",
    "comments",
    "compose",
    "corrupt",
    "cut_at",
    "drop",
    "edit",
    "encode",
    "extra_fields",
    "fault",
    "first_chunk",
    "hang",
    "heartbeat",
    "hold",
    "inside_event",
    "inside_text",
    "invalid_utf8",
    "jitter",
    "newlines",
    "pace",
    "per_byte",
    "per_event",
    "random_chunks",
    "rechunk",
    "repartition",
    "repeat",
    "rewrite",
    "scale",
    "split_at",
    "stall",
    "timing",
    "truncate",
]


def test_the_public_names_are_pinned() -> None:
    assert orharness.__all__ == PUBLIC


def test_each_transform_is_public() -> None:
    types = {"Composed", "Family", "Marker", "Place", "Position", "Step"}
    functions = {"from_json", "item_from_json", "item_to_json", "json_schema", "step_to_json"}
    assert set(transforms.__all__) - types - functions <= set(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_each_public_name_can_be_got(name: str) -> None:
    assert getattr(orharness, name).__name__ == name
    assert name in dir(orharness)


def test_the_types_that_a_checker_sees_are_those_that_are_got() -> None:
    """The names under TYPE_CHECKING in ``__init__``, with their modules, and those looked up at run time."""
    seen = {
        (node.module, alias.name, alias.asname)
        for block in ast.walk(ast.parse(SOURCES["orharness"]))
        if isinstance(block, ast.If) and isinstance(block.test, ast.Name) and block.test.id == "TYPE_CHECKING"
        for node in ast.walk(block)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    homes = orharness._HOMES.items()
    assert seen == {(f"orharness.{home}", name, name) for home, names in homes for name in names.split()}
    assert sorted(name for _, name, _ in seen) == orharness.__all__
    assert all(hasattr(orharness, name) for name in orharness.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'orharness' has no attribute 'Repyl'"):
        _ = orharness.Repyl
    with pytest.raises(ImportError):
        exec("from orharness import Repyl")
