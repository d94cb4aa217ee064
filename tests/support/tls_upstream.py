"""HTTPS servers of invented hosts on loopback, each with an authority of its own."""

from __future__ import annotations

import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trustme

CHUNKS = [b'data: {"choices": [{"delta": {"content": "Gr\xc3', b'\xbc\xc3\x9fe"}}]}\n\n', b"data: [DONE]\n\n"]


@dataclass
class TlsUpstream:
    """``host`` is the name in its certificate; ``ca`` the file of its authority."""

    host: str
    ca: Path
    port: int = 0
    heads: list[bytes] = field(default_factory=list)
    left: threading.Event = field(default_factory=threading.Event)

    @property
    def resolve(self) -> str:
        return f"{self.host}=127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"https://{self.host}/v1/chat/completions"


@contextmanager
def tls_upstream(folder: Path, host: str = "api.test", *, endless: bool = False) -> Iterator[TlsUpstream]:
    """A server that answers each request with the chunks; ``endless``: after them it waits for its client to leave."""
    authority = trustme.CA()
    upstream = TlsUpstream(host, folder / f"{host}.pem")
    upstream.ca.write_bytes(authority.cert_pem.bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(context)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError), context.wrap_socket(self.request, server_side=True) as connection:
                _answer(upstream, connection, endless=endless)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that leaves is not an error."""

    with Server(("127.0.0.1", 0), Handler) as server:
        upstream.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield upstream
        finally:
            server.shutdown()


def _answer(upstream: TlsUpstream, connection: ssl.SSLSocket, *, endless: bool) -> None:
    data = b""
    while b"\r\n\r\n" not in data or not data.endswith(b"}"):
        if not (piece := connection.recv(65536)):
            return
        data += piece
    upstream.heads.append(data)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    for chunk in CHUNKS[:1] if endless else CHUNKS:
        connection.sendall(b"%x\r\n%b\r\n" % (len(chunk), chunk))
    if endless:
        with suppress(OSError):
            connection.recv(1)
        upstream.left.set()
        return
    connection.sendall(b"0\r\n\r\n")
