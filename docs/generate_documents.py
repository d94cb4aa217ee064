"""The generated page of the keys of a scenario document, made from its JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from generate_markdown import Cells, code, page, prose, table

from orharness.scenario.schema import schema

Schema = Mapping[str, Any]


def documents_page() -> str:
    """Return the page of every key of a scenario document."""
    whole = schema(own=False)
    named = whole["$defs"]
    parts = [
        "# The keys of a scenario document",
        "Made from `orharness/scenario/scenario.schema.json`; what the keys mean is in [Scenarios](../scenarios.md)."
        " Above a table is the mapping whose keys it has.",
        "## The document",
        table(("key", "value"), _keys(whole)),
        "## A route {#route}",
        "These keys; in place of `replies`, a route with one reply has the keys of that reply.",
        table(("key", "value"), _keys(_route_with_replies(named))),
        "## A reply {#reply}",
        "The first column has the key that says what is answered; the others may be beside it.",
        table(("key", "value", "beside it"), _reply_rows(named)),
    ]
    for form in named["reply"]["anyOf"]:
        key = form["required"][0]
        if tables := list(_inner(form["properties"][key], f"{key}: %s")):
            parts += [f"### The value of {key}", *tables]
    for name, one in named.items():
        if name == "transform":
            parts += _transforms(one)
        elif name not in ("route", "reply"):
            parts += [f"### {name}", f"{value_of(one)}.", *_inner(one)]
    for text, name in _shared().items():
        one = json.loads(text)
        parts += [f"### {name}", f"{_MEANT[name]}: {_in_full(one)}.", *_inner_in_full(one, "%s")]
    return page(parts)


def _route_with_replies(named: Schema) -> Schema:
    return next(one for one in named["route"]["anyOf"] if "replies" in one["properties"])


def _reply_rows(named: Schema) -> Iterator[Cells]:
    for form in named["reply"]["anyOf"]:
        [key, *_] = form["required"]
        others = [other for other in form["properties"] if other != key]
        beside = ", ".join(_linked(other) if other in named else code(other) for other in others)
        yield code(key), value_of(form["properties"][key]), beside


def _transforms(one: Schema) -> Iterator[str]:
    """A section for each transform: what it does, and its arguments."""
    bare, known = one["anyOf"]
    yield "### transform"
    yield (
        "A mapping of the name of one transform to its first argument, or to a mapping of its arguments. A name alone,"
        f" without arguments, may be {', '.join(map(code, bare['enum']))}."
    )
    for name, arguments in known["properties"].items():
        yield f"#### {name} {{#transform-{name}}}"
        yield prose(arguments["description"])
        tables = list(_inner(arguments, f"{name}: %s"))
        yield f"Takes {value_of(arguments)}." if tables else "Takes no argument."
        yield from tables


# --- what a schema says -------------------------------------------------------------------------------------------


_MEANT = {
    "position": "An offset in the body, in bytes, or a place that is looked up in each stream",
    "item": "What is sent more, as an `event` without its delay",
    "matcher": "What a value must be; of several keys, each holds",
}


@cache
def _shared() -> dict[str, str]:
    """The schemas without a name of their own that are in many places: each as JSON, and its section here."""
    named = schema(own=False)["$defs"]
    transforms = named["transform"]["anyOf"][1]["properties"]
    shared = {
        "position": transforms["corrupt"]["anyOf"][-1]["properties"]["at"],
        "item": transforms["append"]["anyOf"][-1]["properties"]["event"],
        "matcher": named["when"]["properties"]["model"]["anyOf"][-1],
    }
    return {json.dumps(one): name for name, one in shared.items()}


def _inner(one: Schema, within: str = "%s") -> Iterator[str]:
    """A table for each mapping that a value may be, however deep, below the mapping that it shows the keys of.

    ``within``: what the mapping is in.
    """
    if json.dumps(one) not in _shared():
        yield from _inner_in_full(one, within)


def _inner_in_full(one: Schema, within: str) -> Iterator[str]:
    if one.get("properties"):
        shown = ", ".join(f"{key}: …" for key in one["properties"])
        yield code(within % f"{{{shown}}}")
        yield table(("key", "value"), _keys(one))
        for key, inner in one["properties"].items():
            yield from _inner(inner, f"{key}: %s")
    for inner in one.get("anyOf", ()):
        yield from _inner(inner, within)
    if "items" in one:
        yield from _inner(one["items"], within % "[%s]")


def _keys(one: Schema) -> Iterator[Cells]:
    for key, value in one["properties"].items():
        required = " (required)" if key in one.get("required", ()) else ""
        yield code(key) + required, value_of(value)


def _linked(name: str) -> str:
    return f"[`{name}`](#{name})"


def value_of(one: Schema) -> str:
    """Return what a schema allows, in words."""
    name = _shared().get(json.dumps(one))
    return _linked(name) if name else _in_full(one)


def _in_full(one: Schema) -> str:
    if "$ref" in one:
        return _linked(one["$ref"].rpartition("/")[2])
    if "anyOf" in one:
        words = dict.fromkeys(map(value_of, one["anyOf"]))
        return ", or ".join(f"({one})" if one.startswith("a list of") and len(words) > 1 else one for one in words)
    if "enum" in one:
        return ", ".join(map(code, one["enum"]))
    if "const" in one:
        return code(one["const"])
    kind = one.get("type")
    if isinstance(kind, list):
        return ", or ".join(_in_full({**one, "type": name}) for name in kind)
    if kind == "array":
        return f"a list of: {value_of(one['items'])}" if "items" in one else "a list"
    if kind == "object":
        return _mapping(one)
    least = f", at least {one['minimum']}" if "minimum" in one and kind != "null" else ""
    return f"{_TYPES[kind]}{least}" if kind else "any value"


def _mapping(one: Schema) -> str:
    if keys := ", ".join(map(code, one.get("properties", ()))):
        return f"a mapping of {keys}"
    values = one.get("additionalProperties")
    return f"a mapping of names to: {value_of(values)}" if values else "a mapping"


_TYPES = {
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "`true` or `false`",
    "null": "`null`",
}
