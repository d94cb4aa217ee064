"""The known dialects: looked up by name, by the path of a request, or by the events of a recorded stream.

A user's own dialect is registered as ours are.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module

from orharness.dialects.dialect import Dialect
from orharness.errors import ScenarioError
from orharness.sse import Event, Item


class Dialects(Mapping[str, Dialect]):
    """The known dialects, by name; the first one registered is the default."""

    def __init__(self) -> None:
        self._known: dict[str, Dialect | None] = {}  # None: its module is imported when it is first asked for
        self._modules: dict[str, str] = {}
        self._at = lru_cache(maxsize=256)(self._found_at)  # each request asks some five times, most at one path

    def __getitem__(self, name: str) -> Dialect:
        found = self._known[name]
        if found is None:
            import_module(self._modules[name])
            found = self._known[name]
            assert found is not None, f"{self._modules[name]} registers no dialect {name}"
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._known

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def register(self, dialect: Dialect) -> Dialect:
        """Add a dialect, or replace the one of the same name."""
        self._known[dialect.name] = dialect
        self._at.cache_clear()
        return dialect

    def register_later(self, name: str, module: str) -> None:
        """Add a dialect that the module of that name registers when it is imported."""
        self._modules[name] = module
        self._known.setdefault(name)

    @contextmanager
    def registered(self, dialect: Dialect) -> Iterator[Dialect]:
        """Register a dialect for the duration of a block: for a test."""
        before = self.get(dialect.name)
        try:
            yield self.register(dialect)
        finally:
            if before is None:
                del self._known[dialect.name]
            else:
                self._known[dialect.name] = before
            self._at.cache_clear()

    @property
    def default(self) -> Dialect:
        """The dialect for anything that names none: a request to an unknown path, a stream without a known event."""
        return next(iter(self.values()))

    def named(self, name: str | Dialect) -> Dialect:
        """Return the dialect of that name. Raises ``ScenarioError`` with the nearest name for any other."""
        if isinstance(name, Dialect):
            return name
        if isinstance(name, str) and name in self._known:
            return self[name]
        near = difflib.get_close_matches(str(name), self._known, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise ScenarioError(f"there is no dialect {name!r}{hint}; known are {', '.join(self._known)}")

    def at(self, path: str) -> Dialect | None:
        """Return the dialect of a request's path, ``None`` for any other path. A query does not count."""
        return self._at(path)

    def _found_at(self, path: str) -> Dialect | None:
        bare = path.partition("?")[0].rstrip("/")
        return next((one for one in self.values() if one.ends(bare)), None)

    def of(self, items: Iterable[Item]) -> Dialect | None:
        """Return the dialect of the first event that a dialect recognizes, else ``None``."""
        for item in items:
            if isinstance(item, Event):
                for one in self.values():
                    if one.is_own(item) or one.is_token(item):
                        return one
        return None

    def spellings(self, endpoint: str) -> tuple[str, ...]:
        """Return the templates at which a path is answered.

        Those of the first dialect that has such an endpoint or list of models; any other path itself alone.
        """
        of = (one for one in self.values() if endpoint in (*one.paths, one.models_path))
        return next((one.spellings(endpoint) for one in of), (endpoint,))

    def is_terminal(self, event: Event) -> bool:
        """Return whether a client of any dialect may leave after the event: an end marker, or an error."""
        return any(one.is_terminal(event) for one in self.values())


DIALECTS = Dialects()
