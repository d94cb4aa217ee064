"""Checks of calls: a wrong option raises one sentence that names the nearest right one."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, wraps
from inspect import Parameter, Signature, signature
from itertools import filterfalse
from typing import Any, TypeVar

from orharness.errors import ScenarioError

F = TypeVar("F", bound=Callable[..., Any])


def checked_call(*options: type) -> Callable[[F], F]:
    """Make a public function raise ``ScenarioError``, in one sentence, when it is called with wrong arguments.

    ``options``: the ``TypedDict`` of each ``**options`` that it takes. The function itself checks the values.
    """

    def decorate(function: F) -> F:
        @cache  # a signature takes long to be read, and an import is waited for
        def takes() -> _Takes:
            return _Takes.of(function, options)

        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            unknown = next(filterfalse(takes().knows, kwargs), None) if kwargs else None
            if unknown is not None:
                raise _no_option(_called(function), unknown, takes().known)
            try:
                return function(*args, **kwargs)
            except TypeError as error:
                wrong = None if _from_within(error) else takes().wrong(_called(function), args, kwargs)
                if wrong is None:
                    raise
                raise wrong from None

        return call  # type: ignore[return-value]

    return decorate


@dataclass(frozen=True)
class _Takes:
    """What a function takes. ``known``: the names of its options. ``any_name``: it takes options of any name."""

    shape: Signature
    parameters: list[Parameter]
    known: list[str]
    any_name: bool

    @classmethod
    def of(cls, function: Callable[..., Any], options: tuple[type, ...]) -> _Takes:
        shape = signature(function)
        more = [name for one in options for name in one.__annotations__]
        parameters = [one for one in shape.parameters.values() if one.name not in ("self", "cls")]
        known = [*(one.name for one in parameters if one.kind in _NAMED), *more]
        any_name = not more and any(one.kind is Parameter.VAR_KEYWORD for one in parameters)
        return cls(shape, parameters, known, any_name)

    def knows(self, name: str) -> bool:
        return self.any_name or name in self.known

    def wrong(self, called: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> ScenarioError | None:
        """Return the error for arguments that do not fit, ``None`` where they do."""
        return _wrong(called, self.shape, self.parameters, args, kwargs)


def _from_within(error: TypeError) -> bool:
    """Return whether the error was raised by the code of the function, and not by a call that never entered it."""
    return error.__traceback__ is None or error.__traceback__.tb_next is not None


def _called(function: Callable[..., Any]) -> str:
    """Return the name under which a user calls it; for a constructor that of the class."""
    owner, _, name = function.__qualname__.rpartition(".")
    return owner.rpartition(".")[2] if name == "__init__" else name


def _wrong(
    called: str,
    shape: Signature,
    parameters: Sequence[Parameter],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
) -> ScenarioError | None:
    """Return the error for arguments that do not match, ``None`` if they do."""
    try:
        shape.bind(*args, **kwargs)
    except TypeError as error:
        takes = ", ".join(one.name if one.kind in _PLACED else f"{one.name}=" for one in parameters) or "nothing"
        return ScenarioError(f"{called}: {error}; it takes {takes}")
    return None


def _no_option(called: str, unknown: str, known: list[str]) -> ScenarioError:
    near = difflib.get_close_matches(unknown, known, n=1)
    hint = f" (did you mean {near[0]}=?)" if near else ""
    taken = ", ".join(f"{name}=" for name in known) or "no options"
    return ScenarioError(f"{called} knows no {unknown}={hint}; it takes {taken}")


_NAMED = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
_PLACED = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
