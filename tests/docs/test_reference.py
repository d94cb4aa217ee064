"""The reference is complete: it has each public name, option, marker, fixture, command and document key.

mkdocs is not needed: what is read are the sources of the pages, and what ``docs/generate.py`` makes of the code.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

import orharness
from orharness import clients
from orharness.cassette.damage import KEYS
from orharness.cli.app import app
from orharness.contract import CASES
from orharness.contract.catalogue import lives_of, sets
from orharness.dialects import DIALECTS
from orharness.server.control import openapi
from tests.support.generated import generator, pages
from tests.support.places import ROOT

DOCS = ROOT / "docs"
PACKAGE = Path(orharness.__file__).parent


GENERATED = pages()
WRITTEN = {page.relative_to(DOCS).as_posix(): page.read_text("utf-8") for page in sorted(DOCS.rglob("*.md"))}


def _named(page: str) -> set[str]:
    """What stands as code in a generated page."""
    return set(re.findall(r"`([^`\n]+)`", GENERATED[page]))


def _headings(page: str) -> set[str]:
    return set(re.findall(r"^#+ (.*?)(?: \{#[\w-]+\})?$", GENERATED[page], re.M))


def test_each_public_name_has_one_entry() -> None:
    shown = Counter(name for text in WRITTEN.values() for name in re.findall(r"^::: orharness\.(\w+)$", text, re.M))
    assert shown == Counter(orharness.__all__)


def test_each_entry_exists() -> None:
    for path in {name for text in WRITTEN.values() for name in re.findall(r"^::: orharness\.(\w+\.\S+)$", text, re.M)}:
        module, _, name = f"orharness.{path}".rpartition(".")
        assert hasattr(importlib.import_module(module), name), path


def _set(body: list[ast.stmt], kind: type[ast.expr]) -> Iterator[tuple[str, ast.stmt | None]]:
    """Yield each name that is set in a class (``ast.Name``) or on ``self`` (``ast.Attribute``), and what comes next."""
    for node, after in pairwise([*body, None]):
        if isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            if isinstance(target, kind):
                yield ast.unparse(target).removeprefix("self."), after


def _undescribed(of: type) -> Iterator[str]:
    """Yield the public attributes of a class that have no docstring and are not named in that of the class."""
    # Not by ``inspect``: a test that runs pytest in this process may have forgotten the module.
    source = importlib.util.find_spec(of.__module__)
    assert source is not None
    assert source.origin is not None
    tree = ast.parse(Path(source.origin).read_text("utf-8"))
    body = next(one for one in tree.body if isinstance(one, ast.ClassDef) and one.name == of.__name__).body
    made = next((one.body for one in body if isinstance(one, ast.FunctionDef) and one.name == "__init__"), [])
    for name, after in [*_set(body, ast.Name), *_set(made, ast.Attribute)]:
        described = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        if not name.startswith("_") and not described and f"``{name}``" not in (of.__doc__ or ""):
            yield name


def test_each_public_attribute_is_described() -> None:
    entries = {name for text in WRITTEN.values() for name in re.findall(r"^::: orharness\.(\S+)$", text, re.M)}
    missing: dict[str, list[str]] = {}
    for entry in entries:
        module, _, name = f"orharness.{entry}".rpartition(".")
        of = getattr(importlib.import_module(module), name)
        assert of.__doc__, entry
        if isinstance(of, type) and (names := list(_undescribed(of))):
            missing[entry] = names
    assert missing == {}


def test_each_case_is_there_with_its_source() -> None:
    page = GENERATED["reference/cases.md"]
    cases = [*CASES, *lives_of(DIALECTS.default)]
    assert {case.id for case in cases} <= _named("reference/cases.md")
    assert {case.source for case in cases if f"]({case.source})" not in page} == set()
    assert {"ollama", "messages", "responses", "gemini"} <= _headings("reference/cases.md")


def test_each_set_is_said_to_ask_something() -> None:
    assert set(sets.names()) <= _headings("reference/cases.md")


def _typed_dicts() -> dict[str, set[str]]:
    """The fields of each ``TypedDict`` in the package, by its name; the inherited ones too."""
    found: dict[str, set[str]] = {"TypedDict": set()}
    for source in sorted(PACKAGE.rglob("*.py")):
        for node in ast.parse(source.read_text("utf-8")).body:
            bases = [ast.unparse(base) for base in node.bases] if isinstance(node, ast.ClassDef) else []
            if isinstance(node, ast.ClassDef) and any(base in found for base in bases):
                fields = {
                    one.target.id
                    for one in node.body
                    if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
                }
                found[node.name] = fields.union(*(found.get(base, set()) for base in bases))
    return found


def test_each_keyword_option_is_in_the_table_of_its_function() -> None:
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", GENERATED["reference/options.md"], re.M | re.S))
    shown = {name: set(re.findall(r"^\| `(\w+)` \|", text, re.M)) for name, text in sections.items()}
    wanted = {name: fields for name, fields in _typed_dicts().items() if name != "TypedDict"}
    assert "CompletionOptions" in wanted
    assert "through" in wanted["CompletionOptions"]
    assert shown == wanted
    mute = re.findall(r"^\| `(\w+)` \|.*\| +\|$", GENERATED["reference/options.md"], re.M)
    assert mute == [], "their function's docstring does not say what they mean"


def test_each_fixture_marker_and_option_of_the_plugin_is_shown(pytester: pytest.Pytester) -> None:
    """What pytest itself lists."""
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    printed = pytester.runpytest_inprocess("--help").stdout.str()
    listed = pytester.runpytest_inprocess("--fixtures", "-v").stdout.str()
    markers = pytester.runpytest_inprocess("--markers").stdout.str()
    names = {
        *re.findall(r"^((?:make_)?sse_\w+)", listed, re.M),
        *re.findall(r"^@pytest\.mark\.(sse_\w+)", markers, re.M),
        *re.findall(r"(--sse-[\w-]+)", printed),
    }
    assert {"sse_server", "make_sse_process", "sse_cassette", "--sse-record-mode"} <= names
    assert names - _headings("reference/pytest.md") == set()


def _commands(group: Any, within: str = "") -> Iterator[tuple[str, Any]]:
    """Each command, as it is typed, those of a group too."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{within}{name} ")
        else:
            yield within + name, command


COMMANDS = dict(_commands(get_command(app)))


def test_each_command_is_shown() -> None:
    assert {"check", "cassette convert", "cases export"} <= COMMANDS.keys()
    assert {one for one in _headings("reference/commands.md") if one.startswith("orharness ")} == {
        f"orharness {name}" for name in COMMANDS
    }


def _taken(command: Any, kind: str) -> set[str]:
    """What a command is called with: its options, in each of their forms, or the names of its arguments."""
    shown = [one for one in command.params if one.param_type_name == kind and not getattr(one, "hidden", False)]
    return {name for one in shown for name in (*one.opts, *one.secondary_opts)} - {"--help", "-h"}


@pytest.mark.parametrize("name", COMMANDS)
def test_each_option_and_argument_of_a_command_is_shown(name: str) -> None:
    text = GENERATED["reference/commands.md"]
    section = re.search(rf"^## orharness {name}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    assert section is not None
    rows = re.findall(r"^\| (`.*?) \| .*\| (.*) \|$", section[1], re.M)
    options = {option for called, _ in rows for option in re.findall(r"`(--?[\w-]+)`", called)}
    assert options == _taken(COMMANDS[name], "option")
    assert len([called for called, _ in rows if called[1] != "-"]) == len(_taken(COMMANDS[name], "argument"))
    assert [called for called, meaning in rows if not meaning.strip()] == []


def test_the_option_of_no_command_is_shown() -> None:
    assert "--version" in _named("reference/commands.md")


def test_each_client_of_an_sdk_has_one_entry() -> None:
    made = [name for name, one in vars(clients).items() if inspect.isfunction(one) and name[0] != "_"]
    own = [name for name in made if getattr(clients, name).__module__ == clients.__name__]
    entries = [one for text in WRITTEN.values() for one in re.findall(r"^::: orharness\.clients\.(\w+)$", text, re.M)]
    assert sorted(entries) == sorted(own)


def test_each_key_of_a_cassette_of_ours_is_shown() -> None:
    [section] = re.findall(r"^## The keys under `x-orharness`\n(.*?)^## ", WRITTEN["cassettes.md"], re.M | re.S)
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.M)) == KEYS


def test_each_variable_of_the_environment_is_shown() -> None:
    named = {
        name for file in PACKAGE.rglob("*.py") for name in re.findall(r'"(ORHARNESS_[A-Z_]+)"', file.read_text("utf-8"))
    }
    own = {"ORHARNESS_CLOCK", "ORHARNESS_PARENT"}  # what our own processes pass to each other
    text = "".join((*WRITTEN.values(), *GENERATED.values()))
    assert {name for name in named - own if f"`{name}`" not in text} == set()
    assert own < named


def test_each_key_that_http_answers_with_is_shown() -> None:
    text = GENERATED["reference/http.md"]
    sections = dict(re.findall(r"^### (\S+) \{#schema-.*?\n(.*?)(?=^##|\Z)", text, re.M | re.S))
    answered = {
        name: set(one.get("properties", ()))
        for name, one in openapi.document()["components"]["schemas"].items()
        if not name.startswith("Scenario")
    }
    assert "difference" in answered["Exchange"]
    assert {name: set(re.findall(r"^\| `(\w+)`", body, re.M)) for name, body in sections.items()} == answered


def _keys(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for value in schema.values():
            yield from _keys(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _keys(value)


def test_each_key_of_a_scenario_document_is_shown() -> None:
    shipped = json.loads((PACKAGE / "scenario" / "scenario.schema.json").read_text("utf-8"))
    keys = set(_keys(shipped))
    assert {"orharness", "routes", "announced", "interaction", "last_user"} <= keys
    rows = set(re.findall(r"^\| `(\w+)`", GENERATED["reference/documents.md"], re.M))
    assert keys - rows - _headings("reference/documents.md") == {"interaction"}
    assert "`interaction`" in GENERATED["reference/documents.md"]  # beside `cassette`


NAVIGATION = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))["nav"]


def test_each_page_is_in_the_navigation() -> None:
    def paths(entry: Any) -> Iterator[str]:
        if isinstance(entry, str):
            yield entry
        else:
            for one in entry.values() if isinstance(entry, dict) else entry:
                yield from paths(one)

    assert sorted(paths(NAVIGATION)) == sorted({*WRITTEN, *GENERATED})


def test_the_first_page_of_the_reference_lists_the_others_as_the_navigation_does() -> None:
    [[index, *others]] = [one["Reference"] for one in NAVIGATION if "Reference" in one]
    rows = re.findall(r"^\| \[(.+?)\]\((.+?)\) \| .*\S.* \|$", WRITTEN[index], re.M)
    assert [{title: f"reference/{path}"} for title, path in rows] == others


def test_a_link_out_of_the_pages_keeps_its_text() -> None:
    class File:
        src_uri, generated_by = "relays.md", None

    class Page:
        file = File

    text = "[README](../README.md), [gone](../gone.md), [here](certainty.md), [`x`](../tests)"
    shown = generator().on_page_markdown(text, Page, None, None)
    assert shown == "README, [gone](../gone.md), [here](certainty.md), `x`"
