"""The conditions of a route in a document: ``when``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from orharness.scenario import forms
from orharness.scenario.difference import MATCHERS
from orharness.scenario.forms import Form, Schema, either, object_schema
from orharness.scenario.node import Node
from orharness.scenario.route import CONDITIONS

_MATCHER: Schema = object_schema(
    {"equals": {}, "contains": {"type": "string"}, "matches": {"type": "string", "format": "regex"}}
) | {"minProperties": 1}
_VALUE = either({"type": ["string", "number", "boolean", "null"]}, _MATCHER)
_SCHEMAS: dict[str, Schema] = {
    "model": _VALUE,
    "turn": either({"type": "integer", "minimum": 0}, _MATCHER),
    "last_user": _VALUE,
    "step": either({"type": "integer", "minimum": 0}, _MATCHER),
    "tools": _VALUE,
    "has_tool_result": {"type": "boolean"},
    "last_tool": _VALUE,
    "tool_result": _VALUE,
    "headers": {"type": "object", "additionalProperties": _VALUE},
    "json": {"type": "object"},
}


def _read(node: Node) -> Mapping[str, Any]:
    node.mapping(CONDITIONS, "when")
    for key in node.value:
        if key == "headers":
            for name in node[key].mapping(node[key].value if isinstance(node[key].value, dict) else (), key).value:
                _check_value(node[key][name])
        elif key == "json":
            node[key].mapping(node[key].value if isinstance(node[key].value, dict) else (), "json of a condition")
        elif key in ("turn", "step") and not isinstance(node[key].value, Mapping):
            node[key].whole(0)
        elif key == "has_tool_result":
            node[key].boolean()
        else:
            _check_value(node[key])
    return dict(node.value)


def _check_value(node: Node) -> None:
    if isinstance(node.value, list):
        node.fail(f"a value, or a mapping of {', '.join(MATCHERS)}, is expected here, not a list")
    if not isinstance(node.value, Mapping):
        return
    node.mapping(MATCHERS, "a condition")
    if not node.value:
        node.fail(f"a condition has one of {', '.join(MATCHERS)} at least")
    for name in ("contains", "matches"):
        if name in node:
            node[name].text()
    if "matches" in node:
        try:
            re.compile(node["matches"].value)
        except re.error as error:
            node["matches"].fail(f"this is not a regular expression: {error}")


def _write(when: Any) -> Any:
    return None if when is None else forms.json_written("the condition of a route", when)


WHEN = Form(_read, _write, object_schema(_SCHEMAS))
