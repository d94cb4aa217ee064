"""Checks of options where they are given: a wrong one raises one sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from orharness.errors import ScenarioError

E = TypeVar("E", bound=StrEnum)
K = TypeVar("K")
Headers = Mapping[str, str] | Iterable[tuple[str, str]]


def one_of(kind: type[E], value: str, what: str) -> E:
    """Return the member of an enumeration with that value. Raises ``ScenarioError`` with all possible values."""
    try:
        return kind(value)
    except ValueError:
        raise ScenarioError(f"{what} is one of {', '.join(kind)}; not {value!r}") from None


def status_of(value: int) -> int:
    """Return an HTTP status. Raises ``ScenarioError`` unless it is a number of three digits."""
    if not isinstance(value, int) or not 100 <= value <= 999:
        raise ScenarioError(f"status is a number of three digits such as 200 or 429, not {value!r}")
    return value


def seconds_of(value: float, what: str) -> float:
    """Return a number of seconds. Raises ``ScenarioError`` unless it is finite and not negative."""
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value < float("inf"):
        raise ScenarioError(f"{what} is a number of seconds from 0 up, not {value!r}")
    return float(value)


def number_of(value: float, what: str) -> float:
    """Return a number. Raises ``ScenarioError`` unless it is finite and not negative."""
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value < float("inf"):
        raise ScenarioError(f"{what} is a number from 0 up, not {value!r}")
    return float(value)


def whole_number_of(value: int, what: str, least: int = 0) -> int:
    """Return a whole number. Raises ``ScenarioError`` unless it is one, and at least ``least``."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ScenarioError(f"{what} is a whole number, {least} or more, not {value!r}")
    return value


def flag_of(value: bool, what: str) -> bool:
    """Return a flag. Raises ``ScenarioError`` for anything but ``True`` and ``False``."""
    if not isinstance(value, bool):
        raise ScenarioError(f"{what} is True or False, not {value!r}")
    return value


def text_of(value: str, what: str) -> str:
    """Return a text. Raises ``ScenarioError`` for anything else."""
    if not isinstance(value, str):
        raise ScenarioError(f"{what} is a text, not {value!r}")
    return value


def optional(check: Callable[[Any, str], K], value: Any, what: str) -> K | None:
    """Return ``None`` for ``None``, else what ``check`` returns for the value."""
    return None if value is None else check(value, what)


def instance_of(kind: type[K], value: K, what: str) -> K:
    """Return an instance of a class. Raises ``ScenarioError`` for anything else."""
    if not isinstance(value, kind):
        raise ScenarioError(f"{what} is of type {kind.__name__}, not {value!r}")
    return value


def pieces_of(value: Iterable[str], what: str) -> tuple[str, ...]:
    """Return pieces of text as a tuple. Raises ``ScenarioError`` unless it is a sequence of texts."""
    pieces = () if isinstance(value, str) or not isinstance(value, Iterable) else tuple(value)
    if not isinstance(value, Iterable) or isinstance(value, str) or not all(isinstance(one, str) for one in pieces):
        raise ScenarioError(f"{what} is a list of texts, not {value!r}")
    return pieces


def headers_of(given: object) -> tuple[tuple[str, str], ...]:
    """Return response headers as pairs. Raises ``ScenarioError`` for invalid ones and for those the server computes."""
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
    """Return the default headers that are not given, followed by the given ones."""
    named = {name.lower() for name, _ in given}
    return (*((name, value) for name, value in default if name.lower() not in named), *given)
