"""The little application around a way to cancel: where its server is, its stop button, and what it keeps."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from inspect import isawaitable
from threading import Event, Lock
from time import monotonic
from typing import Any, TypeVar

T = TypeVar("T")
API_KEY = "sk-orharness"
MESSAGES: Any = [{"role": "user", "content": "hi"}]
BODY = {"model": "m", "messages": MESSAGES, "stream": True}


class App:
    """``base_url`` is what an OpenAI client takes; ``over`` is set when the way has been walked to its end."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.url = f"{base_url}/chat/completions"
        self.over = Event()
        self._lock = Lock()
        self._pressed = Event()
        self._acts: list[Callable[[], object]] = []
        self._kept: list[object] = []

    @property
    def stopped(self) -> bool:
        """Whether the button was pressed: what a reading loop looks at."""
        return self._pressed.is_set()

    def on_stop(self, act: Callable[[], object | Awaitable[object]]) -> None:
        """What pressing the button does: in the thread of the button, or in the event loop that runs here.

        At once, if it was pressed already.
        """
        here = _from_any_thread(act)
        with self._lock:
            self._acts.append(here)
            late = self.stopped
        if late:
            here()

    def keep(self, client: T) -> T:
        """A client or session that outlives one request, as applications have it."""
        self._kept.append(client)
        return client

    def press(self, pressed: Callable[[float], object]) -> None:
        """The user presses the button; ``pressed`` is told the monotonic moment first, since an act may block."""
        pressed(monotonic())
        with self._lock:
            self._pressed.set()
            acts = list(self._acts)
        for act in acts:
            with suppress(Exception):  # what came of it is seen by the server
                act()


def _from_any_thread(act: Callable[[], object | Awaitable[object]]) -> Callable[[], object]:
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return act
    return lambda: asyncio.run_coroutine_threadsafe(_do(act), loop)


async def _do(act: Callable[[], object | Awaitable[object]]) -> None:
    result = act()
    if isawaitable(result):
        await result
