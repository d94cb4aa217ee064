"""One process of a driver, and its runs: lines of JSON in both directions. ``drivers`` describes the protocol."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from orharness.contract.driving.processes import ClientProcess
from orharness.contract.driving.subject import ClientError, Trouble
from orharness.loopback import API_KEY
from orharness.parts import Finish, Part, Reasoning, Refusal, ToolCall, Usage
from orharness.verdict import shorten

MODEL, PROMPT = "m", "hi"
PROTOCOL = 1  # the newest that is spoken here; a hello without a number means 1
_SHOWN = 200  # characters of a line
_LONGEST_RUN = 64 * 1024 * 1024  # bytes that a driver may write in one run
_LONGEST_IDLE = 1024 * 1024  # ... and before its hello, or where nothing is asked of it
_A_LINE = 64  # bytes that a line counts for, so that empty ones are a flood as well
_QUITS = 2.0  # seconds from "quit" until it is killed
_KILLED = 10.0  # seconds in which all is read of a killed one; a busy machine may need some


class DriverRun:
    """One run of a driver: it continues by itself, and is cancelled wherever it is."""

    def __init__(self, number: int, stop_after: int | None = None) -> None:
        self.number = number
        self.pieces: list[str] = []
        self.parts: list[Part] = []
        self.error: BaseException | None = None
        self.finish_reason: str | None = None
        self.usage: dict[str, Any] | None = None
        self.over = False  # it has had its last event
        self.paused = threading.Event()
        self.ended = threading.Event()
        self.driver: Driver | None = None
        self._stop_after = stop_after
        self._half = ""

    @property
    def can_cancel_inside_read(self) -> bool:
        """Whether its driver says so."""
        return self.driver is not None and self.driver.cancels

    def close(self) -> None:
        """Cancel it."""
        if self.driver is not None and self.driver.cancels and not self.ended.is_set():
            self.driver.send({"op": "cancel", "id": self.number})

    def join(self, timeout: float) -> bool:
        """Return whether it ended within ``timeout`` seconds. A driver that does not say so hangs, and is killed."""
        if self.ended.wait(timeout):
            return True
        if self.driver is not None:
            told = "it was told to cancel" if self.driver.cancels else "its connection was closed"
            self.driver.kill(Trouble(f"the driver hangs: it does not end the run when {told}", certain=False))
            self.ended.wait(_KILLED)
        return False

    def why_it_stays(self) -> str | None:
        """Return ``None``: another process cannot be looked into."""
        return None

    def finish(self, error: BaseException | None = None) -> None:
        """End the run, and wake those who wait for it."""
        self.error = self.error if error is None else error
        self.ended.set()
        self.paused.set()

    def take(self, message: dict[str, Any]) -> None:
        """Take one more event of this run. Raises ``Trouble`` for what is not one."""
        kind = message.get("event")
        if kind != "delta" and self._half:
            self.pieces.append("\ufffd")  # its other half will not come
            self._half = ""
        if kind == "delta":
            self._delta(_field(message, "text", str))
        elif kind == "reasoning":
            self.parts.append(Reasoning(_field(message, "text", str)))
        elif kind == "refusal":
            self.parts.append(Refusal(_field(message, "text", str)))
        elif kind == "tool_call":
            name, arguments = _field(message, "name", str), _field(message, "arguments", str)
            self.parts.append(ToolCall(name, arguments, _field(message, "call_id", str | None)))
        elif kind == "end":
            self._end(_field(message, "finish_reason", str | None), _field(message, "usage", dict | None))
            self.over = True
        elif kind == "error":
            status = _field(message, "status", int | None)
            text = _field(message, "message", str)
            self.error = ClientError(text if status is None else f"{text} (status {status})")
            self.over = True
        elif kind == "cancelled":
            self.over = True
        else:
            raise Trouble(f"the driver sends an event that is none: {shorten(repr(kind), _SHOWN)}")

    def _end(self, finish_reason: str | None, usage: dict[str, Any] | None) -> None:
        self.finish_reason, self.usage = finish_reason, usage
        if finish_reason is not None:
            self.parts.append(Finish(finish_reason))
        if usage is not None:
            counts = [usage.get(name) for name in ("prompt_tokens", "completion_tokens")]
            self.parts.append(Usage(*(one if isinstance(one, int) else 0 for one in counts)))

    def _delta(self, text: str) -> None:
        text, self._half = _whole(self._half + text)
        if text:
            self.pieces.append(text)
        if self._stop_after is not None and len(self.pieces) >= max(1, self._stop_after):
            self.paused.set()


def _whole(text: str) -> tuple[str, str]:
    """Return the text with surrogate pairs joined (UTF-16 languages may cut them), and half a pair at its end apart."""
    half = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
    text = text[: len(text) - len(half)]
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass"), half


def _field(message: dict[str, Any], name: str, kind: Any) -> Any:
    value = message.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise Trouble(f"the driver sends {message['event']!r} with {name} {shorten(repr(value), _SHOWN)}")
    return value


class Driver:
    """One process of a driver, from its hello to its end. One thread reads it; no other changes a run."""

    def __init__(self, command: str | list[str], environment: Mapping[str, str] | None = None) -> None:
        self.trouble: Trouble | None = None  # what is wrong with it; from then on it is of no use
        self.told = False  # whether a run had that trouble
        self.cancels = False
        self.parallel = False  # several runs at the same time
        self.dialect: str | None = None
        self._hello: dict[str, Any] | None = None
        self._greeted = threading.Event()
        self._runs: dict[int, DriverRun] = {}  # those that are under way
        self._lock = threading.Lock()  # of the runs, which may begin while a trouble ends the driver
        self._last = 0
        self._left = _LONGEST_IDLE
        self._killed_for: Trouble | None = None
        self._quitting = False
        self._process = ClientProcess(command, environment, hears=True)
        self._thread = threading.Thread(target=self._listen, name="orharness-driver", daemon=True)
        self._thread.start()

    @property
    def group(self) -> int:
        """The number of its group of processes: of itself, and of what it has started."""
        return self._process.group

    def hello(self, seconds: float) -> dict[str, Any]:
        """Return its hello. Raises ``Trouble`` if none comes within ``seconds``."""
        if not self._greeted.wait(seconds):
            self.kill(Trouble(f"the driver says no hello within {seconds:g} s", certain=False))
            self._thread.join(_KILLED)
        if self._hello is None:
            raise self.trouble or Trouble("the driver says no hello")
        return self._hello

    def stream(self, run: DriverRun, base_url: str) -> None:
        """Begin a run. Raises the ``Trouble`` that ended the driver before."""
        with self._lock:
            if self.trouble is not None:
                self.told = True
                raise self.trouble
            if not self.parallel:
                self._runs.clear()
            self._runs[run.number] = run
            self._last, self._left = run.number, _LONGEST_RUN
            run.driver = self
        told = {"base_url": base_url, "api_key": API_KEY, "model": MODEL, "prompt": PROMPT}
        self.send({"op": "stream", "id": run.number, **told})

    def send(self, message: dict[str, Any]) -> None:
        """Send one line. That a driver has gone is reported by the thread that reads it."""
        if not self._process.write(json.dumps(message).encode() + b"\n") and self._process.code is None:
            self.kill(Trouble("the driver does not read its stdin"))

    def kill(self, trouble: Trouble) -> None:
        """End it for that reason; the thread that reads it ends its run."""
        self._killed_for = self._killed_for or trouble
        self._process.kill()

    def quit(self) -> None:
        """Tell it to quit, then end it."""
        self._quitting = True
        if self._thread.is_alive():
            self._process.write(b'{"op": "quit"}\n')
            self._process.wait(_QUITS)
            self._process.kill()
            self._thread.join(_KILLED)

    # --- hearing --------------------------------------------------------------------------------------------------

    def _listen(self) -> None:
        try:
            for lines in self._blocks():
                for line in lines:
                    self._hear(line)
                self._finish_what_is_over()
            trouble = self._killed_for or self._death()
        except Trouble as error:
            trouble = error
        self._process.kill()
        said = self._process.said()
        trouble.got = "\n".join(filter(None, [trouble.got, f"its stderr: {said}" if said else "nothing on its stderr"]))
        with self._lock:
            self.trouble = trouble
            for run in () if self._quitting else tuple(self._runs.values()):
                self.told = True
                run.finish(trouble)
        self._process.close()
        self._greeted.set()

    def _death(self) -> Trouble:
        how = self._process.ended()
        return Trouble(f"the driver died: {how}" if how else "the driver has closed its stdout")

    def _blocks(self) -> Iterator[list[bytes]]:
        """Yield the lines in blocks that were read at once: what follows a run's end is mostly in its block."""
        begun: list[bytes] = []
        while data := self._process.read():
            self._left -= len(data) + _A_LINE * data.count(b"\n")
            if self._left < 0:
                got = shorten(repr(data[:_SHOWN]), _SHOWN)
                raise Trouble("the driver floods its stdout: more bytes than any answer has", f"… {got} …")
            if b"\n" in data:
                *lines, rest = b"".join([*begun, data]).split(b"\n")
                begun = [rest]
                yield lines
            else:
                begun.append(data)
        if rest := b"".join(begun):
            yield [rest]

    def _hear(self, line: bytes) -> None:
        if not line.strip():
            return
        try:
            self._take(_message(line))
        except Trouble as trouble:
            trouble.got = shorten(line.decode("utf-8", "replace").strip(), _SHOWN)
            raise

    def _take(self, message: dict[str, Any]) -> None:
        if self._hello is None:
            self._greet(message)
            return
        number = message.get("id")
        run = self._runs.get(number) if isinstance(number, int) else None
        if run is not None and not run.over:
            run.take(message)
        elif isinstance(number, int) and 0 < number <= self._last:
            raise Trouble(f"the driver sends an event {message.get('event')!r} of run {number}, which was over")
        else:
            raise Trouble(f"the driver sends an event {message.get('event')!r} of run {number!r}, which nobody began")

    def _greet(self, message: dict[str, Any]) -> None:
        if message.get("event") != "hello":
            raise Trouble("the driver does not say hello first")
        protocol = message.get("protocol", PROTOCOL)
        if not isinstance(protocol, int) or isinstance(protocol, bool) or not 1 <= protocol <= PROTOCOL:
            said = f"the driver speaks protocol {shorten(repr(protocol), _SHOWN)}, and this version speaks {PROTOCOL}"
            raise Trouble(said)
        can = message.get("capabilities", [])
        if not isinstance(can, list):
            raise Trouble("the driver's capabilities are not a list")
        self.cancels, self.parallel = "cancel" in can, "parallel" in can
        self.dialect = _field(message, "dialect", str | None)
        self._hello = message
        self._greeted.set()

    def _finish_what_is_over(self) -> None:
        with self._lock:
            for run in [one for one in self._runs.values() if one.over]:
                del self._runs[run.number]
                self._left = _LONGEST_RUN if self._runs else _LONGEST_IDLE
                run.finish()


def _message(line: bytes) -> dict[str, Any]:
    try:
        message = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        raise Trouble(
            "the driver writes a line that is not JSON: what is not of the protocol belongs to stderr"
        ) from None
    if not isinstance(message, dict):
        raise Trouble("the driver writes a line that is not a JSON object")
    return message
