"""What a reader of the generated pages sees: they are rendered by Python-Markdown, which mkdocs uses, too."""

from __future__ import annotations

import ast
import inspect
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import pytest

from orharness import SseServer
from orharness.contract import CASES
from orharness.contract.catalogue import lives_of
from orharness.contract.catalogue.chunkings import CHUNKINGS
from orharness.contract.catalogue.export import as_document
from orharness.contract.catalogue.parse import parse
from orharness.dialects import DIALECTS
from orharness.errors import ScenarioError
from orharness.providers import Provider, lookup
from orharness.transforms.families import factories
from tests.support.generated import generator, pages

markdown: Any = pytest.importorskip("markdown", reason="there is no Markdown here: pip install markdown")
SHOWN = {
    *("h1", "h2", "h3", "h4", "h5", "h6", "p", "strong", "em", "code", "pre", "a", "ul", "ol", "li", "br"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
BLOCKS = {"h1", "h2", "h3", "h4", "h5", "h6", "p", "td", "th", "li", "pre"}


@dataclass
class Page(HTMLParser):
    """A page as a browser shows it: its elements, its blocks of text in order, its tables by what is above them."""

    html: str
    tags: Counter[str] = field(default_factory=Counter)
    blocks: list[tuple[str, str]] = field(default_factory=list)
    ids: Counter[str] = field(default_factory=Counter)
    targets: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        for name, value in attrs:
            if name == "id" and value:
                self.ids[value] += 1
            elif name == "href" and value and value.startswith("#"):
                self.targets.add(value[1:])
        if tag in BLOCKS or tag in ("tr", "table"):
            self.blocks.append((tag, ""))

    def handle_data(self, data: str) -> None:
        if self.blocks and data.strip("\n"):
            tag, text = self.blocks[-1]
            self.blocks[-1] = tag, text + data

    @property
    def text(self) -> str:
        """All that is shown."""
        return "\n".join(text for _, text in self.blocks)

    def tables(self) -> Iterator[tuple[str, str, list[list[str]]]]:
        """The heading that each table is below, the block just above it, and its rows; the first is its head."""
        heading = above = ""
        rows: list[list[str]] | None = None
        for tag, text in [*self.blocks, ("p", "")]:
            if tag == "table":
                rows = []
            elif tag == "tr" and rows is not None:
                rows.append([])
            elif tag in ("th", "td") and rows is not None:
                rows[-1].append(text)
            else:
                if rows:
                    yield heading, above, rows
                rows, above = None, text
                heading = text if tag.startswith("h") else heading


def rendered(text: str) -> Page:
    return Page(markdown.markdown(text, extensions=["tables", "attr_list", "toc", "fenced_code"]))


PAGES = {name: rendered(text) for name, text in pages().items()}
EACH = pytest.mark.parametrize("name", PAGES)


@EACH
def test_no_text_of_the_code_becomes_an_element(name: str) -> None:
    """``cassettes/<module>`` would be shown as ``cassettes/``."""
    assert set(PAGES[name].tags) <= SHOWN


@EACH
def test_no_backslash_and_no_entity_is_shown_that_only_escapes(name: str) -> None:
    assert re.findall(r".*(?:\\[|<\[\]_*]|&(?:lt|amp);).*", PAGES[name].text) == []


@EACH
def test_each_row_has_the_cells_of_its_head(name: str) -> None:
    """A ``|`` of a type is none between two cells, and none is lost."""
    for _, _, rows in PAGES[name].tables():
        assert {len(row) for row in rows} == {len(rows[0])}, rows


@EACH
def test_each_link_within_a_page_leads_to_one_place(name: str) -> None:
    page = PAGES[name]
    assert page.targets - set(page.ids) == set()
    assert [one for one, number in page.ids.items() if number > 1] == []


@pytest.mark.parametrize(
    "said",
    ["by default cassettes/<module>/<test>.yaml beside the test.", "By default cassettes/<module>.", "new_episodes: "],
)
def test_angle_brackets_and_underscores_of_help_and_docstrings_are_shown(said: str) -> None:
    assert said in PAGES["reference/pytest.md"].text


def _options() -> dict[str, list[list[str]]]:
    """The rows of each table: name, type, default ("" where none is shown)."""
    return {
        heading: [[*row, ""][:3] for row in rows[1:]] for heading, _, rows in PAGES["reference/options.md"].tables()
    }


def test_the_type_of_each_option_is_the_one_in_the_code() -> None:
    shown = {name: [(row[0], row[1]) for row in rows] for name, rows in _options().items()}
    wanted = {
        kind.__name__: [(name, hint.__forward_arg__) for name, hint in kind.__annotations__.items()]
        for kind, _, _ in generator().options()
    }
    assert ("pacing", "Pacing | str") in shown["ServerOptions"]
    assert shown == wanted


def test_the_default_of_each_option_is_what_a_user_may_write() -> None:
    """Copied into a call it is the default: not the name of a member of an enumeration, as ``LOCKSTEP``."""
    seen = 0
    for kind, _, function in generator().options():
        parameters = {} if function is dict else inspect.signature(function).parameters
        for name, _, shown in _options()[kind.__name__]:
            if shown:
                written, default = ast.literal_eval(shown), parameters[name].default
                assert (lookup(written) if isinstance(default, Provider) else written) == default, (kind, name)
                seen += 1
    assert seen > 50


def test_a_server_takes_the_defaults_that_are_shown() -> None:
    defaults: dict[str, Any] = {
        name: ast.literal_eval(shown) for name, _, shown in _options()["ServerOptions"] if shown
    }
    assert defaults["pacing"] == "lockstep"
    with SseServer(**defaults):
        pass


def test_each_setting_of_the_ini_file_has_what_it_does_its_type_and_its_default(pytester: pytest.Pytester) -> None:
    """As pytest itself prints the first two, and as it reads an empty file."""
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    helped = " ".join(pytester.runpytest_inprocess("--help").stdout.str().split())
    text = PAGES["reference/pytest.md"].text.partition("Options of the ini file")[2]
    sections = dict(re.findall(r"^(sse_\w+)\n(.*?)(?=\nsse_|\Z)", text, re.M | re.S))
    config = pytester.parseconfig()
    types = {"string": "a text", "bool": "true or false", "args": "words", "linelist": "a text a line"}
    for name, section in sections.items():
        [(kind, does)] = re.findall(rf"\b{name} \((\w+)\): (.*?)(?= sse_\w+ \(| \[pytest\]|$)", helped)
        said, takes = section.split("\n", 1)
        assert does.lower().startswith(said.lower().rstrip("."))
        default = config.getini(name)
        shown = str(default).lower() if kind == "bool" else default
        assert takes.startswith(f"Takes {types[kind]}")
        assert takes.endswith(f"; by default {shown}." if shown else "; not set by default."), name
    assert len(sections) == len(set(re.findall(r"\b(sse_\w+) \(\w+\):", helped))) == 13


# --- documents ----------------------------------------------------------------------------------------------------


def test_above_each_table_of_a_document_is_the_mapping_that_it_is_of() -> None:
    """Each of the tables headed only ``key`` and ``value`` has a heading of its own, or the mapping in short."""
    above = Counter[tuple[str, str]]()
    for heading, lead, rows in PAGES["reference/documents.md"].tables():
        above[heading, lead] += 1
        keys = [row[0].removesuffix(" (required)") for row in rows[1:]]
        if heading not in ("The document", "A route", "A reply"):
            innermost = re.findall(r"\{([^{}]*)\}", lead)
            assert [key.removesuffix(": …") for key in innermost[-1].split(", ")] == keys, (heading, lead)
    assert max(above.values()) == 1
    assert ("completion", "usage: {prompt_tokens: …, completion_tokens: …, reasoning_tokens: …, cost: …}") in above


def test_each_transform_has_a_section_with_its_arguments() -> None:
    page = PAGES["reference/documents.md"]
    tables = {lead: [row[0].removesuffix(" (required)") for row in rows[1:]] for _, lead, rows in page.tables()}
    headings = [text for tag, text in page.blocks if tag == "h4"]
    own = {name: factory for name, factory in factories().items() if not factory.own}
    assert headings == list(own)
    for name, factory in own.items():
        arguments = list(factory.parameters)
        short = f"{name}: {{{', '.join(f'{argument}: …' for argument in arguments)}}}"
        assert not arguments or tables[short] == arguments


# --- case documents -----------------------------------------------------------------------------------------------


def _case_keys() -> dict[str, dict[str, str]]:
    """The keys of each section of the page, and what is said of each."""
    found: dict[str, dict[str, str]] = {}
    for heading, _, rows in PAGES["reference/case-documents.md"].tables():
        found.setdefault(heading, {}).update({row[0].removesuffix(" (required)"): row[1] for row in rows[1:]})
    return found


def _taken(document: dict[str, Any]) -> set[str]:
    """The keys that are taken in place of an unknown one, as the error names them."""
    case = {"id": "mine/one", "title": "One.", "reply": {"events": [{"text": "a"}]}, "expect": {}, **document}
    with pytest.raises(ScenarioError, match="it takes ") as caught:
        parse(case, DIALECTS.default).reply()
    return set(re.findall(r"it takes ([\w, ]+)", str(caught.value))[0].split(", "))


@pytest.mark.parametrize(
    ("section", "document"),
    [
        ("What is expected", {"expect": {"?": 1}}),
        ("cancel", {"expect": {"cancel": {"?": 1}}}),
        ("pauses", {"pauses": {"?": 1}}),
        ("beside", {"beside": {"?": 1}}),
        ("then", {"then": {"?": 1}}),
        ("control", {"control": {"?": 1}}),
        ("What a request must have", {"request": {"?": 1}}),
    ],
)
def test_each_key_that_a_case_takes_is_there(section: str, document: dict[str, Any]) -> None:
    assert set(_case_keys()[section]) == _taken(document)


@pytest.mark.parametrize("kind", ["answer", "events", "blocks", "body"])
def test_each_key_that_its_reply_takes_is_there(kind: str) -> None:
    assert _taken({"reply": {kind: [], "?": 1}}) <= set(_case_keys()["A reply"])


def test_each_key_of_our_own_cases_is_there_with_what_it_means() -> None:
    shown = _case_keys()
    cases = [*CASES, *lives_of(DIALECTS.default)]
    events = [one for case in cases for one in case.document["reply"].get("events", ())]
    written = {
        "A case": {key for case in cases for key in case.document},
        "An event": {key for one in events for key in one},
    }
    written["What an exported case has besides"] = set(as_document(cases[0])) - written["A case"]
    for section, keys in written.items():
        assert keys - set(shown[section]) == set(), section
    assert {"frame", "plain", "broken_json", "raises", "end_event"} <= set(shown["A case"])
    assert [key for section in shown.values() for key, meaning in section.items() if not meaning] == []


def test_each_chunking_is_there() -> None:
    assert list(_case_keys()["The chunkings"]) == list(CHUNKINGS)
