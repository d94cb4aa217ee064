"""The server's thread: one loop for all origins of a process, so that blocking and async clients both work."""

from __future__ import annotations

import asyncio
import atexit
import errno
import os
import socket
import sys
import threading
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Any, TypeVar

from orharness.errors import OrharnessError, ScenarioError
from orharness.loopback import without_proxy
from orharness.server.peerqueue import PeerQueue
from orharness.server.polls import Polls

T = TypeVar("T")
BACKLOG = 2048  # connections that wait to be accepted
_ATTEMPTS = 20


class ServerThread:
    """A daemon thread that runs a loop. ``run`` and ``call`` may be used from any other thread.

    ``make_peers`` is called in that thread to make the ``PeerQueue``.
    """

    def __init__(self, make_peers: Callable[[], PeerQueue] = PeerQueue) -> None:
        self._make_peers = make_peers
        self._owner = os.getpid()
        self._ready = threading.Event()
        self._stopping: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._failure: BaseException | None = None
        self._closers: list[Callable[[], Coroutine[Any, Any, None]]] = []
        self._thread = threading.Thread(target=self._main, name="orharness-server", daemon=True)

    def start(self) -> ServerThread:
        """Start the thread and return once its loop runs. Exempts loopback from any HTTP proxy until ``stop``."""
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            self._thread.join()
            raise OrharnessError(f"the server's thread could not start: {self._failure!r}") from self._failure
        _proxy.add()
        # A daemon thread, so that a program that never stops it can end; the loop is then still closed in order.
        atexit.register(self.stop)
        return self

    def stop(self) -> None:
        """Stop the loop and join the thread; a second call does nothing."""
        atexit.unregister(self.stop)
        if self._owner != os.getpid() or not self._thread.is_alive() or self._loop is None:
            return
        assert self._stopping is not None
        with suppress(RuntimeError):  # the loop has just ended
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        _proxy.remove()

    def at_stop(self, close: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run a coroutine function when the thread ends: for what its owner forgot to close."""
        self._closers.append(close)

    def not_at_stop(self, close: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do not run it at the end: it is closed already."""
        self._closers.remove(close)

    @property
    def peers(self) -> PeerQueue:
        """The one netlink socket of this thread."""
        return self._peers

    def run(self, make: Callable[[], Coroutine[Any, Any, T]], timeout: float | None = None) -> T:
        """Run a coroutine in the server's loop and return its result."""
        loop = self.usable_loop()
        return asyncio.run_coroutine_threadsafe(make(), loop).result(timeout)

    def call(self, function: Callable[[], T]) -> T:
        """Call a function in the server's loop and return its result."""

        async def called() -> T:
            return function()

        return self.run(called)

    def post(self, function: Callable[[], object]) -> None:
        """Call a function in the server's loop, and do not wait for it: what comes to the loop later finds it done.

        It must not fail: its errors reach nobody but the loop's log.
        """
        self.usable_loop().call_soon_threadsafe(function)

    def usable_loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop. Raises ``OrharnessError`` where the caller cannot use it: it has ended, or waits for us."""
        if self._owner != os.getpid():
            raise OrharnessError(
                f"this server runs in process {self._owner} and did not survive the fork into {os.getpid()}: "
                "start one in the process that uses it"
            )
        if self._loop is None or not self._thread.is_alive():
            raise OrharnessError("this server has been stopped")
        if threading.current_thread() is self._thread:
            raise OrharnessError("a when= predicate or a hook of the server cannot wait for the server itself")
        return self._loop

    def _main(self) -> None:
        try:
            with asyncio.Runner(loop_factory=_make_loop) as runner:
                runner.run(self._serve())
        except BaseException as error:
            if self._ready.is_set():
                raise
            self._failure = error
        finally:
            self._loop = None
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._peers = self._make_peers()
        self._stopping = asyncio.Event()
        self._ready.set()
        await self._stopping.wait()
        for close in self._closers:
            await close()
        self._peers.close()


def _make_loop() -> asyncio.AbstractEventLoop:
    """Return the system's default loop; if that uses selectors, one that notes its polls."""
    return asyncio.new_event_loop() if sys.platform == "win32" else asyncio.SelectorEventLoop(Polls())


class _ProxyBypass:
    """``NO_PROXY`` for loopback while any server thread of the process runs, in whatever order they end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads = 0
        self._given: dict[str, str | None] = {}

    def add(self) -> None:
        with self._lock:
            self._threads += 1
            if self._threads > 1:
                return
            for name in ("NO_PROXY", "no_proxy"):
                given = self._given[name] = os.environ.get(name)
                os.environ[name] = without_proxy(given)

    def remove(self) -> None:
        with self._lock:
            self._threads -= 1
            if self._threads:
                return
            for name, given in self._given.items():
                if given is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = given


_proxy = _ProxyBypass()


class Listener(socket.socket):
    """A bound socket that counts what is accepted of it, where a selector says when: so not by Windows' proactor."""

    accepted = 0

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection."""
        accepted = super().accept()
        self.accepted += 1
        return accepted


def loopback_sockets(host: str = "127.0.0.1", port: int = 0, *, shared: bool = False) -> list[Listener]:
    """Return sockets bound on the host; for IPv4 loopback also on ``::1`` with the same port, where there is IPv6.

    ``shared``: other processes of this user may listen there as well; Linux deals connections out among them. Raises
    ``ScenarioError`` if the address cannot be bound.
    """
    if not isinstance(port, int) or isinstance(port, bool) or not 0 <= port <= 65535:
        raise ScenarioError(f"port is a number from 0 (any free one) to 65535, not {port!r}")
    if not isinstance(host, str):
        raise ScenarioError(f"host is a text such as '127.0.0.1', not {host!r}")
    for _ in range(_ATTEMPTS):
        first = _bound(host, port, shared=shared)
        if host != "127.0.0.1" or not socket.has_ipv6:
            return [first]
        try:
            return [first, _bound("::1", first.getsockname()[1], shared=shared)]
        except ScenarioError:
            if port or not _has_ipv6_loopback():
                return [first]
            first.close()  # the port is taken on ::1: try another
    return [_bound(host, port, shared=shared)]


def listen(sockets: Iterable[socket.socket]) -> None:
    """Let clients connect; each waits until the loop accepts it. Raises ``ScenarioError`` for a port that is taken."""
    for one in sockets:
        try:
            one.listen(BACKLOG)
        except OSError as error:
            raise ScenarioError(f"cannot listen on port {one.getsockname()[1]}: {error.strerror}") from error


def _bound(host: str, port: int, *, shared: bool = False) -> Listener:
    one = Listener(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        one.bind((host, port))
    except OSError as error:
        one.close()
        taken = error.errno == errno.EADDRINUSE
        advice = "choose another port" if taken else "is that an address of this machine?"
        raise ScenarioError(f"cannot listen on {host} port {port}: {error.strerror}; {advice}") from error
    one.setblocking(False)
    return one


def _has_ipv6_loopback() -> bool:
    try:
        _bound("::1", 0).close()
    except ScenarioError:
        return False
    return True
