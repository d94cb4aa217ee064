"""Checks of calls: a wrong option raises one sentence that names the nearest right one."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Any, TypeVar

from orharness.errors import ScenarioError

F = TypeVar("F", bound=Callable[..., Any])


def checked_call(*options: type) -> Callable[[F], F]:
    """Make a public function raise ``ScenarioError``, in one sentence, when it is called with wrong arguments.

    ``options``: the ``TypedDict`` of each ``**options`` that it takes. The function itself checks the values.
    """
    more = [name for one in options for name in one.__annotations__]

    def decorate(function: F) -> F:
        shape, called = signature(function), _called(function)
        parameters = [one for one in shape.parameters.values() if one.name not in ("self", "cls")]
        known = [*(one.name for one in parameters if one.kind in _NAMED), *more]
        takes_any = not more and any(one.kind is Parameter.VAR_KEYWORD for one in parameters)

        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            unknown = None if takes_any else next((name for name in kwargs if name not in known), None)
            if unknown is not None:
                raise _no_option(called, unknown, known)
            try:
                return function(*args, **kwargs)
            except TypeError as error:
                wrong = None if _from_within(error) else _wrong(called, shape, parameters, args, kwargs)
                if wrong is None:
                    raise
                raise wrong from None

        return call  # type: ignore[return-value]

    return decorate


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
