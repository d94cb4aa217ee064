"""Inside of the process that keeps what a recorder hands over, see ``keeper``."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orharness.errors import CassetteError, OrharnessError
from orharness.recording.bell import rung
from orharness.recording.exchange import RecordedExchange, SavedExchange
from orharness.recording.giving_way import GivingWay
from orharness.recording.messages import Unpacker, packed
from orharness.recording.secrets import Redaction
from orharness.recording.store import Store
from orharness.recording.unconfirmed import SoFar

if TYPE_CHECKING:
    from orharness.cassette.filters import Filters

_PIECE = 2**18  # bytes that are read at once
_TOLD = 2**18  # bytes after which the recorder is told how far we are
_AGAIN = 0.1  # seconds until the priority can be changed again
_BEHIND = 2**20  # bytes that wait here; with more, this process does not give way to others
_SWITCH = 0.0005  # seconds after which the search lets the thread that reads go on

SettingsAt = Callable[[str], Mapping[str, Any]]
"""Reads the settings of ``--filters``."""


def keep(connection: socket.socket, bell: socket.socket, settings_at: SettingsAt) -> None:
    """Keep what comes through the connection, until it ends, and all is saved. ``bell`` says when to look."""
    # The recorder is told to stop, and tells us: a signal to the whole group would come too early.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        with suppress(AttributeError):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    sys.setswitchinterval(_SWITCH)
    keeping = _Keeping(connection, bell, settings_at)
    logging.getLogger("orharness").addHandler(_Passed(keeping))
    try:
        keeping.run()
    except BaseException:  # a mistake of ours
        keeping.tell("log", logging.ERROR, traceback.format_exc())
        raise


class _Passed(logging.Handler):
    """Passes on what is logged to the recorder."""

    def __init__(self, keeping: _Keeping) -> None:
        super().__init__(logging.WARNING)
        self._keeping = keeping

    def emit(self, record: logging.LogRecord) -> None:
        self._keeping.tell("log", record.levelno, self.format(record))


class _Keeping:
    def __init__(self, connection: socket.socket, bell: socket.socket, settings_at: SettingsAt) -> None:
        self._connection = connection
        self._bell = bell
        self._settings_at = settings_at
        self._unpacker = Unpacker()
        self._telling = threading.Lock()
        self._exchanges: dict[int, RecordedExchange] = {}
        self._taken = self._told = 0  # bytes of chunks
        self._came = self._handled = 0  # bytes of messages

    def tell(self, *message: object) -> None:
        """Tell the recorder, if it is still there."""
        with self._telling, suppress(OSError):
            self._connection.sendall(packed(*message))

    def run(self) -> None:
        """Open the cassette, and keep what comes."""
        came: list[tuple[Any, ...]] = []
        while not came:
            if not (data := self._connection.recv(_PIECE)):
                return
            came = self._unpacker.feed(data)
        (_, path, options, so_far), *first = came
        try:
            self._redaction = self._redaction_of(options)
            store = self._opened(Path(path), options["overwrite"], so_far)
        except OrharnessError as error:
            self.tell("refused", type(error).__name__, str(error))
            return
        asyncio.run(self._keep(store, so_far, first))

    def _opened(self, path: Path, overwrite: bool, so_far: SoFar | None) -> Store:
        def saving(orders: list[int]) -> None:
            self.tell("saving", orders)

        def saved(order: int, said: SavedExchange | None) -> None:
            self.tell("saved", order, said)

        return Store(path, overwrite=overwrite, so_far=so_far, on_saving=saving, on_saved=saved)

    def _redaction_of(self, options: Mapping[str, Any]) -> Redaction:
        filters: Filters | None = None
        if options["filters"]:
            from orharness.cassette.filters import Filters

            filters = Filters(self._settings_at(options["filters"]))
        return Redaction(personal=options["personal"], keep_headers=options["keep_headers"], filters=filters)

    async def _keep(self, store: Store, so_far: SoFar | None, first: list[tuple[Any, ...]]) -> None:
        """Keep what comes.

        ``so_far.held`` came with the first message: it is kept as a whole or, where the recorder ends before that has
        come, not at all, and the spool stays as it was.
        """
        for message in so_far.held if so_far else ():
            self._take(store, *message)
        self.tell("opened", 0 if so_far else len(store.interactions), store.goes_on, store.cut)
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[tuple[list[tuple[Any, ...]], int] | None] = asyncio.Queue()
        queue.put_nowait((first, 0))
        reading = threading.Thread(target=self._read, args=(loop, queue, store), daemon=True)
        reading.start()
        # The recorder goes first while streams pass: their clients wait, and here is a queue.
        giving_way = GivingWay(partial(loop.call_later, _AGAIN))
        while (came := await queue.get()) is not None:
            messages, self._handled = came
            for message in messages:
                if message[0] == "close":
                    giving_way.set(wanted=False)
                    await self._close(store)
                    return
                self._take(store, *message)
            giving_way.set(wanted=bool(self._exchanges) and self._came - self._handled < _BEHIND)
            if self._taken - self._told >= _TOLD:
                self._told = self._taken
                self.tell("taken", self._taken)
            await asyncio.sleep(0)  # there may be something to save
        giving_way.set(wanted=False)
        await store.leave()

    def _read(self, loop: asyncio.AbstractEventLoop, queue: asyncio.Queue[Any], store: Store) -> None:
        """Read what comes, in a thread: the recorder would wait for the search if the socket were full."""

        def take(data: bytes) -> None:
            self._came += len(data)
            if messages := self._unpacker.feed(data):
                loop.call_soon_threadsafe(queue.put_nowait, (messages, self._came))

        with suppress(OSError):
            while rung(self._bell):
                with suppress(BlockingIOError):
                    while data := self._connection.recv(_PIECE, socket.MSG_DONTWAIT):
                        take(data)
            while data := self._connection.recv(_PIECE):
                take(data)
        with suppress(RuntimeError):  # the loop has ended, after all was saved
            store.release_soon()
            loop.call_soon_threadsafe(queue.put_nowait, None)

    def _take(self, store: Store, kind: Any, *rest: Any) -> None:
        if kind == "begin":
            fields, secrets, last_at = rest
            exchange = RecordedExchange(**fields, redaction=replace(self._redaction, secrets=secrets))
            exchange.last_at = last_at
            exchange.prepare()
            self._exchanges[exchange.order] = exchange
            store.begin(exchange)
        elif kind in ("add", "chunks"):
            order, data, now = rest
            if kind == "chunks":
                store.hand_over(self._exchanges[order], data, now)
            else:
                store.after_passing(self._exchanges[order], data, now)
            self._taken += len(data)
        else:
            order, ending, note = rest
            store.end(self._exchanges.pop(order), ending, note)

    async def _close(self, store: Store) -> None:
        problem = None
        try:
            await store.close()
        except CassetteError as error:
            problem = str(error)
        self.tell("closed", problem)
