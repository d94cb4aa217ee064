"""A client's process: ``python -m benchmarks.ways NAME…``, the distributions whose versions it tells.

It is told what to do line by line, and answers with one line each (``benchmarks/node/process.mjs`` does the same):

    (at its start)      ready {"openai": "3.54.0", …}
    walk WAY BASE_URL   walking
    stop                pressed MOMENT      monotonic seconds, just before the button took effect
    collect SECONDS     collected           the garbage, when the way is over, after so many seconds at the latest
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import os
import platform
import sys
import traceback
from collections.abc import Callable
from importlib.metadata import version
from inspect import iscoroutinefunction
from threading import Thread
from typing import Any

from benchmarks.ways.app import App


def main(distributions: list[str]) -> None:
    """Does as it is told until its stdin ends."""
    gc.disable()  # when it comes by itself is chance: here it comes when it is asked for
    loop = asyncio.new_event_loop()
    Thread(target=loop.run_forever, daemon=True).start()
    _say("ready", json.dumps({"Python": platform.python_version()} | {name: version(name) for name in distributions}))
    apps = [App("")]  # they live as long as the process: a session that nobody holds is complained of
    for line in sys.stdin:
        match line.split():
            case ["walk", way, base_url]:
                apps.append(App(base_url))
                _walk(_found(way), apps[-1], loop)
                _say("walking")
            case ["stop"]:  # in a thread of its own: what the button does may block
                Thread(target=apps[-1].press, args=[lambda moment: _say("pressed", repr(moment))], daemon=True).start()
            case ["collect", seconds]:
                apps[-1].over.wait(float(seconds))
                gc.collect()
                _say("collected")
    os._exit(0)  # threads that still read are the point: nobody waits for them


def _found(way: str) -> Callable[[App], Any]:
    module, _, function = way.partition(":")
    found: Callable[[App], Any] = getattr(importlib.import_module(f"benchmarks.ways.{module}"), function)
    return found


def _walk(way: Callable[[App], Any], app: App, loop: asyncio.AbstractEventLoop) -> None:
    """Starts it, and goes on: an application lives longer than one of its requests."""
    if iscoroutinefunction(way):
        asyncio.run_coroutine_threadsafe(_told_async(way, app), loop)
    else:
        Thread(target=_told, args=[way, app], daemon=True).start()


def _told(way: Callable[[App], Any], app: App) -> None:
    try:
        way(app)
    except Exception:
        _complain(app)
    finally:
        app.over.set()


async def _told_async(way: Callable[[App], Any], app: App) -> None:
    try:
        await way(app)
    except Exception:
        _complain(app)
    finally:
        app.over.set()


def _complain(app: App) -> None:
    """After the stop, reading may well fail."""
    if not app.stopped:
        traceback.print_exc()


def _say(*words: str) -> None:
    print(*words, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
