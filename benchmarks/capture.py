"""What goes over one network device, as TCP connections: a raw socket (packet(7)), Linux and root only."""

from __future__ import annotations

import socket
import struct
import threading
from collections import defaultdict
from dataclasses import dataclass, field

_ALL = socket.htons(3)  # ETH_P_ALL: both directions
_SOL_PACKET, _STATISTICS = 263, 6  # linux/if_packet.h
_BUFFER = 64 * 1024 * 1024
_FIN, _SYN, _RST, _ACK = 1, 2, 4, 16


@dataclass(frozen=True)
class Segment:
    """One segment; ``seq`` and ``ack`` as they are on the wire."""

    from_server: bool
    flags: int
    seq: int
    ack: int
    data: bytes

    @property
    def fin(self) -> bool:
        """Whether it ends a side's stream."""
        return bool(self.flags & _FIN)

    @property
    def rst(self) -> bool:
        """Whether it resets the connection."""
        return bool(self.flags & _RST)


@dataclass
class Flow:
    """The segments of one connection, in the order in which they passed."""

    segments: list[Segment] = field(default_factory=list)

    @property
    def ended_by_client(self) -> Segment | None:
        """The client's first FIN or RST."""
        return next((one for one in self.segments if not one.from_server and (one.fin or one.rst)), None)

    @property
    def reset_in_time(self) -> bool:
        """Whether the client's RST passed before the server's own end was closed."""
        for one in self.segments:
            if one.from_server and (one.fin or one.rst):
                return False
            if one.rst:
                return True
        return False

    @property
    def ended_by_server(self) -> Segment | None:
        """The server's first FIN or RST."""
        return next((one for one in self.segments if one.from_server and (one.fin or one.rst)), None)

    def sent(self, end: Segment | None, *, acknowledged: bool) -> bytes:
        """What the server had sent by a segment, or what the client's kernel had acknowledged by then."""
        first = next((one.seq + 1 for one in self.segments if one.from_server and one.flags & _SYN), 0)
        most, pieces = 0, {}
        for one in self.segments:
            if one.from_server and one.data:
                pieces[(one.seq - first) & 0xFFFFFFFF] = one.data
            elif not one.from_server and one.flags & _ACK and not one.rst:
                most = max(most, (one.ack - first) & 0xFFFFFFFF if one.ack else 0)
            if one is end:
                break
        stream = b""
        for at in sorted(pieces):
            stream += pieces[at][max(0, len(stream) - at) :]
        return stream[:most] if acknowledged else stream


class Capture:
    """All TCP of one device while the block runs. ``flows``: by the ports of the client and of the server."""

    def __init__(self, device: str) -> None:
        self.flows: dict[tuple[int, int], Flow] = defaultdict(Flow)
        self._servers: set[int] = set()
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, _ALL)
        self._socket.setsockopt(socket.SOL_SOCKET, 33, _BUFFER)  # SO_RCVBUFFORCE
        self._socket.bind((device, 0))
        self._socket.settimeout(0.2)
        self._over = False
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Capture:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        self._thread.join()
        self._socket.close()

    @property
    def lost(self) -> int:
        """Packets that the kernel had no room for since this was last asked."""
        counted = self._socket.getsockopt(_SOL_PACKET, _STATISTICS, 8)
        lost: int = struct.unpack("=II", counted)[1]
        return lost

    def _listen(self) -> None:
        while True:
            try:
                self._take(self._socket.recv(262144))
            except TimeoutError:
                if self._over:
                    return

    def _take(self, frame: bytes) -> None:
        segment = _tcp(frame)
        if segment is None:
            return
        source, target, seq, ack, flags, data = segment
        if flags & _SYN and not flags & _ACK:
            self._servers.add(target)
        from_server = source in self._servers
        ports = (target, source) if from_server else (source, target)
        self.flows[ports].segments.append(Segment(from_server, flags, seq, ack, data))


def _tcp(frame: bytes) -> tuple[int, int, int, int, int, bytes] | None:
    """Ports, numbers, flags and data of an Ethernet frame with TCP over IPv4 (RFC 791) or IPv6 (RFC 8200) in it."""
    kind = frame[12:14]
    if kind == b"\x08\x00" and frame[23] == socket.IPPROTO_TCP:
        begin, end = 14 + 4 * (frame[14] & 15), 14 + int.from_bytes(frame[16:18], "big")
    elif kind == b"\x86\xdd" and frame[20] == socket.IPPROTO_TCP:
        begin, end = 54, 54 + int.from_bytes(frame[18:20], "big")
    else:
        return None
    source, target, seq, ack, offset, flags = struct.unpack_from("!HHIIBB", frame, begin)
    return source, target, seq, ack, flags, frame[begin + 4 * (offset >> 4) : end]
