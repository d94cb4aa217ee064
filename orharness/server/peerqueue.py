"""How many written bytes the client's process has read, asked of the Linux kernel for a peer on this host.

A chunk boundary is not a read boundary: a client observed the boundary between two chunks only if it had read the first
before the second was written. ``sock_diag`` (sock_diag(7), Linux ``uapi/linux/inet_diag.h``) answers questions about
one TCP socket by its exact addresses, without privileges, at a cost that does not depend on the number of sockets. The
question is about the *client's* socket: the bytes it has received, less those still in its queue, are the bytes that
its process has read.

The two counts of one answer are not taken at one moment: Linux reads the queue without the socket's lock and then,
under the lock and after everything that waited for it, the bytes received (``tcp_diag_get_info`` in
net/ipv4/tcp_diag.c). So a count of the queue is compared with the bytes received in an *earlier* answer.

A peer in another network namespace, on another host or on another system cannot be seen; every answer is ``None``.
"""

from __future__ import annotations

import socket
import struct
from errno import ENOENT
from functools import lru_cache
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
_PROCESSES = Path("/proc")

_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_QUESTION = struct.Struct("=BBBBI")  # family, protocol, extensions, padding, states
_ADDRESSES = struct.Struct("!HH16s16s")  # ports and addresses, in network order
_ANSWER = struct.Struct("=xBxx52xI8xI")  # family, state, timer, retransmits, …, expires, rqueue, wqueue, uid, inode
_ERROR = struct.Struct(f"={_HEADER.size}xi")
_WHOLE = struct.Struct(_HEADER.format + _ANSWER.format.removeprefix("="))
_ATTRIBUTE = struct.Struct("=HH")
_INFO = struct.Struct("=HH128xQ")  # length, kind, struct tcp_info up to bytes_received
_NO_INTERFACE = b"\0" * 4
_NO_COOKIE = b"\xff" * 8


class PeerState(NamedTuple):
    """The client's side of a connection. ``read``: bytes since the connection began, ``None`` if unknown.

    ``attached``: a process still holds the socket. A half-closed socket is attached, a closed one is not.
    """

    read: int | None
    unread: int
    attached: bool


class SocketCounts(NamedTuple):
    """The kernel's answer. ``queued`` is counted first: bytes that came between the counts are in ``received`` only."""

    received: int | None
    queued: int
    closing: bool  # our FIN is included in received, where it counts as one byte
    attached: bool
    inode: int = 0  # 0 if no process holds the socket


NO_SOCKET = SocketCounts(None, 0, closing=False, attached=False)
"""The kernel's answer where it has no such socket."""


class PeerQueue:
    """One netlink socket for any number of connections. Not for use from two threads at once.

    ``processes``: the folder in which proc(5) shows them.
    """

    def __init__(self, processes: Path = _PROCESSES) -> None:
        self.processes = processes
        self._netlink: socket.socket | None = None
        self._sequence = count(1)
        self._buffer = bytearray(4096)  # of an answer
        self._info_at = 0
        if hasattr(socket, "AF_NETLINK"):
            try:
                self._netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _NETLINK_SOCK_DIAG)
                self._netlink.setblocking(False)  # not connected, because tools that block the network patch connect()
            except OSError:  # a kernel or sandbox without sock_diag: then nothing can be seen, as on other systems
                self._netlink = None

    def close(self) -> None:
        """Close the netlink socket; every later answer is ``None``."""
        if self._netlink is not None:
            self._netlink.close()
            self._netlink = None

    def ask(self, question: bytes) -> SocketCounts | None:
        """Return the kernel's answer about the socket that the question describes; ``None`` if it gives none."""
        if self._netlink is None:
            return None
        sequence = next(self._sequence) & 0xFFFFFFFF
        head = _HEADER.pack(_HEADER.size + len(question), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, sequence, 0)
        try:
            self._netlink.sendto(head + question, (0, 0))
            while True:
                answer = self._answer(self._netlink)
                if len(answer) < _WHOLE.size:  # an error message
                    if _HEADER.unpack_from(answer)[3] == sequence:
                        return _refusal(answer)
                    continue
                _, kind, _, answered, _, state, queued, inode = _WHOLE.unpack_from(answer)
                if answered == sequence:
                    if kind != _SOCK_DIAG_BY_FAMILY:
                        return _refusal(answer)
                    if state == _LISTEN:  # without such a connection the kernel looks for a listener there
                        return NO_SOCKET
                    received = self._bytes_received(answer)
                    return SocketCounts(received, queued, state == _CLOSE_WAIT, inode != 0, inode)
        except OSError:
            return None

    def holds_nothing(self, question: bytes) -> bool:
        """Return whether nothing is queued in the socket that the question describes, by one question.

        False also where that is not known: then ``ask`` tells more. Our FIN may be queued, too.
        """
        netlink = self._netlink
        if netlink is None:
            return False
        sequence = next(self._sequence) & 0xFFFFFFFF
        head = _HEADER.pack(_HEADER.size + len(question), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, sequence, 0)
        try:
            netlink.sendto(head + question, (0, 0))
            netlink.recv_into(self._buffer)
        except OSError:
            return False
        _, kind, _, answered, _, state, queued, _ = _WHOLE.unpack_from(self._buffer)
        other = kind != _SOCK_DIAG_BY_FAMILY or answered != sequence
        return not (queued or other or state == _LISTEN)

    def _answer(self, netlink: socket.socket) -> bytes:
        """Receive the answer. The kernel answers before ``sendto`` returns, so as a rule there is no wait."""
        try:
            return netlink.recv(4096)
        except BlockingIOError:
            select((netlink,), (), (), 1)
            return netlink.recv(4096)

    def _bytes_received(self, answer: bytes) -> int | None:
        """Return the bytes received; the attribute's place differs by privileges and kernel, not between answers."""
        position = self._info_at
        if position and len(answer) >= position + _INFO.size:
            _, kind, received = _INFO.unpack_from(answer, position)
            if kind == _INET_DIAG_INFO:
                return int(received)
        found = _find_info(answer)
        if found is None:
            return None
        self._info_at = found
        return int(_INFO.unpack_from(answer, found)[2])


class Peer:
    """The client's socket with the address ``local``, connected to ``remote``; the hosts are numeric."""

    def __init__(self, queue: PeerQueue, local: tuple[str, int], remote: tuple[str, int]) -> None:
        self._queue = queue
        self._question = _question_about(local, remote)
        self.gone = False  # there is no such socket: it never comes back
        self._received: int | None = 0
        self._seen = 0  # bytes read, as far as seen

    def has_received(self, sent: int) -> bool:
        """Return whether its kernel was seen to have received that many bytes: its acknowledgements tell no more."""
        return self._received is not None and self._received >= sent

    def state(self, *, exactly: bool = True, acked: int = 0) -> PeerState | None:
        """Return what it has read by now; ``None`` if it cannot be seen.

        ``exactly=False`` suffices for waiting until all is read: if bytes are unread, ``read`` is a lower bound.
        ``acked``: the bytes that the client's kernel had acknowledged before this call. They had been received by then,
        as if an earlier answer had said so: as a rule that saves a second question.
        """
        known = self._received
        if known is not None and acked > known:
            known = acked
        answer = self._queue.ask(self._question)
        if (
            answer is not None
            and answer is not NO_SOCKET
            and answer.received != known
            and (exactly or not answer.queued)
        ):
            # Count the queue again after the bytes received by this answer.
            known, answer = answer.received, self._queue.ask(self._question)
        if answer is None or answer is NO_SOCKET:
            self.gone = answer is NO_SOCKET
            return None
        self._received = answer.received
        if answer.received is None or known is None:
            return PeerState(None, answer.queued, answer.attached)
        fin = 1 if answer.closing else 0  # our FIN was read with the last byte, or is alone in the queue
        unread = max(0, answer.queued - fin)
        self._seen = max(self._seen, known - fin - unread)
        return PeerState(self._seen, unread, answer.attached)

    def has_read(self, sent: int) -> bool:
        """Return whether it was just seen to have read ``sent`` bytes, all of which its kernel had acknowledged before.

        One question, as ``state`` for the common case: False where it is not so, or not known.
        """
        if not self._queue.holds_nothing(self._question):
            return False
        self._seen = max(self._seen, sent)
        if self._received is not None:
            self._received = max(self._received, sent)
        return True

    def held_here(self) -> bool | None:
        """Return True if this process holds the client's socket, False if another one is seen to; else ``None``.

        A descriptor that one thread has closed while another reads from it is in no process's table (close(2)).
        """
        answer = self._queue.ask(self._question)
        if answer is None or not answer.inode:
            return None
        if _is_open_in(self._queue.processes / "self" / "fd", answer.inode):
            return True
        others = (each / "fd" for each in _others(self._queue.processes))
        return False if any(_is_open_in(each, answer.inode) for each in others) else None


def _others(processes: Path) -> list[Path]:
    try:
        return [each for each in processes.iterdir() if each.name.isdecimal()]
    except OSError:  # a system without /proc
        return []


def _is_open_in(descriptors: Path, inode: int) -> bool:
    """Return whether one of a process's descriptors is the socket with that inode (proc(5)), as far as permitted."""
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
    addresses = _packed(family, local[0]), _packed(family, remote[0])
    return (
        _QUESTION.pack(family, socket.IPPROTO_TCP, 1 << (_INET_DIAG_INFO - 1), 0, 0xFFFFFFFF)
        + _ADDRESSES.pack(local[1], remote[1], *addresses)
        + _NO_INTERFACE
        + _NO_COOKIE
    )


@lru_cache(maxsize=256)  # as a rule all connections are of the same two hosts
def _packed(family: int, host: str) -> bytes:
    return socket.inet_pton(family, host.partition("%")[0]).ljust(16, b"\0")


def _refusal(answer: bytes) -> SocketCounts | None:
    """Return what an error message (netlink(7)) says: as a rule ENOENT, that there is no such socket on this host."""
    missing = len(answer) >= _ERROR.size and _ERROR.unpack_from(answer)[0] == -ENOENT
    return NO_SOCKET if missing else None


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
