"""All mistakes of a part of a document, not only the first.

A reader raises for the first mistake that it meets. What is wrong is then taken out, and the rest is read again: so
there is one reader, which knows nothing of this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

from orharness.scenario.node import DocumentError, Keys, Node

_MOST = 20  # mistakes of one part


def mistakes(node: Node, read: Callable[[Node], object]) -> Iterator[DocumentError]:
    """Yield each mistake for which ``read`` refuses the node, in the order in which it finds them; 20 at most.

    What is wrong around a place that was told is not: it may be so only since that was taken out.
    """
    left = Node(deepcopy(node.value), node.keys)
    removed: list[Keys] = []
    told: list[Keys] = []
    for _ in range(_MOST):
        try:
            read(left)
        except DocumentError as error:
            place = _before(error.keys, removed)
            if not any(_is_inside(one, place) for one in told):
                yield DocumentError(place, error.sentence)
                told.append(place)
            if not _is_inside(error.keys, node.keys):
                return
            removed.append(error.keys)
            _remove(left.value, error.keys[len(node.keys) :])
        else:
            return


def _is_inside(keys: Keys, outer: Keys) -> bool:
    return len(keys) > len(outer) and keys[: len(outer)] == outer


def _remove(value: Any, path: Keys) -> None:
    for key in path[:-1]:
        value = value[key]
    del value[path[-1]]


def _before(keys: Keys, removed: list[Keys]) -> Keys:
    """Return where something was before items of lists in front of it were removed, the last one first."""
    found = list(keys)
    for *path, index in reversed(removed):
        at = len(path)
        if isinstance(index, int) and found[:at] == path and len(found) > at:
            number = found[at]
            if isinstance(number, int) and number >= index:
                found[at] = number + 1
    return tuple(found)
