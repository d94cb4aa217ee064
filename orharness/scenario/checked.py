"""Options as they are given: each is checked where it is written, and a wrong one gets one sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TypeVar

from orharness.errors import ScenarioError

E = TypeVar("E", bound=StrEnum)
Headers = Mapping[str, str] | Iterable[tuple[str, str]]


def one_of(kind: type[E], value: str, what: str) -> E:
    """Return the member of an enumeration with that value. Raises ``ScenarioError`` that names them all."""
    try:
        return kind(value)
    except ValueError:
        raise ScenarioError(f"{what} is one of {', '.join(kind)}; not {value!r}") from None


def status_of(value: int) -> int:
    """Return an HTTP status. Raises ``ScenarioError`` for what is not a number of three digits."""
    if not isinstance(value, int) or not 100 <= value <= 999:
        raise ScenarioError(f"status is a number of three digits such as 200 or 429, not {value!r}")
    return value


def seconds_of(value: float, what: str) -> float:
    """Return a number of seconds. Raises ``ScenarioError`` unless it is finite and not negative."""
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value < float("inf"):
        raise ScenarioError(f"{what} is a number of seconds from 0 up, not {value!r}")
    return float(value)


def headers_of(given: object) -> tuple[tuple[str, str], ...]:
    """Return response headers as pairs. Raises ``ScenarioError`` for what is not a header, or is computed."""
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise ScenarioError(
            f"headers= takes a mapping of names to values, or pairs of a name and a value, not {given!r}"
        )
    pairs = tuple(given.items() if isinstance(given, Mapping) else given)
    for pair in pairs:
        if not (isinstance(pair, tuple | list) and len(pair) == 2 and all(isinstance(part, str) for part in pair)):
            raise ScenarioError(f"a header is a name and a value, both text, not {pair!r}")
    for name, value in pairs:
        if any(character in f"{name}{value}" for character in "\r\n\0"):
            raise ScenarioError(f"the header {name!r} has a line end or NUL in it: it cannot be sent")
    if computed := {name.lower() for name, _ in pairs} & {"content-length", "transfer-encoding"}:
        raise ScenarioError(f"{computed.pop()} is computed from the body and framing=: it cannot be given as a header")
    return tuple((name, value) for name, value in pairs)


def with_defaults(
    default: Iterable[tuple[str, str]], given: tuple[tuple[str, str], ...]
) -> tuple[tuple[str, str], ...]:
    """Return the default headers that are not given, then the given ones."""
    named = {name.lower() for name, _ in given}
    return (*((name, value) for name, value in default if name.lower() not in named), *given)
