"""orharness: the test bench for streaming LLM clients.

The public names are imported when they are first used: pytest loads this package in every run of an environment where
it is installed, and a run that does not use it should not pay for aiohttp and vcrpy.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from orharness.lazy import lazy_names

if TYPE_CHECKING:
    from orharness.client_contract import ClientContract as ClientContract
    from orharness.dialects.completion import Failure as Failure
    from orharness.errors import CassetteError as CassetteError
    from orharness.errors import ClientFailure as ClientFailure
    from orharness.errors import OrharnessError as OrharnessError
    from orharness.errors import ScenarioError as ScenarioError
    from orharness.errors import UpstreamError as UpstreamError
    from orharness.fixtures import MakeSseProcess as MakeSseProcess
    from orharness.fixtures import MakeSseServer as MakeSseServer
    from orharness.fixtures import SseRelayClient as SseRelayClient
    from orharness.journal import Certainty as Certainty
    from orharness.journal import Exchange as Exchange
    from orharness.journal import How as How
    from orharness.journal import Outcome as Outcome
    from orharness.journal import Pacing as Pacing
    from orharness.journal import Request as Request
    from orharness.parts import Finish as Finish
    from orharness.parts import Reasoning as Reasoning
    from orharness.parts import Refusal as Refusal
    from orharness.parts import Text as Text
    from orharness.parts import ToolCall as ToolCall
    from orharness.parts import Usage as Usage
    from orharness.providers import Provider as Provider
    from orharness.pytest_plugin import SseContract as SseContract
    from orharness.relay.browser import RelayClient as RelayClient
    from orharness.relay.process import SseProcess as SseProcess
    from orharness.scenario import Reply as Reply
    from orharness.server.facade import SseServer as SseServer
    from orharness.server.handles import Call as Call
    from orharness.server.handles import LiveRoute as LiveRoute
    from orharness.sse import Comment as Comment
    from orharness.sse import Decoder as Decoder
    from orharness.sse import Event as Event
    from orharness.sse import Retry as Retry
    from orharness.sse import encode as encode
    from orharness.stream import Chunk as Chunk
    from orharness.stream import Edit as Edit
    from orharness.stream import Ending as Ending
    from orharness.stream import Framing as Framing
    from orharness.stream import Stream as Stream
    from orharness.stream import edit as edit
    from orharness.stream import repartition as repartition
    from orharness.transforms import after_event as after_event
    from orharness.transforms import after_text as after_text
    from orharness.transforms import append as append
    from orharness.transforms import blank_lines as blank_lines
    from orharness.transforms import bom as bom
    from orharness.transforms import boundary as boundary
    from orharness.transforms import coalesce as coalesce
    from orharness.transforms import comments as comments
    from orharness.transforms import compose as compose
    from orharness.transforms import corrupt as corrupt
    from orharness.transforms import cut_at as cut_at
    from orharness.transforms import drop as drop
    from orharness.transforms import extra_fields as extra_fields
    from orharness.transforms import fault as fault
    from orharness.transforms import first_chunk as first_chunk
    from orharness.transforms import hang as hang
    from orharness.transforms import heartbeat as heartbeat
    from orharness.transforms import hold as hold
    from orharness.transforms import inside_event as inside_event
    from orharness.transforms import inside_text as inside_text
    from orharness.transforms import invalid_utf8 as invalid_utf8
    from orharness.transforms import jitter as jitter
    from orharness.transforms import newlines as newlines
    from orharness.transforms import pace as pace
    from orharness.transforms import per_byte as per_byte
    from orharness.transforms import per_event as per_event
    from orharness.transforms import random_chunks as random_chunks
    from orharness.transforms import rechunk as rechunk
    from orharness.transforms import repeat as repeat
    from orharness.transforms import rewrite as rewrite
    from orharness.transforms import scale as scale
    from orharness.transforms import split_at as split_at
    from orharness.transforms import stall as stall
    from orharness.transforms import timing as timing
    from orharness.transforms import truncate as truncate

logging.getLogger(__name__).addHandler(logging.NullHandler())  # silent unless the user wants to hear

_HOMES = {
    "dialects.completion": "Failure",
    "parts": "Finish Reasoning Refusal Text ToolCall Usage",
    "client_contract": "ClientContract",
    "errors": "CassetteError ClientFailure OrharnessError ScenarioError UpstreamError",
    "fixtures": "MakeSseProcess MakeSseServer SseRelayClient",
    "journal": "Certainty Exchange How Outcome Pacing Request",
    "providers": "Provider",
    "pytest_plugin": "SseContract",
    "relay.browser": "RelayClient",
    "relay.process": "SseProcess",
    "scenario": "Reply",
    "server.facade": "SseServer",
    "server.handles": "Call LiveRoute",
    "sse": "Comment Decoder Event Retry encode",
    "stream": "Chunk Edit Ending Framing Stream edit repartition",
    "transforms": "after_event after_text append blank_lines bom boundary coalesce comments compose corrupt cut_at"
    " drop extra_fields fault first_chunk hang heartbeat hold inside_event inside_text invalid_utf8 jitter"
    " newlines pace per_byte per_event random_chunks rechunk repeat rewrite scale split_at stall"
    " timing truncate",
}
_lazy, __dir__ = lazy_names(__name__, _HOMES)

__all__ = sorted(" ".join(_HOMES.values()).split())


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # by itself most of what the import of this package costs

        return version("onerouter-harness")
    if name == "clients":  # a module of its own, so that `orharness.clients.openai` needs no second import
        from importlib import import_module

        return import_module("orharness.clients")
    return _lazy(name)
