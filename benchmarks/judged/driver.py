"""A Python client behind the driver protocol: ``python -m benchmarks.judged.driver NAME``.

For a server that can only tell a driver what to do. Of orharness it needs only the parts that a client may yield. The
client's packages are imported before the hello, so that no run is charged with that.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import sys
import threading
from contextlib import aclosing, closing
from importlib import import_module
from typing import Any

from orharness.parts import Finish, Part, Reasoning, Refusal, Text, ToolCall, Usage

# What a library prints must not come between the lines of the protocol: descriptor 1 becomes that of stderr.
_TOLD = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="surrogatepass", buffering=1)
_ONE_LINE = threading.Lock()


def tell(number: int | None, event: str, **more: Any) -> None:
    """Write one event."""
    with _ONE_LINE:
        _TOLD.write(json.dumps({"id": number, "event": event, **more}) + "\n")


class Run:
    """One run of the client: a thread for a function that yields, a task for one that yields asynchronously."""

    def __init__(self, number: int, iterable: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._number = number
        self._stopped = False
        self._finish: str | None = None
        self._usage: dict[str, int] | None = None
        self._future: Any = None
        if inspect.isasyncgen(iterable):
            self._future = asyncio.run_coroutine_threadsafe(self._heard_async(iterable), loop)
        else:
            threading.Thread(target=self._heard, args=(iterable,), daemon=True).start()

    def cancel(self) -> None:
        """Close an iterator before its next item; cancel the task of an asynchronous one at once."""
        self._stopped = True
        if self._future is not None:
            self._future.cancel()

    def _heard(self, iterable: Any) -> None:
        try:
            with closing(iterable):
                for said in iterable:
                    self._say(said)
                    if self._stopped:
                        break
        except Exception as error:
            self._fail(error)
        else:
            self._end()

    async def _heard_async(self, iterable: Any) -> None:
        try:
            async with aclosing(iterable):
                async for said in iterable:
                    self._say(said)
        except asyncio.CancelledError:
            self._stopped = True
            self._end()
        except Exception as error:
            self._fail(error)
        else:
            self._end()

    def _say(self, said: str | Part) -> None:
        match said:
            case str(text) | Text(text):
                if text:
                    tell(self._number, "delta", text=text)
            case Reasoning(text):
                tell(self._number, "reasoning", text=text)
            case Refusal(text):
                tell(self._number, "refusal", text=text)
            case ToolCall():
                tell(self._number, "tool_call", name=said.name, arguments=said.arguments, call_id=said.id)
            case Finish(reason):
                self._finish = reason
            case Usage():
                counts = (said.prompt_tokens, said.completion_tokens)
                self._usage = dict(zip(("prompt_tokens", "completion_tokens"), counts, strict=True))

    def _end(self) -> None:
        if self._stopped:
            tell(self._number, "cancelled")
        else:
            tell(self._number, "end", finish_reason=self._finish, usage=self._usage)

    def _fail(self, error: Exception) -> None:
        tell(self._number, "error", message=f"{type(error).__name__}: {error}", status=None)


def main(function: str) -> None:
    """Take orders until the end of stdin. ``function``: ``module:name``, below ``benchmarks.judged.sdks``."""
    os.dup2(2, 1)
    module, _, name = function.partition(":")
    client = getattr(import_module(f"benchmarks.judged.sdks.{module}"), name)
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    runs: dict[int, Run] = {}
    tell(None, "hello", protocol=1, name=function, version="", capabilities=["cancel", "parallel"])
    for line in sys.stdin:
        order = json.loads(line)
        if order["op"] == "quit":
            break
        if order["op"] == "stream":
            runs[order["id"]] = Run(order["id"], client(order["base_url"]), loop)
        elif order["id"] in runs:
            runs[order["id"]].cancel()
    os._exit(0)  # a thread may still read


if __name__ == "__main__":
    main(sys.argv[1])
