"""The kernel's view of our side of a connection, on Linux: the only witness of a client whose socket cannot be seen.

``TCP_INFO`` (tcp(7)) returns ``struct tcp_info``; the offsets are those of Linux ``include/uapi/linux/tcp.h``, where
fields are only ever appended: ``tcpi_state`` (u8) at 0, ``tcpi_last_ack_recv`` (u32, milliseconds) at 56,
``tcpi_bytes_acked`` (u64, Linux 4.1, tcpEStatsAppHCThruOctetsAcked of RFC 4898) at 120, ``tcpi_notsent_bytes`` (u32,
Linux 4.6) at 144. Acknowledged bytes are in the receive buffer of the peer's kernel or have passed through it; this
does not show that the peer's process has read them. An RST acknowledges nothing, so after one the upper bound is the
number of bytes sent.
"""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

_FIELDS = struct.Struct("=B55xI60xQ16xI")  # the state, the last ACK, bytes acknowledged, bytes not sent
_ACKED = struct.Struct("=120xQ")
_CLOSED, _CLOSE_WAIT = 7, 8  # include/net/tcp_states.h
_TCP_INFO: int | None = getattr(socket, "TCP_INFO", None)


class OwnSide(NamedTuple):
    """Our side. ``acked``: bytes that the peer's kernel has acknowledged since the connection began.

    ``unsent``: bytes that the kernel has taken from us and not sent yet. ``closed``: an RST has come, or both sides
    have ended. ``left``: that, or a FIN has come. ``silence``: seconds since the peer's last packet, its FIN included.
    """

    acked: int
    unsent: int
    closed: bool
    left: bool
    silence: float


def acknowledged(sock: socket.socket | None) -> int:
    """Return the bytes that the peer's kernel has acknowledged, 0 if the kernel does not tell: one field, quickly."""
    if sock is None or _TCP_INFO is None:
        return 0
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _ACKED.size)
    except OSError:
        return 0
    return int(_ACKED.unpack(info)[0]) if len(info) == _ACKED.size else 0


def own_side(sock: socket.socket | None) -> OwnSide | None:
    """Return the kernel's view of our socket; ``None`` if it gives none."""
    if sock is None or _TCP_INFO is None:
        return None
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _FIELDS.size)
    except OSError:
        return None
    if len(info) < _FIELDS.size:  # an older kernel, or the structure of another system
        return None
    state, silence, acked, unsent = _FIELDS.unpack(info)
    return OwnSide(acked, unsent, state == _CLOSED, state in (_CLOSED, _CLOSE_WAIT), silence / 1000)
