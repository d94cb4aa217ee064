"""Scenario documents: replies, routes and whole scenarios as JSON values, and YAML or JSON files of them.

``read(write(scenario)) == scenario``, and ``write(read(document))`` is the canonical form: keys in one order, defaults
omitted. ``write`` refuses what a document cannot express (a predicate, a plain function, a stream with gates).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from orharness.cassette.interaction import Interaction
from orharness.dialects import DIALECTS
from orharness.dialects.completion import Completion
from orharness.errors import ScenarioError
from orharness.journal import Pacing
from orharness.journal.expectation import Expectation, Upstream
from orharness.journal.outcome import Outcome
from orharness.providers import DEFAULT
from orharness.scenario import forms
from orharness.scenario.bodies import KINDS, BodyKind, Cassettes, Taped
from orharness.scenario.body import Plain
from orharness.scenario.checked import status_of
from orharness.scenario.conditions import WHEN
from orharness.scenario.encoding import CODINGS
from orharness.scenario.forms import SECONDS, TEXT, Form, record, refused, whole
from orharness.scenario.mistakes import mistakes
from orharness.scenario.node import DocumentError, Node, brief
from orharness.scenario.reply import Reply
from orharness.scenario.route import Route, Turns
from orharness.stream import Ending, Framing
from orharness.transforms import Step

VERSION = 1


@dataclass(frozen=True)
class Scenario:
    """The routes of a document, in their order."""

    routes: tuple[Route, ...] = ()


# --- replies ------------------------------------------------------------------------------------------------------


def _read_status(node: Node) -> int:
    with node.blamed():
        return status_of(node.value)


def _read_coding(node: Node) -> str:
    if node.value not in CODINGS:
        node.fail(f"one of {', '.join(CODINGS)} is expected here, not {brief(node.value)}")
    return str(node.value)


OPTIONS: dict[str, Form] = {
    "dialect": forms.DIALECT,
    "gateway": forms.GATEWAY,
    "provider": forms.PROVIDER,
    "pace": SECONDS,
    "latency": forms.LATENCY,
    "price": SECONDS,
    "status": Form(_read_status, forms.same, {"type": "integer", "minimum": 100, "maximum": 999}),
    "headers": forms.HEADERS,
    "default_headers": forms.BOOLEAN,
    "encoding": Form(_read_coding, forms.same, {"enum": list(CODINGS)}),
    "head": SECONDS,
    "delay": SECONDS,
    "through": forms.THROUGH,
    "ending": forms.one_of(Ending),
    "framing": forms.one_of(Framing),
    "pacing": forms.one_of(Pacing),
}
"""The options of a reply, by the name of their field, in the order in which they are written."""


def read_reply(value: Any, folder: Path | None = None) -> Reply:
    """Return the reply of a document form. ``folder``: where its cassettes are.

    Raises ``ScenarioError`` for an invalid form, with the keys that lead to the place.
    """
    found = _read_replies(Node(value), Cassettes(folder))
    if len(found) > 1:
        raise ScenarioError(f"interaction: a reply is one response, and the cassette holds {len(found)}: name one")
    return found[0]


def write_reply(reply: Reply) -> dict[str, Any]:
    """Return the document form of a reply. Raises ``ScenarioError`` for what a document cannot express."""
    kind = KINDS[_kind_of(reply)]
    defaults = _defaults(reply.body)
    written = {}
    for name, form in OPTIONS.items():
        value = getattr(reply, name)
        if value == defaults[name] or (name == "dialect" and isinstance(reply.body, Completion)):
            continue
        if name not in kind.takes:
            refused(f"{name}= of {kind.called}", "it has no effect")
        written[name] = form.write(value)
    body = kind.write(reply)
    if not body:  # an empty plain response is identified by its status
        written = {"status": reply.status, **written}
    return {**body, **written}


def _kind_of(reply: Reply) -> type[Any]:
    return Interaction if isinstance(reply.body, Interaction) else type(reply.body)


def _defaults(body: object) -> dict[str, Any]:
    found = {name: Reply.__dataclass_fields__[name].default for name in OPTIONS}
    return {**found, "provider": DEFAULT} if isinstance(body, Completion) else found


def body_keys() -> dict[str, type[Any]]:
    """Return the keys that define a body, each with its kind."""
    return {key: body for body, kind in KINDS.items() for key in kind.keyed() if key != "interaction"}


def _read_replies(node: Node, cassettes: Cassettes, around: Collection[str] = ()) -> list[Reply]:
    """Return the replies in a mapping: one, or one for each interaction of a cassette.

    ``around``: the keys of the route that contains the reply.
    """
    key, kind = _chosen(node, around)
    for name in node.value:
        if name not in (*kind.keyed(), *kind.takes, *around):
            _refuse_key(node, name, kind, key, around)
    options = {name: OPTIONS[name].read(node[name]) for name in kind.takes if name in node}
    return [_built(node, body, key, options) for body in kind.read(node, key, cassettes)]


def _chosen(node: Node, around: Collection[str]) -> tuple[str, BodyKind]:
    bodies = body_keys()
    everything = (*bodies, *around, "interaction", *OPTIONS)
    node.mapping(everything, "a route" if around else "a reply")
    named = [key for key in bodies if key in node]
    if len(named) > 1:
        node.fail(f"{named[0]!r} and {named[1]!r} both say what is answered: a reply has one of them")
    if not named and "status" not in node:
        node.fail(f"what is answered is missing: one of {', '.join(bodies)}, or a status")
    key = named[0] if named else "status"
    return key, KINDS[bodies[named[0]]] if named else next(one for one in KINDS.values() if not one.required)


def _refuse_key(node: Node, name: str, kind: BodyKind, key: str, around: Collection[str]) -> None:
    taken = ", ".join((*kind.takes, *around))
    node[name].fail(f"{kind.called} ({key}) does not take {name!r}; it takes {taken}")


def _built(node: Node, body: Any, key: str, options: dict[str, Any]) -> Reply:
    if isinstance(body, Completion):
        options = {"provider": DEFAULT, **options}
        body = replace(body, provider=(options["provider"] or DEFAULT).name)
        options["dialect"] = key if key in DIALECTS else None
    try:
        return Reply(body, **options)
    except DocumentError:
        raise
    except ScenarioError as error:
        raise DocumentError((*node.keys, *_blamed(options.get("through", ()), str(error))), str(error)) from error


def _blamed(through: tuple[Any, ...], sentence: str) -> tuple[str | int, ...]:
    """Return the keys of the transform that an error begins with: the one that cannot be applied to this stream."""
    for index, step in enumerate(through):
        if isinstance(step, Step) and sentence.startswith((f"{step.name}:", f"{step.name}(", f"{step.name} ")):
            return ("through", index)
    return ()


# --- routes -------------------------------------------------------------------------------------------------------

_EXPECTATION = record(
    Expectation,
    {"outcome": forms.one_of(Outcome), "within": SECONDS, "upstream": forms.one_of(Upstream)},
    "expect",
)


def _read_path(node: Node) -> str | None:
    if node.value is not None and not node.text().startswith("/"):
        node.fail(f"a path begins with a slash, or is null for any dialect's, not {brief(node.value)}")
    path: str | None = node.value
    return path


ROUTE: dict[str, Form] = {
    "when": WHEN,
    "method": Form(lambda node: node.text().upper(), forms.same, TEXT.schema),
    "path": Form(_read_path, forms.same, {"type": ["string", "null"], "pattern": "^/"}),
    "times": whole(1),
    "expect": _EXPECTATION,
    "by": forms.one_of(Turns),
}
_ONLY_IN_ROUTES = (*ROUTE, "replies")


def read_route(value: Any, folder: Path | Cassettes | None = None) -> Route:
    """Return the route of a document form; ``folder`` as for ``read``. Raises ``ScenarioError`` for an invalid form."""
    return _read_route(Node(value), _cassettes(folder))


def _cassettes(folder: Path | Cassettes | None) -> Cassettes:
    return folder if isinstance(folder, Cassettes) else Cassettes(folder)


def _read_route(node: Node, cassettes: Cassettes) -> Route:
    replies = tuple(_replies_of(node, cassettes))
    given: dict[str, Any] = {key: form.read(node[key]) for key, form in ROUTE.items() if key in node}
    values = {"method": "POST", "path": _path_of(replies), **given}
    with node.blamed():
        return Route(replies=replies, **values)


def _replies_of(node: Node, cassettes: Cassettes) -> list[Reply]:
    if not isinstance(node.value, Mapping) or "replies" not in node:
        return _read_replies(node, cassettes, (*ROUTE, "replies"))
    node.mapping(_ONLY_IN_ROUTES, "a route with 'replies'")
    found = [reply for one in node["replies"].items("replies") for reply in _read_replies(one, cassettes)]
    return found or node["replies"].fail("replies has at least one reply")


def _path_of(replies: tuple[Reply, ...]) -> str | None:
    """Return where a route is that names no path: the endpoint of the one dialect its replies pin, else ``None``: any.

    A plain answer, such as a 429 before a completion, pins none.
    """
    answers = [one for one in replies if not isinstance(one.body, Plain)]
    pinned = {one.dialect if isinstance(one.body, Completion) else None for one in answers}
    dialect = pinned.pop() if len(pinned) == 1 else None
    return None if dialect is None else DIALECTS[dialect].paths[0]


def write_route(route: Route) -> dict[str, Any]:
    """Return the document form of a route. Raises ``ScenarioError`` for what a document cannot express."""
    if route.choose is not None or type(route) is not Route:
        refused(f"the route {route.name}", "it chooses its replies with a function")
    if callable(route.when):
        refused(f"the condition of {route.name}", "a function of the request works in Python only")
    defaults = {"when": None, "method": "POST", "path": _path_of(route.replies), "times": None, "expect": None}
    defaults |= {"by": Turns.ORDER}
    written = {
        key: form.write(getattr(route, key)) for key, form in ROUTE.items() if getattr(route, key) != defaults[key]
    }
    replies = list(_written_replies(route.replies))
    expect = {"expect": written.pop("expect")} if "expect" in written else {}
    return {**written, **(replies[0] if len(replies) == 1 else {"replies": replies}), **expect}


def _written_replies(replies: tuple[Reply, ...]) -> Iterator[dict[str, Any]]:
    """Yield each reply; all interactions of a cassette in recorded order are one."""
    for _, same_tape in groupby(enumerate(replies), lambda pair: _tape(*pair)):
        group = [reply for _, reply in same_tape]
        last = group[-1].body
        if isinstance(last, Taped) and len(group) == last.of:
            written = write_reply(group[0])
            written.pop("interaction", None)
            yield written
        else:
            yield from map(write_reply, group)


def _tape(index: int, reply: Reply) -> object:
    """Return a key that is equal for replies that play one cassette in recorded order, and different for all others."""
    body = reply.body
    if not isinstance(body, Taped):
        return index
    return body.file, index - body.number, [getattr(reply, name) for name in OPTIONS]


# --- documents ----------------------------------------------------------------------------------------------------


def read(value: Any, folder: Path | Cassettes | None = None) -> Scenario:
    """Return the scenario of a document. ``folder``: what its cassettes are relative to, or the cassettes themselves.

    Raises ``ScenarioError`` for an invalid form, with the keys that lead to the place.
    """
    found = _cassettes(folder)
    return Scenario(tuple(_read_route(one, found) for one in _routes_in(Node(value))))


def _routes_in(node: Node) -> list[Node]:
    node.mapping(("orharness", "routes"), "a scenario").require(("orharness", "routes"), "a scenario")
    if node["orharness"].value != VERSION or isinstance(node["orharness"].value, bool):
        node["orharness"].fail(f"the version of this form is {VERSION}, not {brief(node['orharness'].value)}")
    return node["routes"].items("routes")


def write(scenario: Scenario) -> dict[str, Any]:
    """Return the canonical document of a scenario. Raises ``ScenarioError`` for what a document cannot express."""
    return {"orharness": VERSION, "routes": [write_route(one) for one in scenario.routes]}


def load(path: Path) -> Scenario:
    """Return the scenario of a YAML or JSON file. Raises ``ScenarioError`` with file, line and keys."""
    scenario, wrong = examined(path)
    if wrong:
        raise ScenarioError(wrong[0])
    return scenario


def examined(path: Path) -> tuple[Scenario, list[str]]:
    """Return the valid routes of a file, and the mistakes in the others, a sentence each."""
    try:
        text = path.read_bytes()
    except OSError as error:
        return Scenario(), [f"{path}: the scenario cannot be read: {error.strerror}"]
    return examined_text(text, str(path), Cassettes(path.parent))


def examined_text(text: str | bytes, name: str, cassettes: Cassettes) -> tuple[Scenario, list[str]]:
    """As ``examined``, of a file's text. ``name``: the file, for errors."""
    from orharness.yamlfile import load_document

    routes, wrong = [], []
    try:
        located = load_document(text, name)
        for one in _routes_in(Node(located.value)):
            try:
                routes.append(_read_route(one, cassettes))
            except DocumentError:
                found = mistakes(one, lambda node: _read_route(node, cassettes))
                placed = [(located.line_of(mistake.keys), mistake) for mistake in found]
                wrong += [f"{name}:{line}: {said}" for line, said in sorted(placed, key=lambda pair: pair[0])]
    except DocumentError as error:
        wrong.append(f"{name}:{located.line_of(error.keys)}: {error}")
    except ScenarioError as error:  # it is not YAML; the error says where
        wrong.append(str(error))
    return Scenario(tuple(routes)), wrong
