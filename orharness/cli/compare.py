"""``orharness cassette compare``: a service is asked again, and its answers are compared with recorded ones."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import aiohttp

from orharness.cassette import load
from orharness.cassette.interaction import CLIENT_DISCONNECTED, Interaction, RecordedRequest
from orharness.dialects import DIALECTS
from orharness.errors import CassetteError, ScenarioError
from orharness.recording.comparison import differences
from orharness.recording.proxy import Recorder
from orharness.recording.reach import Reach
from orharness.recording.upstreams import ANY, Upstreams
from orharness.redaction import PLACEHOLDER
from orharness.report.contents import shown
from orharness.scenario.paths import api_path
from orharness.server.forwarding import client_session
from orharness.server.headers import OF_THE_CONNECTION
from orharness.verdict import count


def compare_cassette(file: Path, upstreams: Sequence[str], key_envs: Sequence[str], ca: Path | None) -> bool:
    """Ask again, and print a line for each thing that changed; return whether any did.

    Raises ``CassetteError`` and ``ScenarioError`` for what cannot be read or asked.
    """
    interactions = load(file)
    changed = 0
    recorded = [one for one in interactions if _is_whole(one)]
    if not recorded:
        raise CassetteError(f"{file}: there is no whole answer in this cassette that could be compared")
    services = _Services.of(file, recorded, _named(upstreams), _named(key_envs, "--key-env"))
    now = asyncio.run(services.ask_again([one.request for one in recorded], Reach(ca)))
    for number, one in enumerate(interactions, 1):
        asked = f"{file}: {number}: {shown(f'{one.request.method} {one.request.path}')}"
        if not _is_whole(one):
            sys.stderr.write(f"{asked}: not compared: its client left, or no response came\n")
            continue
        for sentence in differences(one, now.pop(0)):
            changed += 1
            sys.stdout.write(f"{asked}: {shown(sentence)}\n")
    sys.stderr.write(f"{count(changed, 'change')} in {count(len(recorded), 'answer')}\n")
    return bool(changed)


def _is_whole(interaction: Interaction) -> bool:
    return interaction.status is not None and interaction.ending_recorded != CLIENT_DISCONNECTED


def _named(given: Sequence[str], what: str = "--upstream") -> dict[str, str]:
    """The values of ``VALUE`` and ``NAME=VALUE``, where a name is an API's or a host's, in lower case.

    Raises ``ScenarioError`` where two have one name.
    """
    found: dict[str, str] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or "/" in name:  # an address, of which the = is a part
            name, value = ANY, one
        if name.lower() in found:
            raise ScenarioError(f"{what} {one}: there is one already{f' for {name}' * bool(name)}; write HOST={value}")
        found[name.lower()] = value
    return found


@dataclass(frozen=True)
class _Services:
    """Which service is asked what: those of hosts by the host, the others as ``Recorder`` takes them."""

    hosts: Mapping[str, tuple[str, str | None]]
    others: Mapping[str, str]
    keys: Mapping[str, str]

    @classmethod
    def of(
        cls, file: Path, recorded: Sequence[Interaction], upstreams: Mapping[str, str], keys: Mapping[str, str]
    ) -> _Services:
        """Raises ``ScenarioError`` where a host of the cassette has no service, or a name is not a host of it."""
        known = list(dict.fromkeys(_host(one.request) for one in recorded))
        for option, named in (("--upstream", upstreams), ("--key-env", keys)):
            for name in named:
                if name and name not in known and name not in DIALECTS:
                    raise ScenarioError(
                        f"{option} {name}=…: {name} is neither an API ({', '.join(DIALECTS)}) nor a host of {file},"
                        f" whose requests went to {' and '.join(known)}"
                    )
        for name in keys:
            if name not in upstreams:
                raise ScenarioError(f"--key-env: the key of {name or 'all other requests'} has no --upstream to go to")
        hosts = {name: (url, keys.get(name)) for name, url in upstreams.items() if name in known}
        apis = {name: url for name, url in upstreams.items() if name not in hosts}
        found = cls(hosts, apis, {name: key for name, key in keys.items() if name not in hosts})
        found._complain_of_hosts(file, recorded)
        return found

    def _complain_of_hosts(self, file: Path, recorded: Sequence[Interaction]) -> None:
        """A plain URL is for one host: it cannot be known that it serves what another one answered."""
        named = Upstreams({name: url for name, url in self.others.items() if name}, others=True)
        left = dict.fromkeys(
            _host(one.request)
            for one in recorded
            if _host(one.request) not in self.hosts and named.of(one.request.path) is None
        )
        if len(left) > (ANY in self.others):
            asked = " ".join(f"--upstream {host}=URL" for host in left)
            what = f"requests went to {' and '.join(left)}, and "
            why = "an --upstream without a name is for one host" if ANY in self.others else "no --upstream is for them"
            raise ScenarioError(f"{file}: {what}{why}: write {asked}")

    async def ask_again(self, requests: Sequence[RecordedRequest], reach: Reach) -> list[Interaction]:
        """Ask each service its requests, one after the other; returns the answers in the order of the requests."""
        answers: dict[int, Interaction] = {}
        for host in (*self.hosts, None):
            mine = [
                number
                for number, one in enumerate(requests)
                if (_host(one) if _host(one) in self.hosts else None) == host
            ]
            if mine:
                upstream, key = self.hosts[host] if host is not None else (self.others, self.keys)
                found = await _answers([requests[number] for number in mine], upstream, key, reach)
                answers.update(zip(mine, found, strict=True))
        return [answers[number] for number in range(len(requests))]


def _host(request: RecordedRequest) -> str:
    """The host that a request went to, with the port where its address has one."""
    return urlsplit(request.uri).netloc.rpartition("@")[2].lower()


async def _answers(
    requests: Sequence[RecordedRequest],
    upstream: str | Mapping[str, str],
    key: str | Mapping[str, str] | None,
    reach: Reach,
) -> list[Interaction]:
    with TemporaryDirectory(prefix="orharness-") as folder:
        to = Path(folder) / "now.yaml"
        await _ask_again(Recorder(upstream, to, key_env=key, reach=reach), requests)
        return load(to)


async def _ask_again(recorder: Recorder, requests: Sequence[RecordedRequest]) -> None:
    """Send each request by way of the recorder, one after the other."""
    async with recorder, client_session() as client:
        for request in requests:
            headers = [
                (name, value)
                for name, value in request.headers
                if name.lower() not in OF_THE_CONNECTION and value != PLACEHOLDER
            ]
            url = recorder.base_url + _path(request, recorder)
            # An answer that is cut short is compared as that.
            with suppress(aiohttp.ClientError):
                async with client.request(request.method, url, headers=headers, data=request.body or None) as response:
                    await response.read()


def _path(request: RecordedRequest, recorder: Recorder) -> str:
    """The path and query of a request, counted from the base URL of the service that is asked."""
    path, query = request.path, urlsplit(request.uri).query
    server = recorder.upstreams.of(path)
    base = urlsplit(server.base_url).path.rstrip("/") if server else ""
    bare = path.removeprefix(base) if base and path.startswith(f"{base}/") else api_path(path)
    return f"{bare}{'?' if query else ''}{query}"
