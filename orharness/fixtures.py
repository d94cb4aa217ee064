"""The types of callable fixtures: ``def test_it(make_sse_server: orharness.MakeSseServer)``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, Unpack

if TYPE_CHECKING:
    from orharness.relay.browser import BrowserOptions, RelayClient
    from orharness.relay.process import ProcessOptions, SseProcess
    from orharness.server.facade import ServerOptions, SseServer


class MakeSseServer(Protocol):
    """The fixture ``make_sse_server``: returns a new server; the options are those of ``SseServer``."""

    def __call__(self, **options: Unpack[ServerOptions]) -> SseServer: ...


class MakeSseProcess(Protocol):
    """The fixtures ``sse_process`` and ``make_sse_process``: start an app; the options are those of ``SseProcess``."""

    def __call__(self, argv: Sequence[str], **options: Unpack[ProcessOptions]) -> SseProcess: ...


class SseRelayClient(Protocol):
    """The fixture ``sse_relay_client``: returns a browser; the options are those of ``RelayClient``."""

    def __call__(self, url: str, json: Any = None, **options: Unpack[BrowserOptions]) -> RelayClient: ...
