"""An MCP server that behaves as it is told, rightly or wrongly: with one tool that works for a while."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic
from typing import Any
from urllib.request import urlopen

STATELESS, WITH_SESSIONS = "2026-07-28", "2025-11-25"
BEAT = 0.03  # seconds


@dataclass(frozen=True)
class Manners:
    """What the server does. ``seconds``: that its tool takes; ``polls``: it closes each connection before the end."""

    revisions: tuple[str, ...] = (STATELESS, WITH_SESSIONS)
    seconds: float = 1.5
    stops_when_left: bool = True
    stops_when_cancelled: bool = True
    ids: bool = False
    resumes: bool = True
    replays_foreign: bool = False
    polls: bool = False
    as_json: bool = False
    fails: bool = False
    says_nothing: bool = False


@dataclass
class Work:
    """One call of the tool: what it has sent, and whether it goes on."""

    id: Any
    events: list[bytes] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)


class McpServer(ThreadingHTTPServer):
    """The server; as a witness, it says whether its tool has worked since the last look."""

    daemon_threads = True
    signs = "what it says itself"

    def __init__(self, manners: Manners, port: int = 0, beat: str | None = None) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.manners = manners
        self.beat = beat  # the address of a witness
        self.beats = 0
        self.seen = 0
        self.works: dict[Any, Work] = {}
        self.asked: list[tuple[str, dict[str, str], Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/mcp"

    def look(self) -> bool:
        before, self.seen = self.seen, self.beats
        return self.beats > before

    def begin(self, id_: Any) -> Work:
        work = self.works[id_] = Work(id_)
        threading.Thread(target=self._run, args=(work,), daemon=True).start()
        return work

    def _run(self, work: Work) -> None:
        ends = monotonic() + self.manners.seconds
        if self.manners.ids:
            work.events.append(f"id: {work.id}/0\ndata:\n\n".encode())
        while monotonic() < ends and not work.stopped.wait(BEAT):
            self.beats += not self.manners.says_nothing
            if self.beat is not None:
                urlopen(self.beat, timeout=5).close()
            progress = {"progressToken": work.id, "progress": self.beats}
            self._add(work, {"method": "notifications/progress", "params": progress})
        if not work.stopped.is_set():
            self._add(work, self.response(work.id))
        work.done.set()

    def response(self, id_: Any) -> dict[str, Any]:
        content = [{"type": "text", "text": "it broke" if self.manners.fails else "done"}]
        return {"id": id_, "result": {"content": content, "isError": self.manners.fails}}

    def _add(self, work: Work, message: dict[str, Any]) -> None:
        head = f"id: {work.id}/{len(work.events)}\n" if self.manners.ids else ""
        work.events.append(f"{head}data: {json.dumps({'jsonrpc': '2.0', **message})}\n\n".encode())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: McpServer

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(("POST", dict(self.headers), body))
        manners, stateless = self.server.manners, self.headers.get("MCP-Protocol-Version") == STATELESS
        match body["method"]:
            case "initialize" if WITH_SESSIONS in manners.revisions:
                self._json({"id": body["id"], "result": {"protocolVersion": WITH_SESSIONS, "capabilities": {}}})
            case "initialize":
                self._json({"id": body["id"], "error": {"code": -32601, "message": "no such method"}}, 404)
            case "server/discover" if STATELESS in manners.revisions:
                self._json({"id": body["id"], "result": {}})
            case _ if stateless and STATELESS not in manners.revisions:
                # as MCP's SDK for Python names a request that it has not read
                self._json({"id": "server-error", "error": {"code": -32022, "message": "no such version"}}, 400)
            case "notifications/cancelled":
                if manners.stops_when_cancelled:
                    self.server.works[body["params"]["requestId"]].stopped.set()
                self._status(202)
            case "tools/call" if body["params"]["name"] != "slow":
                self._json({"id": body["id"], "error": {"code": -32602, "message": "Unknown tool"}})
            case "tools/call":
                self._called(self.server.begin(body["id"]))
            case _:
                self._status(202)

    def do_GET(self) -> None:
        self.server.asked.append(("GET", dict(self.headers), None))
        last = self.headers.get("Last-Event-ID", "")
        if not self.server.manners.resumes or "/" not in last:
            self._status(405)
            return
        id_, _, number = last.partition("/")
        work = self.server.works[int(id_)]
        if self.server.manners.replays_foreign:
            foreign = json.dumps({"jsonrpc": "2.0", **self.server.response("other")})
            work.events.insert(int(number) + 1, f"data: {foreign}\n\n".encode())
        self._stream(work, int(number) + 1)

    def do_DELETE(self) -> None:
        self._status(200)

    def _called(self, work: Work) -> None:
        if self.server.manners.as_json:
            while not work.done.wait(BEAT):
                if self._is_left():
                    self._left(work)
            self._json(self.server.response(work.id))
        else:
            self._stream(work, 0)

    def _stream(self, work: Work, start: int) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        if start == 0:
            self.send_header("MCP-Session-Id", "session")
        self.end_headers()
        sent, until = start, monotonic() + self.server.manners.seconds / 3
        over = False
        while not over:
            over = work.done.wait(BEAT)  # before the rest is sent: nothing is added afterwards
            while sent < len(work.events):
                self._chunk(work, work.events[sent])
                sent += 1
            if self.server.manners.polls and monotonic() > until:
                self._chunk(work, b"retry: 20\n\n")
                break
            if self._is_left():
                self._left(work)
                return
        self._chunk(work, b"")

    def _chunk(self, work: Work, data: bytes) -> None:
        try:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        except OSError:
            self._left(work)

    def _is_left(self) -> bool:
        self.connection.setblocking(False)
        try:
            return not self.connection.recv(1)
        except BlockingIOError:
            return False
        except OSError:
            return True
        finally:
            self.connection.setblocking(True)

    def _left(self, work: Work) -> None:
        self.close_connection = True
        if self.server.manners.stops_when_left:
            work.stopped.set()

    def _json(self, message: dict[str, Any], status: int = 200) -> None:
        self._status(status, json.dumps({"jsonrpc": "2.0", **message}).encode())

    def _status(self, status: int, body: bytes = b"") -> None:
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True


@contextmanager
def mcp_server(**manners: Any) -> Iterator[McpServer]:
    """A server with these manners."""
    server = McpServer(Manners(**manners))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        for work in server.works.values():
            work.stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()


if __name__ == "__main__":  # as a program that `--command` starts
    stops = os.environ.get("STOPS") == "1"
    McpServer(Manners(stops_when_left=stops), int(os.environ["PORT"]), os.environ["ORHARNESS_BEAT"]).serve_forever()
