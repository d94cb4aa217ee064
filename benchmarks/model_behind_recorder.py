"""Does a client that leaves our recorder stop a real model? Seen from outside: in llama.cpp's own ``/slots``."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic

import httpx

from benchmarks.tables import Table
from orharness.recording import Recorder
from tests.support import real_model

RECORDER = "recorder"  # its name on the command line
real_model_missing = real_model.missing
WITHIN = 5.0  # seconds: what the tests hold, on a machine that may be busy
_TOKENS = 800
_READ = 5  # pieces that are read before the client leaves
_QUESTION = {
    "messages": [{"role": "user", "content": "Count from one to a thousand."}],
    "stream": True,
    "temperature": 0,
    "seed": 1,
    "max_tokens": _TOKENS,
    "ignore_eos": True,
}


@dataclass(frozen=True)
class Stopped:
    """Seconds from the client's closing to an idle model, as ``/slots`` tells; the tokens it made beyond those read."""

    seconds: float
    leaked: int


def through_the_recorder(times: int) -> Table:
    """A client that leaves the model itself, and one that leaves the recorder before it, in turns."""
    with real_model.serving() as origin, TemporaryDirectory() as folder:
        return asyncio.run(_measured(origin, Path(folder), times))


async def _measured(origin: str, folder: Path, times: int) -> Table:
    table = Table(
        "2",
        f"From the client's leaving to an idle model: llama.cpp with {real_model.MODEL}",
        ("path", "stops", "median ms", "max ms", "tokens leaked", "of"),
        (
            f"The client reads {_READ} pieces and closes; then /slots is asked until the model is idle (it answers",
            "between two tokens). tokens leaked: made beyond those read, as /metrics counts them, median. With and",
            "without the recorder in turns.",
        ),
    )
    async with Recorder(f"{origin}/v1", folder / "cancelled.yaml") as recorder:
        paths = {"client, model": f"{origin}/v1", "client, recorder, model": recorder.base_url}
        seen: dict[str, list[Stopped]] = {path: [] for path in paths}
        for _ in range(times):
            for path, base_url in paths.items():
                seen[path].append(await stop_a_model(origin, base_url))
    for path, stops in seen.items():
        milliseconds = [one.seconds * 1e3 for one in stops]
        leaked = median(one.leaked for one in stops)
        table.rows.append((path, times, median(milliseconds), max(milliseconds), round(leaked), _TOKENS))
    return table


async def stop_a_model(origin: str, base_url: str) -> Stopped:
    """Asks at ``base_url``, leaves in the middle, and waits until the model at ``origin`` is idle."""
    before = real_model.tokens_made(origin)
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        async with client.stream("POST", f"{base_url}/chat/completions", json=_QUESTION) as answer:
            pieces = answer.aiter_lines()
            read = 0
            while read < _READ:
                read += _has_text(await anext(pieces))
            moment = monotonic()
        while await asyncio.to_thread(real_model.is_generating, origin):  # noqa: ASYNC110 - in another process
            await asyncio.sleep(0)
        return Stopped(monotonic() - moment, real_model.tokens_made(origin) - before - read)


def _has_text(line: str) -> bool:
    """Whether it brings a token; the first event brings only a role."""
    return line.startswith("data: {") and bool(json.loads(line[6:])["choices"][0]["delta"].get("content"))
