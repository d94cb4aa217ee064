"""What is there for each API: ``python -m benchmarks.matrix`` writes the table of docs/apis.md.

Each cell is computed: it is written only after what it says was seen to hold, and a test holds the page to this
command. Nothing is asked of the network, and no client is run: what clients do is read from the stored verdicts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.client_process import NODE
from benchmarks.judged.catalogue import CLIENTS
from benchmarks.judged.records import notes
from benchmarks.tables import Table
from orharness.contract import cases_of
from orharness.dialects import DIALECTS, Asked, Dialect
from orharness.dialects.answer import Answer
from orharness.dialects.completion import Completion, Failure
from orharness.dialects.dialect import Carried
from orharness.gateways import GATEWAYS, ONEROUTER
from orharness.providers import DEFAULT
from orharness.relay import judge, texts
from orharness.relay.response import ResponseEnd
from orharness.relay.seen import Seen
from orharness.scenario import Reply
from orharness.server.facade import SseServer
from orharness.stream import Ending
from orharness.transforms import after_event, truncate

PAGE = Path(__file__).parents[1] / "docs" / "apis.md"
BEGIN, END = "<!-- made by python -m benchmarks.matrix -->\n", "<!-- the end of it -->\n"
_TOKENS = ("one ", "two ", "three ")
_STREAMED = Asked(wants_usage=True)
_FIELDS = {Carried.REASONING: {"reasoning": "well"}, Carried.REFUSAL: {"refusal": "no"}}


def write(dialect: Dialect) -> str:
    """The face of the server, and what an answer may say besides its text."""
    assert hasattr(SseServer, dialect.name)
    carried = sorted(one.value.replace("_", " ") for one in dialect.carries)
    return f"`sse_server.{dialect.name}()`: text, {', '.join(carried)}"


def fold(dialect: Dialect) -> str:
    """How many answers were read back as they were written: one for each gateway and each thing that can be said."""
    said: list[dict[str, str]] = [{}, *(fields for name, fields in _FIELDS.items() if name in dialect.carries)]
    for gateway in GATEWAYS.values():
        for fields in said:
            made = Completion.of(_TOKENS if "refusal" not in fields else (), **fields)
            found = dialect.fold(dialect.frame.decode(dialect.stream(made, gateway, _STREAMED).body))
            expected = Answer.of(made).first
            assert (found.text, found.reasoning, found.refusal) == (expected.text, expected.reasoning, expected.refusal)
            assert found.complete, dialect
    return f"a law; {len(GATEWAYS)} gateways"


def bill(dialect: Dialect) -> str:
    """What a bill counts."""
    stream = dialect.stream(Completion.of(_TOKENS), ONEROUTER, _STREAMED)
    assert len(stream.tokens) == len(_TOKENS)
    return "each token"


def cancel(dialect: Dialect) -> str:
    """What stops the model."""
    assert DEFAULT.stops_on_cancel
    if dialect.background is None:
        return "leaving"
    return f"leaving; `background`: `POST …{dialect.background.cancel}` alone"


def errors(dialect: Dialect) -> str:
    """The errors that are written and read back."""
    assert dialect.error_document(ONEROUTER, 429, "slow down")
    made = Completion.of(_TOKENS, error=Failure("gone", 502, after=2))
    found = dialect.fold(dialect.frame.decode(dialect.stream(made, ONEROUTER, _STREAMED).body))
    assert found.error is not None
    assert found.error.message == "gone"
    return "before and in the stream"


def contract(dialect: Dialect) -> str:
    """How many cases there are, and how many of them are about this API alone."""
    cases = [case for case in cases_of(dialect) if case.inapplicable is None]
    own = {case["id"] for case in dialect.cases()}
    assert own
    assert dialect.grammar is not None
    return f"{len(cases)} cases, {len(own)} its own; {len(dialect.grammar.clauses)} clauses"


def sdks(dialect: Dialect, *, node: bool) -> str:
    """The official SDKs and the other clients with a stored verdict, each with the number of cases that it fails."""
    pinned = json.loads((NODE / "package.json").read_text("utf-8"))["dependencies"]
    verdicts = notes()
    found = []
    for client in CLIENTS:
        if client.by_ci and client.dialect == dialect.name and (client.node is not None) is node:
            assert not node or client.packages[0] in pinned
            found.append(f"{client.name}: {len(verdicts[client.name])}")
    assert found, f"no client of {dialect.name}"
    return ", ".join(found)


def relay_check(dialect: Dialect) -> str:
    """Whether both sides of a relay are judged: what it writes is read back whole, and what is cut is told."""

    def seen(reply: Reply) -> Seen:
        sent = reply.answer(dialect.example_request).stream
        return Seen(
            "http://upstream",
            status=200,
            content_type=sent.frame.content_type,
            content=sent.body,
            ended=ResponseEnd.CLEAN,
        )

    whole = seen(Reply.completion(dialect, _TOKENS))
    assert whole.dialect is dialect
    assert judge.grammar(whole) is None
    assert texts.text(whole, sent="".join(_TOKENS), tokens=_TOKENS) is None
    cut = seen(Reply.completion(dialect, _TOKENS, through=[truncate(after_event(dialect.lead + 1), Ending.EOF)]))
    assert judge.ends_early(cut) is None
    return "both sides"


COLUMNS: dict[str, Callable[[Dialect], str]] = {
    "write": write,
    "fold": fold,
    "bill": bill,
    "cancel": cancel,
    "errors": errors,
    "contract": contract,
    "SDK py: fails": lambda dialect: sdks(dialect, node=False),
    "SDK js: fails": lambda dialect: sdks(dialect, node=True),
    "relay-check": relay_check,
}


def table() -> Table:
    """The matrix. Raises ``AssertionError`` where something that a cell says does not hold."""
    made = Table("apis", "What is there for each API", ("API", *COLUMNS))
    made.rows = [(name, *(cell(dialect) for cell in COLUMNS.values())) for name, dialect in DIALECTS.items()]
    return made


def page(rows: Sequence[tuple[str, ...]]) -> str:
    """The page with these rows of the matrix."""
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    lines = Table("apis", "", ("API", *COLUMNS), rows=list(rows)).as_markdown().split("\n\n")[1]
    return f"{before}{BEGIN}\n{lines}\n\n{END}{after}"


if __name__ == "__main__":
    made = table()
    PAGE.write_text(page(made.rows), "utf-8")
    print(made)
