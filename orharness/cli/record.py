"""``orharness record``: the recording proxy in this process, with a line for each saved answer."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from orharness.cassette.interaction import CLIENT_DISCONNECTED
from orharness.cli.outputs import refuse_folder
from orharness.cli.plugins import settings_at
from orharness.cli.running import Stop, announce, parent_is_gone, rare_collections, short_turns, stopped_by_signal
from orharness.cli.stderr import background_stderr
from orharness.errors import ScenarioError
from orharness.origins import check_host
from orharness.recording.apart import ApartProcess
from orharness.recording.exchange import SavedExchange
from orharness.recording.proxy import Recorder
from orharness.recording.reach import Reach, addresses_of
from orharness.recording.upstreams import named_values
from orharness.report.contents import shown
from orharness.report.screen import Screen
from orharness.verdict import count

_TURN = 0.05  # seconds
_ENDED = {
    "eof": "",
    "abort": ", cut short",
    "reset": ", reset",
    "hang": ", never ended",
    CLIENT_DISCONNECTED: ", the client left",
}


@background_stderr()
def record_until_stopped(
    upstreams: Sequence[str],
    to: Path,
    *,
    overwrite: bool = False,
    key_envs: Sequence[str] = (),
    allow_origins: Iterable[str] = (),
    keep_headers: Iterable[str] = (),
    redact_personal: bool = False,
    filters: str | None = None,
    ca: Path | None = None,
    resolve: Iterable[str] = (),
    host: str = "127.0.0.1",
    port: int = 0,
    apart: ApartProcess | None = None,
) -> bool:
    """Record until SIGINT or SIGTERM, or until the test run that started it has ended.

    Returns whether each body that came is in the cassette. Raises as ``Recorder`` does.
    """
    if not 0 <= port <= 65535:
        raise ScenarioError(f"a port is a number from 0 to 65535, not {port}")
    check_host(host)
    refuse_folder(to, "--to")
    screen = Screen(sys.stderr)
    handler = logging.StreamHandler(sys.stderr)
    logging.getLogger("orharness").addHandler(handler)
    try:
        with stopped_by_signal() as stop, short_turns(), rare_collections():
            recorder = Recorder(
                named_values(upstreams, "--upstream"),
                to,
                overwrite=overwrite,
                key_env=named_values(key_envs, "--key-env"),
                allow_origins=allow_origins,
                keep_headers=keep_headers,
                redact_personal=redact_personal,
                filters=filters_for_recorder(filters, apart),
                host=host,
                port=port,
                reach=Reach(ca, addresses_of(resolve)),
                apart=apart,
            )
            asyncio.run(_record(recorder, screen, stop, alone=parent_is_gone()))
        screen.line(saved_line(recorder), "bold")
        return not not_whole(recorder)
    finally:
        logging.getLogger("orharness").removeHandler(handler)


def filters_for_recorder(where: str | None, apart: ApartProcess | None) -> Mapping[str, Any] | str | None:
    """Return the filters as ``Recorder`` takes them: a process of its own reads them itself."""
    return where if where is None or apart is not None else settings_at(where)


async def _record(recorder: Recorder, screen: Screen, stop: Stop, *, alone: Callable[[], bool]) -> None:
    watch = _Watch(recorder, screen)
    async with recorder:
        gc.collect()
        gc.freeze()  # all that was loaded: to look through it takes longer than an event may wait
        announce(recorder.base_url)
        screen.say(f"records {shown(str(recorder.upstreams))} into {recorder.path}; Ctrl-C ends it")
        if recorder.listens_everywhere:
            screen.say(f"listens on every address of this machine, port {urlsplit(recorder.base_url).port}", "yellow")
        screen.line()
        while not (stop.asked or alone()):
            await asyncio.sleep(_TURN)
            watch.look()
    watch.look()


class _Watch:
    """Reports each interaction once, as soon as it is in the cassette."""

    def __init__(self, recorder: Recorder, screen: Screen) -> None:
        self._recorder = recorder
        self._screen = screen
        self._told = 0

    def look(self) -> None:
        """Report those that were saved since the last look."""
        if self._recorder.recorded > self._told:
            for saved in self._recorder.saved[self._told :]:
                self._told += 1
                self._screen.say(*interaction_line(self._told, saved))


def interaction_line(number: int, saved: SavedExchange) -> tuple[str, str]:
    """Return a line about an interaction that was recorded, and its colour."""
    ended = _ENDED.get(saved.ending, f", {saved.ending}")
    asked = shown(f"{saved.method} {saved.uri}")
    answer = "no response" if saved.status is None else f"{saved.status}: {saved.summary}"
    return (
        f"{number}  {asked} → {answer}, {saved.lasted:.3f} s{ended}",
        "green" if saved.has_body and not ended else "yellow",
    )


def saved_line(recorder: Recorder) -> str:
    """Return the last line of a recording: how many answers, how many requests without one, and how to look at them."""
    if not recorder.recorded:
        return "nothing was recorded: no request came"
    without = sum(one.status is None for one in recorder.saved)
    failed = f" and {count(without, 'request')} without one" if without else ""
    bare = not_whole(recorder)
    lost = f", of which {bare:,} {'has' if bare == 1 else 'have'} no body" if bare else ""
    return f"{count(recorder.recorded - without, 'answer')}{failed} recorded{lost}: orharness show {recorder.path}"


def not_whole(recorder: Recorder) -> int:
    """Return how many answers are in the cassette without the body that came."""
    return sum(not one.has_body for one in recorder.saved)
