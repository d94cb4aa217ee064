"""The forms of single values in a document: how each is read, written, and described by a schema."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from enum import StrEnum
from typing import Any, NoReturn

from orharness.dialects import DIALECTS
from orharness.errors import ScenarioError
from orharness.gateways import GATEWAYS, Gateway
from orharness.gateways import lookup as gateway_named
from orharness.latency import Latency
from orharness.providers import Provider
from orharness.providers import lookup as provider_named
from orharness.scenario.checked import headers_of
from orharness.scenario.node import Node, brief
from orharness.stream import Transform
from orharness.transforms import Composed, from_json, json_schema, step_to_json

Schema = dict[str, Any]
_WHOLE_BELOW = 1e15  # from here on a float without a fraction is not written as a whole number


@dataclass(frozen=True)
class Form:
    """One form: ``read`` makes a value from a node, ``write`` is its inverse, ``schema`` describes the document.

    ``read`` raises ``DocumentError``; ``write`` raises ``ScenarioError`` for what a document cannot express.
    """

    read: Callable[[Node], Any]
    write: Callable[[Any], Any]
    schema: Schema


def same(value: Any) -> Any:
    """Return the value: it is written as it is."""
    return value


def refused(what: str, why: str) -> NoReturn:
    """Raise ``ScenarioError``: a document cannot express this."""
    raise ScenarioError(f"{what} cannot be written to a document: {why}")


def seconds_written(value: float) -> float:
    """Return a number as it is written: as a whole number if it has no fraction."""
    return int(value) if value == int(value) and value < _WHOLE_BELOW else value


def one_of(kind: type[StrEnum]) -> Form:
    """Return the form of an enumeration: one of its values."""

    def read(node: Node) -> Any:
        if node.value not in list(kind):
            node.fail(f"one of {', '.join(kind)} is expected here, not {brief(node.value)}")
        return kind(node.value)

    return Form(read, str, {"enum": [str(one) for one in kind]})


def nullable(form: Form) -> Form:
    """Return the form that may also be null."""

    def read(node: Node) -> Any:
        return None if node.value is None else form.read(node)

    return Form(read, lambda value: None if value is None else form.write(value), either({"type": "null"}, form.schema))


def listed(form: Form, what: str) -> Form:
    """Return the form of a list, which is a tuple in Python."""

    def read(node: Node) -> Any:
        return tuple(form.read(one) for one in node.items(what))

    return Form(read, lambda values: [form.write(one) for one in values], {"type": "array", "items": form.schema})


def record(kind: type[Any], forms: Mapping[str, Form], what: str) -> Form:
    """Return the form of a dataclass: a mapping without the fields that have their default."""
    defaults = {one.name: one.default for one in fields(kind)}
    required = [name for name in forms if defaults[name] is MISSING]

    def read(node: Node) -> Any:
        node.mapping(forms, what).require(required, what)
        with node.blamed():
            return kind(**{key: forms[key].read(node[key]) for key in node.value})

    def write(value: Any) -> Any:
        given = {name: getattr(value, name) for name in forms}
        return {name: forms[name].write(one) for name, one in given.items() if one != defaults[name]}

    return Form(read, write, object_schema({name: form.schema for name, form in forms.items()}, required))


def object_schema(properties: Mapping[str, Schema], required: Sequence[str] = ()) -> Schema:
    """Return the schema of a mapping with exactly these keys."""
    needed = {"required": list(required)} if required else {}
    return {"type": "object", "properties": dict(properties), **needed, "additionalProperties": False}


def either(*schemas: Schema) -> Schema:
    """Return the schema of a value that matches one of several."""
    return {"anyOf": list(schemas)}


TEXT = Form(Node.text, same, {"type": "string"})
BOOLEAN = Form(Node.boolean, same, {"type": "boolean"})
SECONDS = Form(Node.number, seconds_written, {"type": "number", "minimum": 0})
ANY = Form(lambda node: node.value, same, {})


def whole(least: int) -> Form:
    """Return the form of a whole number from ``least`` up."""
    return Form(lambda node: node.whole(least), same, {"type": "integer", "minimum": least})


# --- bytes --------------------------------------------------------------------------------------------------------

BYTES_KEYS = {"text": TEXT.schema, "base64": {"type": "string", "contentEncoding": "base64"}}


def read_bytes(node: Node) -> bytes:
    """Return the bytes of a mapping that has a ``text`` (as UTF-8) or ``base64``."""
    if "text" in node:
        with node["text"].blamed():
            return _encoded(node["text"].text())
    node.require(["base64"], "a number of bytes")
    try:
        return b64decode(node["base64"].text(), validate=True)
    except ValueError:
        node["base64"].fail(f"this is not base64: {brief(node['base64'].value)}")


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise ScenarioError(f"half of a surrogate pair is not a character: {error.reason}") from None


def write_bytes(data: bytes) -> dict[str, Any]:
    """Return ``{text: …}`` for UTF-8, else ``{base64: …}``."""
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        return {"base64": b64encode(data).decode()}


def _bytes(node: Node) -> bytes:
    node.mapping(BYTES_KEYS, "a body")
    if len(node.value) > 1:
        node.fail("a body is a text or base64, not both")
    return read_bytes(node)


BYTES = Form(_bytes, write_bytes, either(*(object_schema({key: one}, [key]) for key, one in BYTES_KEYS.items())))


# --- what has a name ----------------------------------------------------------------------------------------------

_PROVIDER = record(Provider, {"name": TEXT, "stops_on_cancel": BOOLEAN}, "a provider")


def _read_provider(node: Node) -> Provider:
    if isinstance(node.value, str):
        with node.blamed():
            return provider_named(node.value)
    made: Provider = _PROVIDER.read(node)
    return made


def _write_provider(provider: Provider) -> Any:
    try:
        return provider.name if provider_named(provider.name) == provider else _PROVIDER.write(provider)
    except ScenarioError:  # a user's own transform
        return _PROVIDER.write(provider)


PROVIDER = nullable(Form(_read_provider, _write_provider, either(TEXT.schema, _PROVIDER.schema)))


def _read_gateway(node: Node) -> Gateway:
    with node.blamed():
        return gateway_named(node.text())


def _write_gateway(gateway: Gateway) -> str:
    if GATEWAYS.get(gateway.name) != gateway:
        refused(f"the gateway {gateway.name!r}", f"a document names one of {', '.join(GATEWAYS)}")
    return gateway.name


GATEWAY = Form(_read_gateway, _write_gateway, TEXT.schema)


def _read_dialect(node: Node) -> str:
    with node.blamed():
        return DIALECTS.named(node.text()).name


DIALECT = Form(_read_dialect, same, TEXT.schema)


def _read_latency(node: Node) -> Latency:
    with node.blamed():
        return Latency(node.text())


LATENCY = nullable(Form(_read_latency, lambda latency: latency.text, TEXT.schema))


# --- headers ------------------------------------------------------------------------------------------------------


def _read_headers(node: Node) -> tuple[tuple[str, str], ...]:
    with node.blamed():
        return headers_of(node.value)


def _write_headers(headers: tuple[tuple[str, str], ...]) -> Any:
    named = dict(headers)
    return named if len(named) == len(headers) else [list(pair) for pair in headers]


HEADERS = Form(
    _read_headers,
    _write_headers,
    either(
        {"type": "object", "additionalProperties": TEXT.schema},
        {"type": "array", "items": {"type": "array", "items": TEXT.schema, "minItems": 2, "maxItems": 2}},
    ),
)


# --- transforms ---------------------------------------------------------------------------------------------------


def _read_step(node: Node) -> Transform:
    with node.blamed():
        return from_json(node.value)


def _write_through(through: Sequence[Transform]) -> list[Any]:
    flat = [step for one in through for step in (one.steps if isinstance(one, Composed) else (one,))]
    return [step_to_json(one) for one in flat]


THROUGH = Form(
    lambda node: tuple(_read_step(one) for one in node.items("through")),
    _write_through,
    {"type": "array", "items": {"$ref": "#/$defs/transform"}},
)
TRANSFORM_SCHEMA = json_schema


def json_written(what: str, value: Any) -> Any:
    """Return the value in JSON's types. Raises ``ScenarioError`` for what JSON cannot hold."""
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError) as error:
        refused(what, str(error))
