"""How much of what was written has the client's process read? The kernel knows, on Linux, for a peer on this host.

A chunk boundary is not a read boundary: only when the client has taken one chunk before the next is written did it
observe the boundary between them. ``sock_diag`` (sock_diag(7), Linux ``uapi/linux/inet_diag.h``) answers questions
about one TCP socket by its exact addresses, without privileges and at a cost that does not depend on how many sockets
exist. We ask about the *client's* socket: what it has received in all, less what still lies in its queue, is what its
process has read. The two counts of one answer are not of one moment: Linux takes the queue without the socket's lock
and then, under the lock and so after all that had waited for it, what was received (``tcp_diag_get_info`` in
net/ipv4/tcp_diag.c). So a count of the queue is held against what an answer *before* it said to be received.

It cannot see a peer in another network namespace, on another host or on another system; then every answer is ``None``.
"""

from __future__ import annotations

import socket
import struct
from itertools import count
from pathlib import Path
from select import select
from typing import NamedTuple

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST = 1
_INET_DIAG_INFO = 2
_CLOSE_WAIT = 8  # include/net/tcp_states.h
_LISTEN = 10
_OURS = Path("/proc/self/fd")

_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_QUESTION = struct.Struct("=BBBBI")  # family, protocol, extensions, padding, states
_ADDRESSES = struct.Struct("!HH16s16s")  # ports and addresses, in network order
_ANSWER = struct.Struct("=xBxx52xI8xI")  # family, state, timer, retransmits, …, expires, rqueue, wqueue, uid, inode
_ATTRIBUTE = struct.Struct("=HH")
_INFO = struct.Struct("=HH128xQ")  # length, kind, struct tcp_info up to bytes_received
_NO_COOKIE = b"\xff" * 8


class PeerState(NamedTuple):
    """The client's side of a connection. ``read`` counts bytes since the connection began, ``None`` if unknown.

    ``attached``: a process still holds the socket. A half-closed socket is attached, a closed one is not.
    """

    read: int | None
    unread: int
    attached: bool


class Answer(NamedTuple):
    """``queued`` was counted first: what came between the two counts is in ``received`` only."""

    received: int | None
    queued: int
    closing: bool  # our FIN is among what it has received, and counts as one byte
    attached: bool
    inode: int = 0  # the socket's, 0 where no process holds it


class PeerQueue:
    """One netlink socket for any number of connections. Not for use from two threads at once."""

    def __init__(self) -> None:
        self._netlink: socket.socket | None = None
        self._sequence = count(1)
        self._info_at = 0
        if hasattr(socket, "AF_NETLINK"):
            try:
                self._netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _NETLINK_SOCK_DIAG)
                self._netlink.setblocking(False)  # not connected: tools that block the network patch connect()
            except OSError:  # a kernel or a sandbox without sock_diag: then it is as blind as another system
                self._netlink = None

    def close(self) -> None:
        """Frees the netlink socket; every later answer is ``None``."""
        if self._netlink is not None:
            self._netlink.close()
            self._netlink = None

    def ask(self, question: bytes) -> Answer | None:
        """What the kernel says of the socket that the question describes; ``None`` where it cannot be seen."""
        if self._netlink is None:
            return None
        sequence = next(self._sequence) & 0xFFFFFFFF
        head = _HEADER.pack(_HEADER.size + len(question), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, sequence, 0)
        try:
            self._netlink.sendto(head + question, (0, 0))
            while True:
                answer = self._answer(self._netlink)
                _, kind, _, answered, _ = _HEADER.unpack_from(answer)
                if answered == sequence:
                    # The other kind is an error message, as a rule ENOENT: no such socket on this host.
                    return self._read(answer) if kind == _SOCK_DIAG_BY_FAMILY else None
        except OSError:
            return None

    def _answer(self, netlink: socket.socket) -> bytes:
        """The kernel answers before ``sendto`` returns, so that nothing has to be waited for, as a rule."""
        try:
            return netlink.recv(4096)
        except BlockingIOError:
            select((netlink,), (), (), 1)
            return netlink.recv(4096)

    def _read(self, answer: bytes) -> Answer | None:
        state, queued, inode = _ANSWER.unpack_from(answer, _HEADER.size)
        if state == _LISTEN:  # where there is no such connection, the kernel looks for a listener at the local address
            return None
        return Answer(self._bytes_received(answer), queued, state == _CLOSE_WAIT, inode != 0, inode)

    def _bytes_received(self, answer: bytes) -> int | None:
        """Where the attribute stands differs with privileges and kernels, but not from one answer to the next."""
        position = self._info_at
        if len(answer) < position + _INFO.size or _INFO.unpack_from(answer, position)[1] != _INET_DIAG_INFO:
            found = _find_info(answer)
            if found is None:
                return None
            position = self._info_at = found
        received: int = _INFO.unpack_from(answer, position)[2]
        return received


class Peer:
    """The client's socket whose own address is ``local``, connected to ``remote``; the hosts are numeric."""

    def __init__(self, queue: PeerQueue, local: tuple[str, int], remote: tuple[str, int]) -> None:
        self._queue = queue
        self._question = _question_about(local, remote)
        self._received: int | None = 0
        self._seen = 0  # read, as far as that was seen

    def state(self, *, exactly: bool = True) -> PeerState | None:
        """What it has read by now; ``None`` where it cannot be seen.

        Not ``exactly``, for who only waits until all is read: where something lies unread, ``read`` is a lower bound.
        """
        known, answer = self._received, self._queue.ask(self._question)
        if answer is not None and answer.received != known and (exactly or not answer.queued):
            # The queue is counted again, after what this answer said to be received.
            known, answer = answer.received, self._queue.ask(self._question)
        if answer is None:
            return None
        self._received = answer.received
        if answer.received is None or known is None:
            return PeerState(None, answer.queued, answer.attached)
        fin = 1 if answer.closing else 0  # it is read with the last byte, or lies there alone
        unread = max(0, answer.queued - fin)
        self._seen = max(self._seen, known - fin - unread)
        return PeerState(self._seen, unread, answer.attached)

    def held_here(self) -> bool | None:
        """Return whether this process holds the client's socket, or another one is seen to; ``None`` otherwise.

        A descriptor that one thread has closed while another reads from it is in no process's table (close(2)).
        """
        answer = self._queue.ask(self._question)
        if answer is None or not answer.inode:
            return None
        if _is_open_in(_OURS, answer.inode):
            return True
        others = (each / "fd" for each in _processes())
        return False if any(_is_open_in(each, answer.inode) for each in others) else None


def _processes() -> list[Path]:
    try:
        return [each for each in _OURS.parents[1].iterdir() if each.name.isdecimal()]
    except OSError:  # a system without /proc
        return []


def _is_open_in(descriptors: Path, inode: int) -> bool:
    """Whether one of a process's descriptors is the socket with that inode (proc(5)), as far as we may see them."""
    try:
        return any(_target(each) == f"socket:[{inode}]" for each in descriptors.iterdir())
    except OSError:
        return False


def _target(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except OSError:  # closed since it was listed
        return ""


def _question_about(local: tuple[str, int], remote: tuple[str, int]) -> bytes:
    family = socket.AF_INET6 if ":" in local[0] else socket.AF_INET
    addresses = (socket.inet_pton(family, host.partition("%")[0]).ljust(16, b"\0") for host in (local[0], remote[0]))
    return (
        _QUESTION.pack(family, socket.IPPROTO_TCP, 1 << (_INET_DIAG_INFO - 1), 0, 0xFFFFFFFF)
        + _ADDRESSES.pack(local[1], remote[1], *addresses)
        + struct.pack("=I", 0)
        + _NO_COOKIE
    )


def _find_info(answer: bytes) -> int | None:
    position = _HEADER.size + _ANSWER.size
    while position + _ATTRIBUTE.size <= len(answer):
        length, kind = _ATTRIBUTE.unpack_from(answer, position)
        if kind == _INET_DIAG_INFO and length >= _INFO.size:
            return position
        if length < _ATTRIBUTE.size:
            break
        position += (length + 3) & ~3
    return None
