"""Each block of the documents is of a kind that is known, and one in Python is run.

Most are run by ``test_readme.py``, ``test_tutorials.py`` and ``test_shell_blocks.py``. Here are the list of kinds, and
those in Python that ask a service.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from orharness.cassette import load
from orharness.cli.app import app
from orharness.journal.request import Request
from orharness.server.facade import SseServer
from tests.docs.test_readme import DOCS, PAGES, TUTORIALS, _blocks, _tests, _write_files
from tests.docs.test_readme import user as user
from tests.support.places import ROOT

KINDS = {
    "python": "a test, or a file for the tests of its page: run",
    "console": "a command of orharness: run, and what it prints is compared",
    "text": "what is printed: compared where the block before it is run",
    "sh": "run; what cannot be is in the table NOT_RUN of test_shell_blocks.py, and its options are read",
    "js": "run: in tutorials, by the tests of the page, or as a test of the package for Node",
    "go": "run: in tutorials, or as a test of the package for Go",
    "yaml": "read; scenarios are checked as documents, and what runs orharness for others has its options read",
    "json": "read",
}
FILES = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")]
FILES += sorted([*(ROOT / "docs").rglob("*.md"), *(ROOT / "clients").glob("*/README.md")])
TEXTS = {file.relative_to(ROOT).as_posix(): file.read_text("utf-8") for file in FILES}
# Fixtures for a user's conftest.py, on pages without a test: they are tried here.
TRIED_HERE = {"docs/cassettes.md", "docs/trouble.md"}


def kinds(page: str) -> Iterator[str]:
    """The language of each fenced block, empty where there is none."""
    closing = ""
    for fence, rest in re.findall(r"^ *(`{3,}|~{3,})(.*)$", page, re.M):
        if not closing:
            yield rest.strip()
        closing = "" if closing and fence.startswith(closing) else closing or fence


@pytest.mark.parametrize("page", TEXTS)
def test_a_block_is_of_a_kind_of_which_it_is_known_whether_it_is_run(page: str) -> None:
    assert [kind for kind in kinds(TEXTS[page]) if kind not in KINDS] == []


def test_fences_are_read_with_and_without_a_language_and_inside_of_lists() -> None:
    page = "```py\nx\n```\n- a\n\n  ```js title=x\n  y\n  ```\n~~~\n```\n~~~\n````md\n```sh\n```\n````\n```text\n```\n"
    assert list(kinds(page)) == ["py", "js title=x", "", "md", "text"]


def test_each_block_in_python_is_where_it_is_run() -> None:
    pages = {page for page, text in TEXTS.items() if "python" in kinds(text)}
    with_tests = {page for page in DOCS if _tests(DOCS[page]) or _blocks("console", DOCS[page])}
    assert pages - with_tests - set(TUTORIALS) == {"README.md", "ARCHITECTURE.md", *TRIED_HERE}


@pytest.mark.parametrize("page", TEXTS)
def test_a_block_of_data_can_be_read(page: str) -> None:
    for block in _blocks("json", TEXTS[page]):
        json.loads(block)
    for block in _blocks("yaml", TEXTS[page]):
        list(yaml.safe_load_all(block))


def test_each_block_for_node_or_go_is_where_it_is_run() -> None:
    pages = {page for page, text in TEXTS.items() if {"js", "go"} & set(kinds(text))} - set(TUTORIALS)
    assert pages == {"docs/relays.md", "clients/node/README.md", "clients/go/README.md"}
    shown = [block.splitlines()[0] for block in _blocks("js", TEXTS["docs/relays.md"])]
    assert shown == ["// relay.mjs", "// app/api/chat/route.js"]  # by a test of the page, and in test_shell_blocks.py
    for page in ("clients/node/README.md", "clients/go/README.md"):  # test_node_package.py, test_go_package.py
        assert len(_blocks("(?:js|go)", TEXTS[page])) == 1


def _commands(block: str) -> Iterator[list[str]]:
    """The arguments of each call of orharness in a block of a shell."""
    plain = re.sub(r"(?m)(^|\s)#.*$", "", re.sub(r"\\\n\s*", " ", block))
    lexer = shlex.shlex(plain, posix=True, punctuation_chars="|&;<>()\n")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t", True, ""
    words: list[str] = []
    for word in (*lexer, ";"):
        if set(word) <= set("|&;<>()\n"):
            while words and re.match(r"[A-Z_]+=", words[0]):
                words.pop(0)
            if words[:1] == ["orharness"]:
                yield words[1:]
            words = []
        else:
            words.append(word)


@cache
def _refused(*command: str) -> str:
    """What is said of a wrong option; ``--help`` keeps the command from being run, its options are read before."""
    names = 2 if command[0] in ("cassette", "cases") else 1
    seen = CliRunner().invoke(app, [*command[:names], "--help", *command[names:]])
    return "" if seen.exit_code == 0 else seen.output or repr(seen.exception)


def _shown(page: str) -> list[list[str]]:
    """The commands of orharness in a page: of its blocks for a shell and in YAML, and in a line of prose."""
    inline = [re.sub(r"\s+", " ", one) for one in re.findall(r"`(orharness [a-z][^`]*)`", page)]
    configured = [one for block in _blocks("yaml", page) for one in _configured(yaml.safe_load(block))]
    return [command for block in (*_blocks("sh", page), *inline, *configured) for command in _commands(f"{block}\n")]


def _configured(found: Any) -> Iterator[str]:
    """The commands of orharness in a file for pre-commit (`entry`), our action (`arguments`) or Docker (a list)."""
    if isinstance(found, dict):
        match found:
            case {"entry": str(entry)}:
                yield entry
            case {"command": str(command), "arguments": str(arguments)}:
                yield f"orharness {command} {arguments}"
            case {"command": [*words]}:
                yield shlex.join(["orharness", *map(str, words)])
    for one in found.values() if isinstance(found, dict) else found if isinstance(found, list) else ():
        yield from _configured(one)


@pytest.mark.parametrize("page", [page for page, text in TEXTS.items() if _shown(text)])
def test_the_options_of_a_command_exist(page: str) -> None:
    assert [(command, said) for command in _shown(TEXTS[page]) if (said := _refused(*command))] == []


def test_commands_are_found_in_a_block_and_in_prose_and_a_wrong_option_is_seen() -> None:
    block = "A=b orharness serve --text 'a b' \\\n  --delay 1 &  # orharness\npip install . && orharness chekc | cat\n"
    assert list(_commands(block)) == [["serve", "--text", "a b", "--delay", "1"], ["chekc"]]
    assert _shown("`orharness check\n--quick` or `orharness.ini`\n```sh\norharness demo\n```\n") == [
        ["demo"],
        ["check", "--quick"],
    ]
    data = (
        "- {entry: orharness demo}\n- {with: {command: check, arguments: a.py:b}}\n- {command: [serve, --text, a b]}\n"
    )
    assert _shown(f"```yaml\n{data}```\n") == [["demo"], ["check", "a.py:b"], ["serve", "--text", "a b"]]
    assert _refused("serve", "--text", "a") == ""
    assert _refused("serve", "--txet", "a")
    assert _refused("cassette", "show", "--formta", "html")


TWO_APIS = """
from anthropic import Anthropic
from openai import OpenAI
import pytest

@pytest.mark.sse_cassette
def test_answers(sse_server):
    messages = [{"role": "user", "content": "Hi"}]
    OpenAI(**sse_server.openai).chat.completions.create(model="m", messages=messages, user="u-1")
    Anthropic(**sse_server.anthropic).messages.create(model="m", messages=messages, max_tokens=9)
"""


def _records_and_replays(user: pytest.Pytester, code: str, *options: str) -> list[bytes]:
    """Run a test that records, then replays; return the recorded bodies of its requests."""
    user.makepyfile(test_it=code)
    user.runpytest_inprocess("--sse-record-mode=once", *options).assert_outcomes(passed=1)
    user.runpytest_inprocess().assert_outcomes(passed=1)
    (file,) = user.path.glob("cassettes/test_it/*.yaml")
    return [one.request.body for one in load(file)]


def _key(request: Request) -> str:
    """The key of a request, in whichever header the version of its SDK sends it."""
    return (request.header("X-Api-Key") or request.header("Authorization") or "").removeprefix("Bearer ")


@pytest.mark.slow
def test_the_fixtures_for_cassettes_record_from_each_apis_server_with_its_key_and_without_the_user(
    user: pytest.Pytester, make_sse_server: Callable[..., SseServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = PAGES["docs/cassettes.md"]
    named = {"https://api.openai.com/v1": "base_url", "https://api.anthropic.com": "origin"}
    services = []
    for address, attribute in named.items():
        services.append(make_sse_server(strict=False))
        services[-1].answer("Hi")
        assert page.count(f'"{address}"') == 1
        page = page.replace(f'"{address}"', f'"{getattr(services[-1], attribute)}"')
    _write_files(page, user.path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-one")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-two")
    chat, messages = _records_and_replays(user, TWO_APIS)
    assert (b"u-1" in chat, b"max_tokens" in messages) == (False, True)
    first, second = [[call.request for call in service.journal] for service in services]
    assert [(one.path, _key(one)) for one in first] == [("/v1/chat/completions", "sk-one")]
    assert [(one.path, _key(one)) for one in second] == [("/v1/messages", "sk-two")]


@pytest.mark.slow
def test_the_moved_configuration_of_pytest_recording_filters_what_is_recorded(
    user: pytest.Pytester, make_sse_server: Callable[..., SseServer]
) -> None:
    service = make_sse_server(strict=False)
    service.chat("Hi")
    _write_files(PAGES["docs/from-pytest-recording.md"], user.path)
    one_api = "".join(line for line in TWO_APIS.splitlines(True) if "nthropic" not in line)
    [body] = _records_and_replays(user, one_api, f"--sse-upstream={service.base_url}")
    assert json.loads(body).keys() == {"model", "messages"}
    assert "u-1" in str(service.journal[0].request.body)


def test_vcrpy_lets_pass_what_the_page_on_trouble_tells_it_to(user: pytest.Pytester) -> None:
    asks = """
        import httpx, pytest

        @pytest.mark.vcr
        def test_answer(sse_server):
            sse_server.post("/events").stream("a")
            assert httpx.post(sse_server.url_for("/events")).text == "data: a\\n\\n"
    """
    user.makepyfile(test_it=asks)
    user.runpytest_inprocess().assert_outcomes(passed=0, failed=1)
    _write_files(PAGES["docs/trouble.md"], user.path)
    user.runpytest_inprocess().assert_outcomes(passed=1)


FAULT = """
import sys
from pathlib import Path
from orharness.stream import Stream
from orharness.transforms import faults

exec(compile(Path(sys.argv[1]).read_text("utf-8"), "ARCHITECTURE.md", "exec"), vars(faults))
made = faults.zero(3)(Stream.of(b"abcdef"))
assert (made.body, [(one.name, one.at) for one in made.faults]) == (b"abc\\0def", [("zero", 3)]), made
"""


def test_the_fault_that_architecture_shows_works_in_the_file_that_it_names(tmp_path: Path) -> None:
    (block,) = _blocks("python", TEXTS["ARCHITECTURE.md"])
    written = tmp_path / "zero.py"
    written.write_text(block, "utf-8")
    ran = subprocess.run(
        [sys.executable, "-c", FAULT, str(written)], capture_output=True, encoding="utf-8", check=False
    )
    assert ran.returncode == 0, ran.stderr
