"""``orharness cassette compare``: a service is asked again, and its answers are compared with recorded ones."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import aiohttp

from orharness.cassette import load
from orharness.cassette.interaction import CLIENT_DISCONNECTED, Interaction, RecordedRequest
from orharness.errors import CassetteError
from orharness.recording.comparison import differences
from orharness.recording.proxy import Recorder
from orharness.recording.reach import Reach
from orharness.recording.upstreams import named_values
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
    with TemporaryDirectory(prefix="orharness-") as folder:
        to = Path(folder) / "now.yaml"
        recorder = Recorder(
            named_values(upstreams, "--upstream"), to, key_env=named_values(key_envs, "--key-env"), reach=Reach(ca)
        )
        asyncio.run(_ask_again(recorder, [one.request for one in recorded]))
        now = iter(load(to) if recorded else [])
    for number, one in enumerate(interactions, 1):
        asked = f"{file}: {number}: {shown(f'{one.request.method} {one.request.path}')}"
        if not _is_whole(one):
            sys.stderr.write(f"{asked}: not compared: its client left, or no response came\n")
            continue
        for sentence in differences(one, next(now)):
            changed += 1
            sys.stdout.write(f"{asked}: {shown(sentence)}\n")
    sys.stderr.write(f"{count(changed, 'change')} in {count(len(recorded), 'answer')}\n")
    return bool(changed)


def _is_whole(interaction: Interaction) -> bool:
    return interaction.status is not None and interaction.ending_recorded != CLIENT_DISCONNECTED


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
