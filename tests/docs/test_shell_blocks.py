"""The blocks ``sh`` of the documents are run as they are printed, in a folder with the files that their page supposes.

Each command must end with the exit code that its page says: 0, unless ``CODES`` has another one. One that serves is
asked, interrupted by Ctrl-C, and must end with 0. ``PUT_IN`` is all that is changed of a command. ``NOT_RUN`` is what
is not run, with the reasons. Tutorials are run by ``test_tutorials.py``.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from orharness.cassette import load
from orharness.cli.convert import ConvertOptions, convert_file
from orharness.dialects import GEMINI, MESSAGES
from orharness.server.facade import SseServer
from tests.docs.test_blocks import TEXTS, kinds
from tests.docs.test_readme import PAGES, TUTORIALS, _blocks, _write_files
from tests.support.correct_clients import correct
from tests.support.dialect_clients import client_of, gemini, messages
from tests.support.page_files import FILES, TEXT, supposed
from tests.support.places import ROOT, SUPPORT
from tests.support.raw import eventually
from tests.support.shell import Serving, Shell, environment
from tests.support.tls_upstream import tls_upstream

KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "ONEROUTER_API_KEY")

# What a document names, and what is there in its place.
PUT_IN = {
    r"https://(llm\.onerouter\.pro|api\.openai\.com)/v1": "{service}/v1",
    r"https://(api\.anthropic|generativelanguage\.googleapis)\.com": "{service}",
    r"\b(8080|8181)\b": "{port}",
    r"\b9100\b": "{metrics}",
    r"PATH-OF-THE-CLONE": str(ROOT),
    r"(--record .*--intercept \S+)": r"\1 --resolve {host} --ca {ca}",
    r"within=0\.25": "within=20",  # a machine that runs many tests may be busy
    r"my_client\.py(:stream --dialect ollama)": r"ollama_client.py\1",
    # The whole contract takes half a minute; a command is started anew for each stream of it.
    r"(orharness check (?!.*--(?:only|list|new-driver)).*?(?:--driver '.*?'|:stream))": r"\1 --quick",
    r"(orharness check --command '.*?')": r"\1 --only framing/lf",
}

# The commands that are not run here, each found in some block, and why.
_INSTALLS = "it installs packages: `.ci/fast` and `.ci/run` do that in fresh environments, with what follows"
_SUITE = "it is this suite, or runs what it is made of: `.ci/fast` runs it"
NOT_RUN = {
    r"(python -m )?pip install [^&]*": _INSTALLS,
    r"python -m pip install [^&]* && (orharness demo|python -m pytest -n .*)": _INSTALLS,
    r"python -m venv .*": _INSTALLS,
    r"python -m pip install pre-commit && pre-commit install": "it changes the hooks of the clone",
    r"python -m pytest -n .*": _SUITE,
    r"ruff check .*": _SUITE,
    r"docker .*": "there is no Docker in CI: test_container.py runs what the image runs",
    r"locust .*": "Locust is not among the packages of the tests; it was run by hand",
    r"python -m benchmarks\.(limit|cancellation)( .*)?": "it takes minutes, and measures: its options are read",
}

INSTALLS = r"\bpip install\b|\bnpm install (?!--save-dev PATH-OF-THE-CLONE)"  # never run, whatever the tables say

CODES = {"pytest --sse-report=reports --junitxml=junit.xml": 1}  # with a test that fails


def commands(block: str) -> Iterator[str]:
    """Each command of a block, whole where it goes on over several lines, without a comment at its end."""
    begun = ""
    for line in block.splitlines(keepends=True):
        begun += line
        if _is_whole(begun):
            if command := _uncommented(begun).strip():
                yield command
            begun = ""
    assert not begun, block


def _is_whole(command: str) -> bool:
    try:
        shlex.split(command, comments=True)
    except ValueError:  # a quotation is open
        return False
    return not command.endswith("\\\n")


def _uncommented(command: str) -> str:
    ends = [one.start() for one in re.finditer(r"(^|\s)#", command) if _is_whole(command[: one.start()])]
    return command[: min(ends, default=None)]


def reason(command: str) -> str | None:
    """Why a command is not run here."""
    found = [why for pattern, why in NOT_RUN.items() if re.fullmatch(pattern, command, re.S)]
    assert len(found) < 2, command
    return found[0] if found else None


BLOCKS: dict[str, tuple[str, str]] = {}  # by an id: the page, and the block; what two pages have is run for the first
for page, text in TEXTS.items():
    for number, block in enumerate(_blocks("sh", text), 1):
        if page not in TUTORIALS and block not in [one for _, one in BLOCKS.values()]:
            BLOCKS[f"{page}-{number}"] = (page, block)
RUN = {name: block for name, block in BLOCKS.items() if not all(map(reason, commands(block[1])))}


@dataclass
class Place:
    """Where a block is run: its folder, the service that its page names, and its ports."""

    folder: Path
    service: SseServer
    ports: tuple[int, int]

    def ask(self, base_url: str, read: Callable[[str], Iterator[Any]] = correct) -> str:
        return "".join(read(base_url))


# What a command leaves behind, and what it prints.
LEAVES = {
    "> answer.txt": "answer.txt",
    "--new-driver node": "driver.mjs",
    "--output report.html": "report.html",
    "--output report.xml": "report.xml",
    "--output orharness.xml": "orharness.xml",
    "--record answers.yaml": "answers.yaml",
    "--save-dev": "my-project/node_modules/orharness/index.mjs",
    "--sse-record-mode": "cassettes/test_answer/test_answer.yaml",
    "--sse-report=reports": "reports/**/*.html",
    "--junitxml=junit.xml": "junit.xml",
    "--update-baseline": "known.json",
    "cases export": "cases/framing/lf.json",
    "cassette convert": "answer.yaml",
}
PRINTS = {
    "-- python app.py": "Grüße",
    "-- npm test": TEXT,
    "check --list": r"^framing/lf\b",
    "for=held": "held at a gate",
    "for=left": "^True$",
    "for=upstream": "cancelled",
    "-X DELETE": "^True$",
    "relay-check": r"cases? hold",
    "--only mine": "✓ the one case holds",
}

Asked = Iterator[None]  # a function that asks what serves, and, after its end, looks at what is left


def _serves_a_case(here: Place, base_url: str) -> Asked:
    assert here.ask(base_url) == "abab"
    yield


def _serves_a_recording(here: Place, base_url: str) -> Asked:
    assert here.ask(base_url) == "Grüße"
    yield


def _serves_a_model(here: Place, base_url: str) -> Asked:
    assert base_url == f"http://127.0.0.1:{here.ports[0]}/v1"
    assert here.ask(base_url)
    yield


def _serves_with_metrics(here: Place, base_url: str) -> Asked:
    assert here.ask(base_url) == TEXT

    def counted() -> bool:
        with urlopen(f"http://127.0.0.1:{here.ports[1]}/metrics") as answer:
            return b'orharness_tokens_total{what="made"} 4.0' in answer.read()

    eventually(counted)
    yield


def _records_three_services(here: Place, base_url: str) -> Asked:
    origin = base_url.removesuffix("/v1")
    assert here.ask(base_url) == TEXT
    assert here.ask(origin, client_of(MESSAGES, messages)) == TEXT
    assert here.ask(origin, client_of(GEMINI, gemini)) == TEXT
    sent = [str(call.request.headers) for call in here.service.journal]
    assert [name for name, headers in zip(KEYS, sent, strict=False) if key_of(name) in headers] == list(KEYS[:3])
    yield
    assert [one.stream.body != b"" for one in load(here.folder / "three.yaml")] == [True] * 3


def _records_with_filters(here: Place, base_url: str) -> Asked:
    assert here.ask(base_url) == TEXT
    yield
    [one] = load(here.folder / "answer.yaml")
    assert json.loads(one.request.body).keys() == {"model", "stream"}


SERVED = {
    "orharness record --to three.yaml": _records_three_services,
    "orharness record .*--filters": _records_with_filters,
    "orharness serve --case": _serves_a_case,
    "orharness serve --model": _serves_a_model,
    "orharness serve --port 8181": _serves_a_model,
    "orharness serve --workers": _serves_with_metrics,
    "orharness serve session.har": _serves_a_recording,
}


def key_of(name: str) -> str:
    return f"sk-{name.lower().replace('_', '-')}-of-a-test"


def _free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]


def _prepare(page: str, block: str, here: Place) -> None:
    """Write the files that the page shows, and those that it supposes."""
    _write_files(TEXTS[page], here.folder)
    for name, text in supposed(page, block).items():
        file = here.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    if "tests/cassettes/answer.yaml" in block:
        _record(here.service, here.folder / "tests" / "cassettes")
    jq = here.folder / "bin" / "jq"
    jq.parent.mkdir()
    jq.write_text(JQ, "utf-8")
    jq.chmod(0o755)


def _record(service: SseServer, folder: Path) -> None:
    """Make a cassette of an answer, with no times, which differ on a busy machine."""
    folder.mkdir(parents=True)
    asked = {"model": "m", "messages": [], "stream": True}
    body, answer = folder / "body.json", folder / "answer.sse"
    body.write_text(json.dumps(asked), "utf-8")
    url = f"{service.base_url}/chat/completions"
    with urlopen(Request(url, body.read_bytes(), {"Content-Type": "application/json"})) as response:
        answer.write_bytes(response.read())
    convert_file(ConvertOptions(answer, folder / "answer.yaml", url=url, body=body))


JQ = f"""#!{sys.executable}
import json, sys
print(json.load(sys.stdin)[sys.argv[-1].removeprefix(".")])
"""


def _needs(block: str) -> None:
    """Skip a block for whose program there is none here."""
    for program in ("curl", "go", "node", "npm"):
        if re.search(rf"(^|[ '(]){program} ", block, re.M) and shutil.which(program) is None:
            pytest.skip(f"there is no {program} here")


def _found(table: Mapping[str, Any], command: str) -> list[Any]:
    return [value for pattern, value in table.items() if re.search(pattern, command, re.S)]


def _put_in(command: str, **values: object) -> str:
    for pattern, here in PUT_IN.items():
        command = re.sub(pattern, here, command, flags=re.S)
    return re.sub(r"\{(service|port|metrics|host|ca)\}", lambda one: str(values[one[1]]), command)


@pytest.mark.slow
@pytest.mark.parametrize("name", RUN)
def test_a_block_does_what_its_page_says(name: str, tmp_path: Path, make_sse_server: Callable[..., SseServer]) -> None:
    page, block = RUN[name]
    _needs(block)
    here = Place(tmp_path, make_sse_server(strict=False), _free_ports())
    here.service.answer(TEXT)
    _prepare(page, block, here)
    env = environment(PYTHONPATH=str(ROOT), npm_config_offline="true", npm_config_audit="false")
    env |= {name: key_of(name) for name in KEYS}
    env["PATH"] = os.pathsep.join((str(tmp_path / "bin"), env["PATH"]))
    with ExitStack() as ended:
        upstream = ended.enter_context(tls_upstream(tmp_path, "llm.onerouter.pro"))
        shell = Shell(tmp_path, env)
        ended.callback(shell.close)
        for command in commands(block):
            if reason(command):
                continue
            assert not re.search(INSTALLS, command), f"it would install packages here: name it in NOT_RUN: {command}"
            typed = _put_in(
                command,
                service=here.service.origin,
                port=here.ports[0],
                metrics=here.ports[1],
                host=upstream.resolve,
                ca=upstream.ca,
            )
            if re.match("orharness (serve|record) ", command):
                ended.enter_context(_serving(command, typed, here, env))
            else:
                code, printed = shell.type(typed)
                assert code == CODES.get(command, 0), f"{typed}\n{printed}"
                for file in _found(LEAVES, command):  # a command in the background may still have to make it
                    eventually(partial(_is_there, tmp_path, file))
                for shown in _found(PRINTS, command):
                    assert re.search(shown, printed, re.M), f"{typed}\n{printed}"


def _is_there(folder: Path, file: str) -> bool:
    return any(folder.glob(file))


@contextmanager
def _serving(command: str, typed: str, here: Place, env: Mapping[str, str]) -> Iterator[None]:
    """Ask what serves; in the end press Ctrl-C."""
    [ask] = _found(SERVED, command)
    serving = Serving(typed, here.folder, env)
    asked = ask(here, serving.base_url)
    try:
        next(asked)
        yield
    finally:
        code, said = serving.interrupt()
    assert code == 0, said
    assert "Traceback" not in said, said
    assert list(asked) == []


def test_the_tables_name_what_is_in_the_documents() -> None:
    """What no block has any more is taken out of its table."""
    every = {command for _, block in BLOCKS.values() for command in commands(block)}
    run = {command for command in every if reason(command) is None}
    assert [pattern for pattern in NOT_RUN if not any(re.fullmatch(pattern, one, re.S) for one in every)] == []
    for table in (PUT_IN, LEAVES, PRINTS, SERVED):
        assert [pattern for pattern in table if not any(re.search(pattern, one, re.S) for one in run)] == []
    assert CODES.keys() - run == set()
    assert FILES.keys() - {page for page, _ in RUN.values()} == set()


def test_each_block_is_read_and_divided_into_commands() -> None:
    for page, text in TEXTS.items():
        assert list(kinds(text)).count("sh") == len(_blocks("sh", text)), f"{page}: a block begins with a blank"
    assert list(commands("a 'b\nc' \\\n  d   # 'e'\n# f\n\ng #h\n")) == ["a 'b\nc' \\\n  d", "g"]


PATHS = re.compile(r"(?:tests|benchmarks)/[\w./-]+")


def test_the_files_that_are_named_where_nothing_is_run_are_there() -> None:
    left = [command for _, block in BLOCKS.values() for command in commands(block) if reason(command)]
    paths = [path for command in left for path in PATHS.findall(command)]
    assert "benchmarks/load/locustfile.py" in paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["limit", "cancellation"])
def test_the_options_of_a_benchmark_exist(name: str) -> None:
    """Those of a comment, too."""
    named = {option for _, block in BLOCKS.values() for option in re.findall(rf"benchmarks\.{name}\b.*", block)}
    helped = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert named
    assert {option for line in named for option in re.findall(r"--[\w-]+", line)} - set(
        re.findall(r"--[\w-]+", helped.stdout)
    ) == set()


@pytest.mark.slow
def test_the_route_handler_of_the_page_on_relays_is_right(tmp_path: Path) -> None:
    """It needs no framework: Node has the Request that it takes and the Response that it returns."""
    _needs("node x")
    _write_files(PAGES["docs/relays.md"], tmp_path)
    serve = shlex.join(["node", str(SUPPORT / "route_handler.mjs"), "app/api/chat/route.js", "{port}"])
    asked = json.dumps({"model": "m", "messages": [], "stream": True})
    command = ["relay-check", "http://127.0.0.1:{port}/api/chat", "--json", asked, "--command", serve, "--strict"]
    ran = subprocess.run(
        [sys.executable, "-m", "orharness", *command],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    assert re.search(r"^✓ all \d+ cases hold$", ran.stdout, re.M)
