"""The servers that are recorded: one, or one for each API, each with its key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from orharness.cassette.secrets import scrub_uri
from orharness.dialects import DIALECTS, Dialect
from orharness.dialects.paths import is_template
from orharness.errors import ScenarioError
from orharness.recording.upstream import checked_upstream, key_from, upstream_uri
from orharness.scenario.paths import api_path

ANY = ""
"""The name of the upstream for whatever no named one takes."""


@dataclass(frozen=True)
class UpstreamServer:
    """A server, by its base URL. ``key`` replaces the client's; ``None``: the client's own goes there.

    ``literal``: the client means this very server, so paths stay as they are.
    """

    base_url: str
    key: str | None = None
    literal: bool = False

    def uri(self, path_and_query: str) -> str:
        """Where a request goes there, see ``upstream_uri``."""
        return self.base_url + path_and_query if self.literal else upstream_uri(self.base_url, path_and_query)


class Upstreams:
    """Chooses the server for each request.

    ``given``: a base URL, or a mapping of an API's name (``chat``, ``messages``, ``gemini``, …) to its base URL, in
    which ``""`` is for every other request. ``key_env``: the environment variable that holds the key, or such a mapping
    of them: no key goes to another server than its own. Raises ``ScenarioError`` for an impossible address, an unknown
    API or a variable that is not set.

    ``others``: there are other ways to name a server, so there may be none here.
    """

    def __init__(
        self, given: str | Mapping[str, str], key_env: str | Mapping[str, str] | None = None, *, others: bool = False
    ) -> None:
        addresses = {ANY: given} if isinstance(given, str) else dict(given)
        keys = {ANY: key_env} if isinstance(key_env, str) else dict(key_env or {})
        if not addresses and not others:
            raise ScenarioError("there is no upstream: name one base URL at least")
        for name in keys:
            if name not in addresses:
                raise ScenarioError(f"the key of {_shown(name)} has no upstream to go to: name its base URL too")
        self._known = {
            name: UpstreamServer(_base_url(name, address), key_from(keys.get(name)))
            for name, address in addresses.items()
        }

    @property
    def keys(self) -> list[str]:
        """The keys that replace the client's."""
        return [one.key for one in self._known.values() if one.key is not None]

    def of(self, path: str) -> UpstreamServer | None:
        """The server for a request's path; ``None``: the API of the path has none, and neither has any other path."""
        bare = path.partition("?")[0]
        named = next((name for name in self._known if name and _speaks(DIALECTS[name], bare)), ANY)
        return self._known.get(named)

    def __str__(self) -> str:
        """The addresses without secrets, each with the name of its API."""
        shown = {name: scrub_uri(one.base_url) for name, one in self._known.items()}
        return ", ".join(f"{name}={address}" if name else address for name, address in shown.items())


def named_values(given: Iterable[str], what: str) -> dict[str, str]:
    """The values of ``VALUE`` and ``API=VALUE`` by the name of the API; ``""`` for the one without a name.

    ``what``: the option, for errors. Raises ``ScenarioError`` where two have one name.
    """
    found: dict[str, str] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name.isidentifier():
            name, value = ANY, one
        if name in found:
            raise ScenarioError(f"{what} {one}: there is one already for {_shown(name)}; write API={value or one}")
        found[name] = value
    return found


def _shown(name: str) -> str:
    return name or "all other requests"


def _base_url(name: str, address: str) -> str:
    """The checked address; that of an API without any path gets the prefix of the API, as its SDK adds it."""
    base = checked_upstream(address)
    prefix = "" if name == ANY else DIALECTS.named(name).prefix
    return base if urlsplit(base).path.strip("/") else base.rstrip("/") + prefix


def _speaks(dialect: Dialect, path: str) -> bool:
    """Whether a path is of the API: one of its endpoints, below one, or below a prefix that no other API has."""
    bare = api_path(path)
    if dialect.ends(path) or any(bare.startswith(f"{one}/") for one in dialect.paths if not is_template(one)):
        return True
    others = {one.prefix for one in DIALECTS.values() if one.name != dialect.name}
    return dialect.prefix not in others and bool(dialect.prefix) and path.startswith(f"{dialect.prefix}/")
