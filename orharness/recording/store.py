"""What the recorder has kept: sessions that go on in the spool, those that have ended in the cassette."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from orharness.cassette.interaction import Interaction
from orharness.cassette.secrets import scrub_uri
from orharness.cassette.tape import Tape
from orharness.errors import CassetteError, OrharnessError
from orharness.recording.secrets import UNREADABLE
from orharness.recording.session import RecordedExchange
from orharness.recording.spool import Spool

log = logging.getLogger("orharness.recording")


class Store:
    """A cassette that is being recorded, and its spool.

    Opening it recovers what a recorder that was killed has left. Raises ``CassetteError`` where the cassette exists
    (unless ``overwrite``), where another recorder writes to it, and where its folder cannot be written.
    """

    def __init__(self, path: Path, *, overwrite: bool) -> None:
        self.saved = 0  # how many interactions are in the cassette
        self._sessions: dict[int, RecordedExchange] = {}
        self._saving: set[asyncio.Task[None]] = set()
        self._one_at_a_time = asyncio.Lock()
        self._unsaved: list[str] = []
        self._spool = _open_spool(path)
        try:
            self._tape = _fresh_tape(path, overwrite=overwrite)
        except BaseException:
            self._spool.close()
            raise

    @property
    def interactions(self) -> list[Interaction]:
        """What is in the cassette by now, in the order of the requests."""
        return self._tape.interactions

    def begin(self, session: RecordedExchange) -> None:
        """Keep a session whose response head has come, unless the user's filters leave it out."""
        try:
            if session.kept_request is None:
                return
        except CassetteError as error:
            self._cannot_save(error)
            return
        self._sessions[session.order] = session
        self._spool.begin(session)

    def add(self, session: RecordedExchange, data: bytes, now: float) -> None:
        """Keep one more chunk, which came at ``now`` of the loop's clock."""
        chunk = session.add(data, now)
        if session.order in self._sessions:
            self._spool.chunk(session, chunk)

    def end(self, session: RecordedExchange, ending: str, note: str | None = None) -> None:
        """Keep how the response ended, and save the session. Only the first ending of a session counts."""
        if session.ending is None and session.order in self._sessions:
            session.finish(ending, note)
            self._spool.end(session)
            task = asyncio.create_task(self._save(session))
            self._saving.add(task)
            task.add_done_callback(self._saving.discard)

    async def close(self) -> None:
        """Save what has ended, and release the files. Raises ``CassetteError`` where something could not be saved."""
        while self._saving:
            await asyncio.gather(*self._saving)
        self.release()
        if self._unsaved:
            raise CassetteError(f"{self._unsaved[0]}; {self._spool.path} keeps what is not in the cassette")

    def release(self) -> None:
        """Release the files; the spool stays only where something could not be saved."""
        self._spool.close(keep=bool(self._unsaved))

    async def _save(self, session: RecordedExchange) -> None:
        async with self._one_at_a_time:
            try:
                # In a thread, since other sessions are being forwarded meanwhile.
                self.saved += await asyncio.to_thread(self._put_in_cassette, session)
            except OrharnessError as error:
                self._cannot_save(error)
                return
            del self._sessions[session.order]
            self._spool.saved(session)
            if not self._sessions:
                self._spool.clear()

    def _cannot_save(self, error: OrharnessError) -> None:
        log.error("%s", error)
        self._unsaved.append(str(error))

    def _put_in_cassette(self, session: RecordedExchange) -> bool:
        """Add the session to the cassette; returns whether the user's filters leave anything to add."""
        interaction = session.interaction()
        if interaction is None:
            return False
        if UNREADABLE in (interaction.note or ""):
            log.warning("%s %s: %s", interaction.request.method, scrub_uri(interaction.request.uri), interaction.note)
        self._tape.add(interaction, session.order)
        return True


def _fresh_tape(path: Path, *, overwrite: bool) -> Tape:
    if path.exists() and not overwrite:
        raise CassetteError(f"{path}: this cassette exists; --overwrite replaces it")
    return Tape(path, "rewrite")


def _open_spool(path: Path) -> Spool:
    """The spool of a cassette, empty: what a recorder that was killed has left in it goes into another cassette."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        spool = Spool(path.with_name(f"{path.name}.recording"))
    except OSError as error:
        raise CassetteError(f"{path}: the file cannot be written: {error.strerror}") from error
    try:
        _recover(spool, path.with_name(f"{path.stem}.recovered{path.suffix}"))
    except OSError as error:
        spool.close(keep=True)
        raise CassetteError(f"{spool.path}: what it holds cannot be set aside: {error.strerror}") from error
    except BaseException:
        spool.close(keep=True)
        raise
    return spool


def _recover(spool: Spool, into: Path) -> None:
    """Move the sessions of the spool into the cassette ``into``, and set a copy aside where one cannot be moved."""
    found = spool.recover()
    problems, saved = [spool.damage] if spool.damage else [], 0
    try:
        rescued = Tape(into, "new_episodes" if found else "rewrite")
    except OrharnessError as error:
        found = []
        problems.append(str(error))
    for interaction in found:
        try:
            rescued.add(interaction)
            saved += 1
        except OrharnessError as error:
            problems.append(str(error))
    if saved:
        log.warning("%s: holds now what a recorder that was killed had of %d responses", into, saved)
    if problems:
        log.error("%s: keeps what a recorder that was killed had: %s", spool.set_aside(), "; ".join(problems))
    spool.clear()
