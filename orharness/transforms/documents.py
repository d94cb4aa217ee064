"""Transforms in documents: ``from_json`` is the inverse of ``Step.to_json``, ``json_schema`` describes both.

The types of arguments are read from the annotations of the transform's factory, also of a user's own. An argument
without an annotation may be any JSON value.
"""

from __future__ import annotations

import types
import typing
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from enum import Enum
from functools import cache
from inspect import BoundArguments, Parameter
from typing import Any, get_args, get_origin, get_type_hints

from orharness.errors import ScenarioError
from orharness.sse import Comment, Event, Item, Retry
from orharness.transforms.families import Factory, Step, factories, factory_named
from orharness.transforms.layout import PLACES, Place

_Schema = dict[str, Any]


def from_json(value: Any) -> Step:
    """Return the step for an entry of ``through`` in a document.

    An entry is a name, or a mapping of one name to the first argument, to a mapping of arguments or, if the transform
    takes any number of values, to a list. Raises ``ScenarioError`` for an unknown name and for a wrong argument, which
    it names.
    """
    name, given = _named(value)
    factory = factory_named(name)
    if factory is None:
        raise ScenarioError(f"there is no transform {name!r}{_nearest(name, factories())}")
    values = {
        parameter: _read(f"{name}({parameter}=)", argument, *_expected(factory, parameter))
        for parameter, argument in _arguments_of(factory, given).items()
    }
    missing = [one.name for one in factory.parameters.values() if _is_required(one) and one.name not in values]
    if missing:
        raise ScenarioError(f"{name} needs {missing[0]}: write {{{name}: {{{missing[0]}: …}}}}")
    return _call(factory, values)


def item_from_json(value: Any, what: str = "an event") -> Item:
    """Return the event, comment or retry of a document form: the inverse of ``item_to_json``.

    Raises ``ScenarioError``, which begins with ``what``, for anything else.
    """
    found = next((made for kind in (Event, Comment, Retry) for made in _FORMS[kind].read(value)), None)
    if found is None:
        kinds = ", ".join(_FORMS[kind].title for kind in (Event, Comment, Retry))
        raise ScenarioError(f"{what} is one of {kinds}, not {value!r}")
    assert isinstance(found, Event | Comment | Retry)
    return found


def json_schema(*, own: bool = True) -> _Schema:
    """Return the JSON Schema (draft 2020-12) of one entry of ``through``.

    It has every transform of this package and, unless ``own`` is false, those of the user's modules that were imported.
    """
    known = [factory for factory in factories().values() if own or not factory.own]
    bare = [factory.name for factory in known if not any(map(_is_required, factory.parameters.values()))]
    return {
        "anyOf": [
            {"enum": bare},
            {
                "type": "object",
                "properties": {factory.name: _factory_schema(factory) for factory in known},
                "additionalProperties": False,
                "minProperties": 1,
                "maxProperties": 1,
            },
        ]
    }


# -- reading -------------------------------------------------------------------------------------------------------


def _named(value: Any) -> tuple[str, Any]:
    if isinstance(value, str):
        return value, {}
    if isinstance(value, Mapping) and len(value) == 1:
        name, given = next(iter(value.items()))
        if isinstance(name, str):
            return name, given
    raise ScenarioError(f"a transform is a name or a mapping of one name to its arguments, not {value!r}")


def _arguments_of(factory: Factory, given: Any) -> dict[str, Any]:
    """Return the arguments by parameter, as JSON."""
    parameters = list(factory.parameters)
    unknown = [name for name in given if name not in parameters] if isinstance(given, Mapping) else []
    if isinstance(given, Mapping) and not unknown:
        return dict(given)
    if not parameters:
        raise ScenarioError(f"{factory.name} takes no arguments, not {given!r}")
    if unknown and not _is_first_argument(factory, parameters[0], given, mixed=len(unknown) < len(given)):
        hint = _nearest(str(unknown[0]), factory.parameters)
        raise ScenarioError(f"{factory.name} has no argument {unknown[0]!r}{hint}; it takes {', '.join(parameters)}")
    return {parameters[0]: given}


def _is_first_argument(factory: Factory, parameter: str, given: Mapping[str, Any], *, mixed: bool) -> bool:
    """Return whether a mapping is the first argument itself: a position, an event.

    ``mixed``: some of its keys are names of parameters, so it must also have a form of that argument.
    """
    forms, many = _expected(factory, parameter)
    if mixed:
        return any(True for form in forms for _ in form.read(given))
    return many == "mapping" or any(form.schema.get("type") == "object" or form is _ANY for form in forms)


def _call(factory: Factory, values: dict[str, Any]) -> Step:
    """Call a factory as a user would: the first argument by position, the others by name."""
    bound = BoundArguments(factory.signature, {**values})
    args, kwargs = bound.args, bound.kwargs
    parameters = list(factory.parameters.values())
    if not any(one.kind is Parameter.VAR_POSITIONAL and values.get(one.name) for one in parameters):
        named = [one.name for one in parameters[1 : len(args)] if one.kind is Parameter.POSITIONAL_OR_KEYWORD]
        args = args[: len(args) - len(named)]
        kwargs = {**{name: values[name] for name in named if name in values}, **kwargs}
    return factory.make(*args, **kwargs)


def _is_required(parameter: Parameter) -> bool:
    variable = parameter.kind in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
    return parameter.default is Parameter.empty and not variable


def _nearest(name: str, known: Mapping[str, object]) -> str:
    near = get_close_matches(name, known, n=1)
    return f" (did you mean {near[0]}?)" if near else ""


# -- what an argument may be ---------------------------------------------------------------------------------------


class _Form:
    """One form of a value in a document: its reader, its schema, and its name in errors."""

    def __init__(self, title: str, schema: _Schema, read: Callable[[Any], Iterator[Any]]) -> None:
        self.title = title
        self.schema = schema
        self.read = read  # yields the value, or nothing if the JSON has another form


def _read(what: str, value: Any, forms: tuple[_Form, ...], many: str) -> Any:
    """Return the value of the first form that matches. ``many``: the value is a list or mapping of such values."""
    if many == "list":
        values = value if isinstance(value, list | tuple) else [value]
        return tuple(_read(what, one, forms, "") for one in values)
    if many == "mapping":
        return {name: _read(what, one, forms, "") for name, one in value.items()}
    for form in forms:
        for meant in form.read(value):
            return meant
    expected = " or ".join(dict.fromkeys(form.title for form in forms)) or "nothing that a document can say"
    raise ScenarioError(f"{what} is {expected}, not {value!r}")


def _expected(factory: Factory, parameter: str) -> tuple[tuple[_Form, ...], str]:
    hint = _hints(factory.function).get(parameter, Any)
    return _forms(hint), _MANY.get(factory.parameters[parameter].kind, "")


_MANY: dict[object, str] = {Parameter.VAR_POSITIONAL: "list", Parameter.VAR_KEYWORD: "mapping"}


@cache
def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(function)
    except NameError:  # a name that exists only for the type checker
        return {}


def _forms(hint: Any) -> tuple[_Form, ...]:
    """Return the forms of an annotation; those of a union in its order."""
    origin = get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return tuple(form for one in get_args(hint) for form in _forms(one))
    if origin is typing.Annotated or isinstance(hint, typing.NewType):
        return _forms(get_args(hint)[0] if origin else hint.__supertype__)
    if origin is typing.Literal:
        return (_literal(get_args(hint)),)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return (_enum(hint),)
    kind = origin or hint
    if kind is Callable or kind is types.FunctionType:
        # A function that finds an offset may be a named position; others work in Python only.
        return tuple(map(_place, PLACES)) if get_args(hint)[-1:] == (int,) else ()
    if kind in _FORMS:
        return (_FORMS[kind],)
    if isinstance(kind, type) and issubclass(kind, Sequence):
        return (_array(get_args(hint)),)
    if isinstance(kind, type) and issubclass(kind, Mapping):
        return (_of_type("a mapping", "object", Mapping),)
    return (_ANY,)


def _of_type(title: str, name: str, kind: Any) -> _Form:
    def read(value: Any) -> Iterator[Any]:
        if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
            yield value

    return _Form(title, {"type": name}, read)


def _literal(values: tuple[Any, ...]) -> _Form:
    title = f"one of {', '.join(map(str, values))}"
    return _Form(title, {"enum": list(values)}, lambda value: iter([value] if value in values else []))


def _enum(kind: type[Enum]) -> _Form:
    values = [one.value for one in kind]
    title = f"one of {', '.join(map(str, values))}"
    return _Form(title, {"enum": values}, lambda value: iter([kind(value)] if value in values else []))


def _array(of: tuple[Any, ...]) -> _Form:
    forms = _forms(of[0]) if of else (_ANY,)

    def read(value: Any) -> Iterator[Any]:
        if isinstance(value, list | tuple):
            yield tuple(_read("each", one, forms, "") for one in value)

    return _Form("a list", {"type": "array", "items": _union(forms)}, read)


def _place(name: str) -> _Form:
    forms = _forms(get_type_hints(PLACES[name])[_parameter_of(name)])

    def read(value: Any) -> Iterator[Place]:
        if isinstance(value, Mapping) and list(value) == [name]:
            yield PLACES[name](_read(f"{name}({_parameter_of(name)})", value[name], forms, ""))

    return _Form(f"{{{name}: …}}", _mapping({name: _union(forms)}, [name]), read)


def _parameter_of(place: str) -> str:
    return next(one for one in get_type_hints(PLACES[place]) if one != "return")


def _made(title: str, properties: dict[str, Any], required: str, make: Callable[..., Any]) -> _Form:
    """Return the form of an event, comment or retry, or of bytes: a mapping with these keys."""

    def read(value: Any) -> Iterator[Any]:
        if not isinstance(value, Mapping) or required not in value or not set(value) <= set(properties):
            return
        if all(_has_type(properties[name]["type"], one) for name, one in value.items()):
            yield from make(**value)

    return _Form(title, _mapping(properties, [required]), read)


def _has_type(name: str, value: Any) -> bool:
    return (
        isinstance(value, str) if name == "string" else isinstance(value, int | float) and not isinstance(value, bool)
    )


def _event(data: str, event: str = "message", id: str = "") -> Iterator[Event]:  # noqa: A002, the field's own name
    yield Event(event, data, id)


def _bytes(base64: str) -> Iterator[bytes]:
    try:
        yield b64decode(base64, validate=True)
    except ValueError:
        return


def _mapping(properties: dict[str, Any], required: list[str]) -> _Schema:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


_TEXT: _Schema = {"type": "string"}
_ANY = _Form("any value", {}, lambda value: iter([value]))
_FORMS: dict[Any, _Form] = {
    Any: _ANY,
    object: _ANY,
    Parameter.empty: _ANY,
    int: _of_type("a whole number", "integer", int),
    float: _of_type("a number", "number", int | float),
    bool: _of_type("true or false", "boolean", bool),
    str: _of_type("a text", "string", str),
    type(None): _of_type("null", "null", type(None)),
    bytes: _made("{base64: …}", {"base64": {**_TEXT, "contentEncoding": "base64"}}, "base64", _bytes),
    Event: _made("{data: …, event: …, id: …}", {"data": _TEXT, "event": _TEXT, "id": _TEXT}, "data", _event),
    Comment: _made("{comment: …}", {"comment": _TEXT}, "comment", lambda comment: iter([Comment(comment)])),
    Retry: _made(
        "{retry: …}", {"retry": {"type": "number", "minimum": 0}}, "retry", lambda retry: iter([Retry(retry)])
    ),
}


# -- the schema ----------------------------------------------------------------------------------------------------


def _union(forms: tuple[_Form, ...]) -> _Schema:
    schemas = [form.schema for form in forms]
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _factory_schema(factory: Factory) -> _Schema:
    """Return the schema of the arguments after a transform's name."""
    parameters = list(factory.parameters.values())
    named = _mapping(
        {one.name: _parameter_schema(factory, one) for one in parameters},
        [one.name for one in parameters if _is_required(one)],
    )
    # The first argument may be given alone if the others have defaults.
    short = bool(parameters) and not any(map(_is_required, parameters[1:]))
    alone = [_parameter_schema(factory, parameters[0])] if short else []
    first_line = (factory.function.__doc__ or "").strip().partition("\n")[0]
    return {**({"description": first_line} if first_line else {}), "anyOf": [*alone, named]}


def _parameter_schema(factory: Factory, parameter: Parameter) -> _Schema:
    forms, many = _expected(factory, parameter.name)
    schema = _union(forms)
    if many == "list":
        return {"anyOf": [{"type": "array", "items": schema}, schema]}
    if many == "mapping":
        return {"type": "object", "additionalProperties": schema}
    return schema
