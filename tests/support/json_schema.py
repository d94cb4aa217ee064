"""JSON Schema for the tests: as much of it as the package uses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

KINDS: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": int | float,
    "boolean": bool,
    "null": type(None),
}


def fits(schema: dict[str, Any], value: Any) -> bool:
    """JSON Schema, as much of it as is used here; an unknown keyword is an error."""
    rules: dict[str, Callable[[Any], bool]] = {
        "anyOf": lambda some: any(fits(one, value) for one in some),
        "enum": lambda some: value in some,
        "type": lambda name: isinstance(value, KINDS[name]) and (name == "boolean" or not isinstance(value, bool)),
        "minimum": lambda least: value >= least,
        "items": lambda one: all(fits(one, each) for each in value),
        "required": lambda names: set(names) <= set(value),
        "minProperties": lambda least: len(value) >= least,
        "maxProperties": lambda most: len(value) <= most,
        "properties": lambda known: all(fits(one, value[name]) for name, one in known.items() if name in value),
        "additionalProperties": lambda more: more is not False or set(value) <= set(schema["properties"]),
        "contentEncoding": lambda _: True,
        "description": lambda _: True,
    }
    if "type" in schema and not rules["type"](schema["type"]):
        return False
    return all(rules[keyword](argument) for keyword, argument in schema.items())
