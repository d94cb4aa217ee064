"""A value of a document with the keys that lead to it, so that every error names the place."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite
from typing import Any, NoReturn

from orharness.errors import OrharnessError, ScenarioError

Keys = tuple[str | int, ...]


class DocumentError(ScenarioError):
    """An invalid document: ``keys`` lead to the place, ``sentence`` says what is wrong there."""

    def __init__(self, keys: Keys, sentence: str) -> None:
        super().__init__(f"{shown(keys)}: {sentence}" if keys else sentence)
        self.keys = keys
        self.sentence = sentence


def shown(keys: Keys) -> str:
    """Return the keys as errors show them: ``routes[0].through[1]``."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).removeprefix(".")


@dataclass(frozen=True, slots=True)
class Node:
    """A value in JSON's types, and its keys. Each method raises ``DocumentError`` for a value of the wrong type."""

    value: Any
    keys: Keys = ()

    def fail(self, sentence: str) -> NoReturn:
        """Raise ``DocumentError`` at this place."""
        raise DocumentError(self.keys, sentence)

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """Turn an error of orharness that is raised inside into one of this place."""
        try:
            yield
        except DocumentError:
            raise
        except OrharnessError as error:
            raise DocumentError(self.keys, str(error)) from error

    def __contains__(self, key: str) -> bool:
        return key in self.value

    def __getitem__(self, key: str) -> Node:
        return Node(self.value[key], (*self.keys, key))

    def mapping(self, known: Collection[str], what: str) -> Node:
        """Return the node, which must be a mapping with known keys only. ``what``: what it describes."""
        if not isinstance(self.value, Mapping):
            self.fail(f"{what} is a mapping, not {brief(self.value)}")
        for key in self.value:
            if key not in known:
                hint = nearest(key, known) or f"; it takes {', '.join(known)}"
                raise DocumentError((*self.keys, key), f"{what} has no key {key!r}{hint}")
        return self

    def require(self, keys: Collection[str], what: str) -> None:
        """Raise ``DocumentError`` for the first of the keys that is missing."""
        missing = next((key for key in keys if key not in self.value), None)
        if missing is not None:
            self.fail(f"{what} needs {missing!r}")

    def items(self, what: str) -> list[Node]:
        """Return the items of the value, which must be a list."""
        if not isinstance(self.value, list | tuple):
            self.fail(f"{what} is a list, not {brief(self.value)}")
        return [Node(value, (*self.keys, index)) for index, value in enumerate(self.value)]

    def text(self) -> str:
        """Return the value, which must be a text."""
        if not isinstance(self.value, str):
            self.fail(f"a text is expected here, not {brief(self.value)}")
        return self.value

    def boolean(self) -> bool:
        """Return the value, which must be true or false."""
        if not isinstance(self.value, bool):
            self.fail(f"true or false is expected here, not {brief(self.value)}")
        return self.value

    def whole(self, least: int) -> int:
        """Return the value, which must be a whole number from ``least`` up."""
        if type(self.value) is not int or self.value < least:
            self.fail(f"a whole number from {least} up is expected here, not {brief(self.value)}")
        return self.value

    def number(self) -> float:
        """Return the value, which must be a finite number from 0 up."""
        if type(self.value) not in (int, float) or not isfinite(self.value) or self.value < 0:
            self.fail(f"a number from 0 up is expected here, not {brief(self.value)}")
        return float(self.value)


def nearest(name: object, known: Collection[str]) -> str:
    """Return a hint with the known name that is nearest to an unknown one; empty if none is near."""
    near = difflib.get_close_matches(str(name), known, n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def brief(value: object) -> str:
    """Return a value as errors show it, shortened to some 60 characters."""
    text = "null" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
