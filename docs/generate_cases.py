"""The generated pages of the cases: what each asks, and the keys of the documents that they are written as."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files

from generate_markdown import Cells, code, in_line, page, table

from orharness.contract import Case
from orharness.contract.catalogue import cases_of, families_of, keys, lives_of
from orharness.contract.catalogue.chunkings import CHUNKINGS
from orharness.contract.catalogue.sending import KEYS
from orharness.dialects import DIALECTS


def cases_page() -> str:
    """Return the page of the cases: what each asks, how strongly, and where the rule or the report is."""
    changes = (files("orharness.contract.catalogue") / "sets" / "CHANGES.md").read_text("utf-8")
    parts = [
        "# The cases",
        "What each case of [the contract](../contract.md) asks of a client, and from where: the rule, or a report of a"
        " service or a client. A case is a MUST unless its level says SHOULD; one of the profile `whatwg` is run with"
        " `--profile whatwg` alone. The families of bytes, HTTP, errors and time are the same for every API; each API"
        " adds its own.",
    ]
    cases = [*cases_of(DIALECTS.default), *lives_of(DIALECTS.default)]
    for family in families_of(cases):
        parts += [f"## {family}", _cases_table(one for one in cases if one.family == family)]
    known = {case.id for case in cases}
    for dialect in DIALECTS:
        own = [one for one in cases_of(DIALECTS.named(dialect)) if one.id not in known and one.family == dialect]
        if own:
            parts += [f"## {dialect}", _cases_table(own)]
    return page([*parts, re.sub(r"^#", "##", changes, flags=re.M)])


def _cases_table(cases: Iterable[Case]) -> str:
    return table(("case", "what is asked", "level", "from"), map(_case_row, cases))


def _case_row(case: Case) -> Cells:
    address = case.source.partition(",")[0]
    host = re.sub(r"^https://([^/#]+).*$", r"\1", address)
    link = f"[{host}]({address})" if address.startswith("https://") else in_line(case.source)
    level = f"{case.level}, {case.profile}" if case.profile == "whatwg" else str(case.level)
    return code(case.id), in_line(case.title), level, link


# --- case documents -----------------------------------------------------------------------------------------------


_SECTIONS = {
    **{name: name for name in ("expect", "reply", "request", "chunkings", "events", *keys.WITHIN)},
    "also": "expect",
    "again": "reply",
}
"""Where the value of a key has keys or names of its own: the section that has them."""


def case_documents_page() -> str:
    """Return the page of every key of a case document, and of the chunkings that it may name."""
    parts = [
        "# The keys of a case document",
        "What `--cases`, `ClientContract.cases` and `orharness cases export` read and write. How a case is written is"
        " in [Cases as files](../case-files.md), and what a reply shares with a scenario in"
        " [The keys of a scenario document](documents.md).",
        "## A case {#case}",
        _meanings(keys.CASE, keys.NEEDED),
        "## What is expected {#expect}",
        "The keys of `expect`, and of each entry of `also`.",
        _meanings(keys.EXPECT),
    ]
    for name, within in keys.WITHIN.items():
        where = f"expect: {{{name}: {{…}}}}" if name in keys.EXPECT else f"{name}: {{…}}"
        needed = [key for key in ("reply", "expect") if key in within]
        parts += [f"## {name} {{#{name}}}", f"The keys of `{where}`.", _meanings(within, needed)]
    parts += ["## What a request must have {#request}", "The keys of `request: {…}`.", _meanings(keys.REQUEST)]
    parts += ["## A reply {#reply}", "The first of these keys that it has says what is sent."]
    parts += [table(("key", "beside it"), _reply_rows()), "What they mean:", _meanings(keys.REPLY)]
    parts += ["## An event {#events}", "The keys of an entry of `events`.", _meanings(keys.EVENT)]
    parts += ["## The chunkings {#chunkings}", "The names that `chunkings` may have."]
    rows = ((code(name), one.meaning) for name, one in CHUNKINGS.items())
    parts.append(table(("name", "where the stream is cut"), rows))
    parts += ["## What an exported case has besides {#exported}"]
    parts += ["For other runners; where it is read, its `reply` says the same.", _meanings(keys.WRITTEN_OUT)]
    return page(parts)


def _meanings(meanings: Mapping[str, str], needed: Iterable[str] = ()) -> str:
    rows = ((_linked(key) + (" (required)" if key in needed else ""), meanings[key]) for key in meanings)
    return table(("key", "what it means"), rows)


def _linked(key: str) -> str:
    return f"[{code(key)}](#{_SECTIONS[key]})" if key in _SECTIONS else code(key)


def _reply_rows() -> Iterator[Cells]:
    yield code("stream"), "as in a scenario"
    for kind, takes in KEYS.items():
        beside = ", ".join(code(key) for key in keys.REPLY if key in takes and key != kind)
        yield (_linked(kind) if kind in takes else "none of them"), beside or "nothing"
