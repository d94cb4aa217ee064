"""Clients that leave, each in its own way, and say what they did. Run as a script, alone: it needs nothing but Python.

It reads lines from stdin, each a JSON list of leavings, and answers each with a line: what every one of them had read
when it left, how many bytes lay unread then, and which system call it used.
"""

from __future__ import annotations

import array
import fcntl
import json
import socket
import struct
import sys
import termios
import threading
import time
from typing import Any

_LINGER_RESET = struct.pack("ii", 1, 0)


def leave(plan: dict[str, Any]) -> dict[str, Any]:
    """Connect, ask, read as far as the plan says, and leave."""
    with socket.create_connection((plan["host"], plan["port"]), timeout=30) as sock:
        local = sock.getsockname()[1]
        sock.sendall(plan["request"].encode("latin-1"))
        got = _read(sock, plan)
        time.sleep(plan["wait"])
        if plan["drain"]:
            got += _available(sock)
        unread = _unread(sock)
        if plan["way"] == "half_close":
            sock.shutdown(socket.SHUT_WR)
            time.sleep(plan["keep"])
        elif plan["way"] == "rst":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
    return {"id": plan["id"], "port": local, "got": got.decode("latin-1"), "unread": unread}


def _read(sock: socket.socket, plan: dict[str, Any]) -> bytes:
    """Up to so many bytes (``take``), or until what came ends with a text (``until``), or to the end."""
    got = b""
    until, take = plan["until"].encode("latin-1"), plan["take"]
    while (take is None and not (until and got.endswith(until))) or (take is not None and len(got) < take):
        piece = sock.recv(1 if take is None and until else 65536 if take is None else take - len(got))
        if not piece:
            break
        got += piece
    return got


def _available(sock: socket.socket) -> bytes:
    got = b""
    sock.setblocking(False)
    try:
        while piece := sock.recv(65536):
            got += piece
    except BlockingIOError:
        pass
    sock.setblocking(True)
    return got


def _unread(sock: socket.socket) -> int:
    found = array.array("i", [0])
    fcntl.ioctl(sock.fileno(), termios.FIONREAD, found)
    return found[0]


def leave_all(plans: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All of them at once."""
    done: list[dict[str, Any]] = []

    def one(plan: dict[str, Any]) -> None:
        try:
            done.append(leave(plan))
        except OSError as error:
            done.append({"id": plan["id"], "error": repr(error)})

    threads = [threading.Thread(target=one, args=(plan,)) for plan in plans]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return done


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(leave_all(json.loads(line))), flush=True)
