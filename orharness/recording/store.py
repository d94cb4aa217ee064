"""What the recorder has kept: exchanges that go on in the spool, those that have ended in the cassette."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from orharness.cassette.interaction import Interaction
from orharness.cassette.secrets import scrub_uri
from orharness.errors import CassetteError, OrharnessError
from orharness.recording.exchange import RecordedExchange, SavedExchange
from orharness.recording.secrets import UNREADABLE, note_about
from orharness.recording.spool import Spool
from orharness.recording.unconfirmed import SoFar
from orharness.recording.whole_chunks import data_of
from orharness.report.summary import summary
from orharness.stream import Chunk
from orharness.verdict import count

if TYPE_CHECKING:  # vcrpy takes longer to load than all else, and is not needed before the first save
    from orharness.cassette.tape import Entry, Tape

_TURN = 0.001  # seconds, at most, of writing while streams wait

log = logging.getLogger("orharness.recording")


class Store:
    """A cassette that is being recorded, and its spool.

    Opening it recovers what a recorder has left that was killed or could not write, and goes on with its cassette.
    Raises ``CassetteError`` where any other cassette exists (unless ``overwrite``), where another recorder writes to
    it, and where its folder cannot be written.

    ``so_far``: it takes the place of one whose process was killed; ``cut`` has the order of each exchange of which the
    rest is lost then. ``on_saving`` is called, in a thread, with the orders of exchanges before the file is written;
    ``on_saved`` after that with the order of each and what is said of it, or ``None`` for one that is left out.
    """

    searches_here = True

    def __init__(
        self,
        path: Path,
        *,
        overwrite: bool,
        so_far: SoFar | None = None,
        on_saving: Callable[[list[int]], None] = lambda orders: None,
        on_saved: Callable[[int, SavedExchange | None], None] = lambda order, saved: None,
    ) -> None:
        self.saved: list[SavedExchange] = []
        """What was added to the cassette."""
        self._exchanges: dict[int, RecordedExchange] = {}
        self._ended: list[RecordedExchange] = []  # those that are to be saved
        self._saving: asyncio.Task[None] | None = None
        self._failed: list[RecordedExchange] = []  # those that could not be saved
        self._unsaved: list[str] = []  # why
        self._unwritten: dict[int, tuple[RecordedExchange, Chunk]] = {}  # by order: the last chunk of an exchange
        self._writing: asyncio.Handle | None = None
        self._path = path
        self._on_saving = on_saving
        self._on_saved = on_saved
        self.cut: list[int] = []
        if so_far is not None:
            self._spool = _spool_of(path)
            self._mode = "new_episodes" if so_far.goes_on or so_far.saved else "rewrite"
            self._go_on()
            self._take_over(so_far)
            return
        self._spool, self._mode = _opened(path, overwrite=overwrite)
        if self.goes_on:
            self._go_on()

    @property
    def goes_on(self) -> bool:
        """Whether what is in the cassette stays in it."""
        return self._mode == "new_episodes"

    def _go_on(self) -> None:
        """Load the cassette, so that a damaged one is refused at once; the spool stays then."""
        try:
            assert self._tape is not None
        except BaseException:
            self._spool.close(keep=True)
            raise

    def _take_over(self, so_far: SoFar) -> None:
        """Find out what is in the cassette, and put into it what is in the spool and will not be handed over again."""
        saved = sorted({*so_far.saved, *so_far.saving})
        if so_far.saving and self.goes_on and self._tape.renumber(so_far.before, saved):
            found = self._tape.interactions[so_far.before :]
            for order, interaction in zip(saved, found, strict=True):
                if order in so_far.saving:
                    self._tell_saved(order, interaction)
        elif self._tape.renumber(so_far.before, so_far.saved):
            saved = [*so_far.saved]
        held = (fields["order"] for kind, fields, *_ in so_far.held if kind == "begin" and isinstance(fields, dict))
        for order, (interaction, ended) in self._spool.left_by_keeper({*saved, *held}).items():
            self._tape.add(interaction, order)
            self._tell_saved(order, interaction)
            if not ended:
                self.cut.append(order)

    def _tell_saved(self, order: int, interaction: Interaction) -> None:
        said = _said(interaction, interaction.stream.duration, summary(interaction.stream))
        self.saved.append(said)
        self._on_saved(order, said)
        self._spool.mark_saved(order)

    @cached_property
    def _tape(self) -> Tape:
        from orharness.cassette.tape import Tape

        return Tape(self._path, self._mode)

    @property
    def interactions(self) -> list[Interaction]:
        """What is in the cassette by now, in the order of the requests."""
        return self._tape.interactions if self.saved or self._mode == "new_episodes" else []

    def begin(self, exchange: RecordedExchange) -> None:
        """Keep an exchange whose response head has come or will not come, unless the user's filters leave it out."""
        try:
            left_out = exchange.kept_request is None
        except CassetteError as error:
            self._cannot_save(error)
            left_out = True
        if left_out:
            self._on_saved(exchange.order, None)
            return
        self._exchanges[exchange.order] = exchange
        self._spool.begin(exchange)

    def hand_over(self, exchange: RecordedExchange, chunks: bytes, now: float) -> bool:
        """Keep chunks that came together."""
        for data in data_of(chunks):
            self.after_passing(exchange, data, now)
        return True

    def after_handing_over(self, exchange: RecordedExchange, chunks: bytes, now: float) -> None:
        """Do nothing: they are kept."""

    async def until_free(self, exchange: RecordedExchange) -> None:
        """Wait for nothing."""

    async def before_passing(self, exchange: RecordedExchange, data: bytes, now: float) -> None:
        """Write the chunk before this one, or a kill could lose both."""
        self.settle(exchange)

    def after_passing(self, exchange: RecordedExchange, data: bytes, now: float) -> None:
        """Keep one more chunk, which came at ``now`` of the loop's clock: it is written in the loop's next turn."""
        if exchange.order not in self._exchanges:
            return
        chunk = exchange.add(data, now)
        # Searching it for secrets takes longer than passing it on, which those that have come meanwhile wait for. So it
        # is written after them; of each response only the last chunk is not yet in the spool.
        self.settle(exchange)
        self._unwritten[exchange.order] = exchange, chunk
        if self._writing is None:
            self._writing = asyncio.get_running_loop().call_soon(self._write_all)

    def _write_all(self) -> None:
        """Write the chunks of all exchanges; from time to time the loop has a turn."""
        self._writing, loop = None, asyncio.get_running_loop()
        until = loop.time() + _TURN
        for exchange, _ in [*self._unwritten.values()]:
            self.settle(exchange)
            if loop.time() > until and self._unwritten:
                self._writing = loop.call_soon(self._write_all)
                return

    def settle(self, exchange: RecordedExchange) -> None:
        """Write the chunk of the exchange that is not in the spool yet, if there is one."""
        waiting = self._unwritten.pop(exchange.order, None)
        if waiting is not None:
            self._spool.chunk(*waiting)

    def end(self, exchange: RecordedExchange, ending: str, note: str | None = None) -> None:
        """Keep how the response ended, and save the exchange. Only the first ending of an exchange counts."""
        if exchange.ending is None and exchange.order in self._exchanges:
            exchange.finish(ending, note)
            self.settle(exchange)
            self._spool.end(exchange)
            self._ended.append(exchange)
            if self._saving is None:
                self._saving = asyncio.create_task(self._save_ended())

    async def close(self) -> None:
        """Save what has ended, and release the files. Raises ``CassetteError`` where something could not be saved."""
        if self._saving is not None:
            await self._saving
        self._ended, self._failed = self._failed, []
        if self._ended:  # the disk may have room again
            self._unsaved.clear()
            await self._save_ended()
        self.release()
        if self._unsaved:
            raise CassetteError(f"{self._unsaved[-1]}; {self._spool.holds}")

    async def leave(self) -> None:
        """Save what has ended, and leave the spool, as one who is killed does, so that the same command goes on."""
        for exchange, _ in [*self._unwritten.values()]:
            self.settle(exchange)
        if self._saving is not None:
            await self._saving
        self._spool.close(keep=True)

    def release_soon(self) -> None:
        """Let another recorder know that this one only saves what it has, and ends."""
        self._spool.share()

    def release(self) -> None:
        """Release the files; the spool stays only where something is not in the cassette."""
        self._spool.close(keep=bool(self._exchanges))
        if "_tape" in self.__dict__:
            self._tape.close()

    async def _save_ended(self) -> None:
        """Save what has ended. What ends meanwhile is saved together: each save writes the whole file."""
        while self._ended:
            exchanges, self._ended = self._ended, []
            # In a thread, since other exchanges are being forwarded meanwhile.
            for exchange, saved in await asyncio.to_thread(self._put_in_cassette, exchanges):
                if isinstance(saved, OrharnessError):
                    self._failed.append(exchange)
                    self._cannot_save(saved)
                    continue
                if saved is not None:
                    self.saved.append(saved)
                self._on_saved(exchange.order, saved)
                del self._exchanges[exchange.order]
                self._spool.saved(exchange)
            if not self._exchanges:
                self._spool.clear()
        self._saving = None

    def _cannot_save(self, error: OrharnessError) -> None:
        log.error("%s", error)
        self._unsaved.append(str(error))

    def _put_in_cassette(
        self, exchanges: Iterable[RecordedExchange]
    ) -> list[tuple[RecordedExchange, SavedExchange | OrharnessError | None]]:
        """Add the exchanges to the cassette.

        Returns what is said of each, ``None`` where the user's filters left nothing to add, or why it could not be
        added.
        """
        found: list[tuple[RecordedExchange, _Made | OrharnessError | None]] = []
        for exchange in exchanges:
            try:
                found.append((exchange, self._entry(exchange)))
            except OrharnessError as error:
                found.append((exchange, error))
        try:
            if entries := [one.entry for _, one in found if isinstance(one, _Made)]:
                self._on_saving([entry.order for entry in entries])
                self._tape.add_all(entries)
        except OrharnessError as error:
            return [(exchange, error if isinstance(one, _Made) else one) for exchange, one in found]
        return [(exchange, one.said if isinstance(one, _Made) else one) for exchange, one in found]

    def _entry(self, exchange: RecordedExchange) -> _Made | None:
        interaction = exchange.without_body() if exchange.is_large else exchange.interaction()
        if interaction is None:
            return None
        if UNREADABLE in (interaction.note or ""):
            log.warning("%s %s: %s", interaction.request.method, scrub_uri(interaction.request.uri), interaction.note)
        if not exchange.is_large:
            entry = self._tape.entry(interaction, exchange.order)
            return _Made(entry, _said(interaction, interaction.stream.duration, summary(interaction.stream)))
        from orharness.cassette.large import LargeBody

        pieces = partial(self._spool.pieces, exchange) if exchange.searched.is_kept else tuple
        entry = self._tape.large_entry(interaction, LargeBody(exchange.delays, pieces), exchange.order)
        large = f"{count(len(exchange.delays), 'chunk')}, {count(exchange.size, 'byte')}"
        return _Made(entry, _said(interaction, sum(exchange.delays), large))


class _Made(NamedTuple):
    """An interaction that can be added to the cassette, and what is said of it."""

    entry: Entry
    said: SavedExchange


def _said(interaction: Interaction, lasted: float, what: str) -> SavedExchange:
    request = interaction.request
    has_body = str(note_about("response", UNREADABLE)) not in (interaction.note or "")
    return SavedExchange(
        request.method,
        scrub_uri(request.uri),
        interaction.status,
        interaction.head + lasted,
        interaction.ending_recorded,
        what if has_body else "its body is not kept",
        has_body,
    )


def _opened(path: Path, *, overwrite: bool) -> tuple[Spool, str]:
    """The empty spool, and the record mode of the tape, after what another recorder has left is recovered.

    It goes into the cassette itself, so that the same command goes on; where the cassette is to be overwritten, it goes
    into one beside it.
    """
    spool = _spool_of(path)
    try:
        goes_on = spool.left_over and not overwrite
        if not (overwrite or goes_on):
            _refuse_existing(path)
        _recover(spool, path.with_name(f"{path.stem}.recovered{path.suffix}") if overwrite else path)
    except OSError as error:
        spool.close(keep=True)
        raise CassetteError(f"{spool.path}: what it holds cannot be set aside: {error.strerror}") from error
    except BaseException:
        spool.close(keep=spool.left_over)
        raise
    return spool, "new_episodes" if goes_on else "rewrite"


def _refuse_existing(path: Path) -> None:
    if path.exists():
        raise CassetteError(f"{path}: this cassette exists; --overwrite replaces it")


def _spool_of(path: Path) -> Spool:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return Spool(path.with_name(f"{path.name}.recording"))
    except OSError as error:
        raise CassetteError(f"{path}: the file cannot be written: {error.strerror}") from error


def _recover(spool: Spool, into: Path) -> None:
    """Move the exchanges of the spool into the cassette ``into``, and set a copy aside where one cannot be moved.

    Raises ``CassetteError``, and leaves the spool as it is, where that cassette is damaged.
    """
    found = spool.recover()
    problems, saved = [spool.damage] if spool.damage else [], 0
    if found:
        from orharness.cassette.tape import Tape

        rescued = Tape(into, "new_episodes")
        known = rescued.interactions
        for interaction in found:
            try:
                if not _is_in(interaction, known):
                    rescued.add(interaction)
                    known.append(interaction)
                    saved += 1
            except OrharnessError as error:
                problems.append(str(error))
        rescued.close()
    if saved:
        log.warning("%s: recovered %s of a recorder that was killed or could not write", into, count(saved, "response"))
    if problems:
        log.error("%s: keeps what an earlier recorder had: %s", spool.set_aside(), "; ".join(problems))
    spool.clear()


def _is_in(interaction: Interaction, others: list[Interaction]) -> bool:
    """Whether it was saved, and the recorder was killed before the spool could say so."""
    return any(
        (one.request.uri, one.request.body, one.recorded_at, one.stream.chunks)
        == (interaction.request.uri, interaction.request.body, interaction.recorded_at, interaction.stream.chunks)
        for one in others
    )
