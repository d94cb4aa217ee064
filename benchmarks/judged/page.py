"""The page of all clients, docs/clients.md: a table for each API, and each client's fails with their reasons."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from benchmarks.judged.catalogue import CLIENTS
from benchmarks.judged.records import Fail, Record, notes
from benchmarks.judged.unconfirmed import why_unconfirmed
from orharness.contract.catalogue import cases_in, families_of
from orharness.dialects import DIALECTS
from orharness.verdict import Level

_TITLES = {
    "chat": "Chat completions",
    "responses": "OpenAI Responses",
    "messages": "Anthropic Messages",
    "gemini": "Gemini",
    "ollama": "Ollama",
}
_INTRODUCTION = """\
---
hide: [navigation, toc]
---

# What real clients make of the contract

`python -m benchmarks.clients --write docs/clients.md` makes this page: it judges {number} clients (pinned),
by [the contract](contract.md) (profile `gateway`, and what an answer of 100,000 events costs). Each streams as its
manual shows; what the manual leaves to the user is left out. Where a package only reads events, or is only an HTTP
client, the loop around it is the one that people write, and is judged with it. Each is judged by the text that it hands
over; {parts} of them by parts as well: tool calls, why the model stopped, usage, reasoning and refusals, as the
adapters of `orharness.clients` and the starter for the AI SDK read them, each kind where the client says it at all.
Where an SDK hands over fragments of tool calls as they came, they are joined by their index, as OpenAI's manual does,
and that is judged with it. Cases of the family `liveness` (silent and slow streams) are not on this page.

By parts it was seen that LangChain adds up the usages of an answer that has one in each chunk, that LiteLLM hands over
only the first piece of a refusal, and that the AI SDK takes an empty `finish_reason` for one. The loop of OpenAI's
manual makes one call of two that share an index, whichever SDK hands over their fragments.

A cell is the number of cases that hold, of those that could be judged; it leads to the fails. Fails of a SHOULD are
counted as well. What each case asks, and from where, is on the page "The cases" of the built reference. CI judges
again, at each change and but for `cost`, the clients that have a yes there.

**Confirmed** is a fail that came again from a bare server in Node that shares no code with orharness
(`python -m benchmarks.judged.confirm`): {confirmed:,} of {fails:,}. That server cannot prove that a client read up to a
boundary; where it saw no fail, the page says why.
"""
_BY_CI = {client.name: "yes" for client in CLIENTS if client.by_ci}


def page() -> str:
    """The whole page, of what is stored; a client that was never judged is only named on it."""
    records = [record for client in CLIENTS if (record := Record.read(client.name)) is not None]
    explained = notes()
    every = [fail for record in records for fail in record.fails.values()]
    parts = [
        _INTRODUCTION.format(
            number=len(records),
            parts=sum("parts" in record.families for record in records),
            fails=len(every),
            confirmed=sum(one.confirmed for one in every),
        ).rstrip()
    ]
    known = {record.client for record in records}
    if missing := [client.name for client in CLIENTS if client.name not in known]:
        parts.append(f"The command knows these as well, of which no verdict is stored yet: {', '.join(missing)}.")
    for dialect in DIALECTS:
        of_it = [record for record in records if record.dialect == dialect]
        if of_it:
            parts += [f"## {_TITLES[dialect]}", _matrix(of_it)]
    parts.append("## The fails")
    for record in records:
        parts += [*_section(record, explained[record.client])]
    return "\n\n".join(parts) + "\n"


def _matrix(records: Sequence[Record]) -> str:
    known = families_of(cases_in(None, records[0].dialect))
    families = [one for one in known if any(one in record.families for record in records)]
    rows = [("client", "version", "CI", "judged by", "fails", *families)]
    for record in records:
        name = f"[{record.client}](#{record.client})"
        versions = f"{_short(record.versions)} ({record.language})"
        cells = [_cell(record, family) for family in families]
        judged_by = "text, parts" if "parts" in record.families else "text"
        rows.append((name, versions, _BY_CI.get(record.client, "-"), judged_by, f"{len(record.fails)}", *cells))
    return _table(rows)


def _short(versions: str) -> str:
    """Return versions without what Debian adds to them."""
    return re.sub(r"([0-9])(?:~git|-)[^\s,]*", r"\1", versions)


def _cell(record: Record, family: str) -> str:
    if family not in record.families:
        return "-"
    held, judged = record.families[family]
    return f"{held}/{judged}" if held == judged else f"[{held}/{judged}](#{_anchor(record, family)})"


def _anchor(record: Record, family: str) -> str:
    return f"{record.client}-{family}"


def _section(record: Record, explained: dict[str, str]) -> Iterator[str]:
    yield f"### {record.client}"
    fails = record.fails.values()
    must = sum(one.level == Level.MUST for one in fails)
    confirmed = sum(one.confirmed for one in fails)
    versions = f"{_short(record.versions)} ({record.language}), judged on {record.date}"
    if not fails:
        yield f"{versions}: every case holds."
        return
    yield f"{versions}: {must} MUST and {len(fails) - must} SHOULD fail, {confirmed} of {len(fails)} confirmed."
    rows: list[Sequence[str]] = [("family", "case", "why", "on the bare server")]
    last = None
    for (family, why, bare), cases in _alike(record, explained).items():
        anchor = "" if family == last else f'<a id="{_anchor(record, family)}"></a>{family}'
        last = family
        rows.append((anchor, ", ".join(f"`{case.partition('/')[2]}`" for case in cases), why, bare))
    yield _table(rows)


def _alike(record: Record, explained: dict[str, str]) -> dict[tuple[str, str, str], list[str]]:
    """Return the cases that fail for one reason, family by family in the catalogue's order."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for case, fail in record.fails.items():
        family = case.partition("/")[0]
        found.setdefault((family, _text(explained[case]), _text(_bare(fail))), []).append(case)
    order = list(dict.fromkeys(family for family, *_ in found))
    return dict(sorted(found.items(), key=lambda item: order.index(item[0][0])))


def _bare(fail: Fail) -> str:
    return "confirmed" if fail.confirmed else f"not confirmed: {why_unconfirmed(fail)}"


def _text(words: str) -> str:
    """Return words that Markdown shows as they are, in one cell; what is between backquotes is code."""
    pieces = " ".join(words.split()).replace("|", "\\|").split("`")
    if len(pieces) % 2 == 0:  # a backquote without its other
        pieces = ["\\`".join(pieces)]
    return "`".join(one if at % 2 else re.sub(r"([\\*_{}\[\]<>#$])", r"\\\1", one) for at, one in enumerate(pieces))


def _table(rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], f"|{' --- |' * len(rows[0])}", *lines[1:]])
