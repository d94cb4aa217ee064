"""What makes a program use the proxy and trust its certificates: environment variables, and two files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path

from orharness.intercept.authority import NAMES, bundle
from orharness.loopback import without_proxy

_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY")
_NODE_ROOTS = "NODE_EXTRA_CA_CERTS"
_PRELOAD = "preload.cjs"


def proxy_environment(
    url: str,
    certificate: bytes | None,
    folder: Path,
    hosts: Iterable[str] = (),
    environment: Mapping[str, str] = os.environ,
    *,
    only: bool = False,
) -> dict[str, str]:
    """Return the variables for a program that is to use the proxy at ``url``.

    Files for it are written into ``folder``: the roots that the program trusts already with ``certificate`` (PEM)
    among them, since these variables replace roots, and a preload for Node. Loopback is never proxied, and ``hosts``
    always are, whatever the ``NO_PROXY`` of the environment says. ``only``: so is every host but loopback, for a
    program that is not to reach the network. Raises ``ScenarioError`` where roots that the environment names cannot be
    read.
    """
    given = "" if only else environment.get("NO_PROXY") or environment.get("no_proxy") or ""
    bypass = without_proxy(_without_hosts(given, set(hosts)))
    # A proxy of the user's for other schemes leads to the network too.
    found = {name: url for one in (*_PROXIES, *(["ALL_PROXY"] if only else ())) for name in (one, one.lower())}
    found |= {"NO_PROXY": bypass, "no_proxy": bypass, **_node(folder, environment)}
    if certificate is not None:
        found |= _roots(certificate, folder, environment)
    return found


def _without_hosts(given: str, hosts: set[str]) -> str:
    """The value of ``NO_PROXY`` without what takes one of the hosts past the proxy."""
    entries = [one.strip() for one in given.split(",")]

    def takes(entry: str, host: str) -> bool:
        name = entry.lower().partition(":")[0].lstrip("*").lstrip(".")
        return host == name or host.endswith(f".{name}")

    bare = {host.removeprefix("*.") for host in hosts}
    return ",".join(one for one in entries if one and not (bare and (one == "*" or any(takes(one, h) for h in bare))))


def _roots(certificate: bytes, folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    whole, added = folder / "roots.pem", folder / "added-roots.pem"
    whole.write_bytes(bundle(certificate, environment))
    extra = Path(environment[_NODE_ROOTS]) if environment.get(_NODE_ROOTS) else None
    added.write_bytes((extra.read_bytes() + b"\n" if extra is not None and extra.is_file() else b"") + certificate)
    return {**dict.fromkeys(NAMES, str(whole)), _NODE_ROOTS: str(added)}


def _node(folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    preload = folder / _PRELOAD
    preload.write_bytes(files("orharness.intercept").joinpath(_PRELOAD).read_bytes())
    quoted = str(preload).replace("\\", "\\\\")
    options = f'{environment.get("NODE_OPTIONS", "")} --require "{quoted}"'.strip()
    return {"NODE_OPTIONS": options, "NODE_USE_ENV_PROXY": "1"}
