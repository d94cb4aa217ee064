"""Which providers stop on cancel: the providers behind a gateway, by name.

A gateway passes a client's cancel on to the provider that makes the tokens. One that supports it stops at once and
bills what was made; any other makes the rest, and bills it all.

Source: the gateways' lists of providers that support stream cancellation, as of 2026-11-22
(https://docs.onerouter.pro, https://openrouter.ai/docs/api-reference/streaming#stream-cancellation). Ollama is in
neither: its ``ChatHandler`` (``server/routes.go``) runs the model in the context of the request, which ends when the
client leaves.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from orharness.errors import ScenarioError

AS_OF = "2026-11-22"


@dataclass(frozen=True, slots=True)
class Provider:
    """The service whose model makes an answer."""

    name: str
    """As it is named in a chunk."""
    stops_on_cancel: bool
    """Whether its model stops when the client has left."""


_STOP = (
    "OpenAI, Azure, Anthropic, Fireworks, Mancer, Recursal, AnyScale, Lepton, OctoAI, Novita, DeepInfra, Together,"
    " Cohere, Hyperbolic, Infermatic, Avian, XAI, Cloudflare, SFCompute, Nineteen, Liquid, Friendli, Chutes, DeepSeek,"
    " Ollama"
)
_GO_ON = (
    "AWS Bedrock, Groq, Modal, Google, Google AI Studio, Minimax, HuggingFace, Replicate, Perplexity, Mistral, AI21,"
    " Featherless, Lynn, Lambda, Reflection, SambaNova, Inflection, ZeroOneAI, AionLabs, Alibaba, Nebius, Kluster,"
    " Targon, InferenceNet"
)

PROVIDERS: tuple[Provider, ...] = (
    *(Provider(name, stops_on_cancel=True) for name in _STOP.split(", ")),
    *(Provider(name, stops_on_cancel=False) for name in _GO_ON.split(", ")),
)
DEFAULT = PROVIDERS[0]


def lookup(name: str | Provider, own: Iterable[Provider] = ()) -> Provider:
    """Return the provider of that name; case and punctuation do not matter. ``own`` entries override the known ones.

    Raises ``ScenarioError`` for an unknown name, with the nearest one.
    """
    if isinstance(name, Provider):
        return name
    if not isinstance(name, str):
        raise ScenarioError(f"provider= is the name of a provider, or a Provider, not {name!r}")
    known = {_key(one.name): one for one in (*PROVIDERS, *own)}
    found = known.get(_key(name))
    if found is None:
        near = difflib.get_close_matches(_key(name), known, n=1, cutoff=0.5)
        hint = f", the nearest is {known[near[0]].name}" if near else ""
        raise ScenarioError(
            f"no provider is named {name!r}{hint}; for one of your own pass Provider({name!r}, stops_on_cancel=…)"
        )
    return found


def asked_for(preferences: object, own: Iterable[Provider] = ()) -> Provider | None:
    """Return the provider that a request asks for, as OpenRouter routes: the first of ``order`` that ``only`` allows.

    ``preferences`` is the request's ``provider`` field; returns ``None`` if it asks for none. Raises ``ScenarioError``
    for an unknown name.
    """
    if not isinstance(preferences, Mapping):
        return None
    order, only = (_names(preferences.get(key)) for key in ("order", "only"))
    allowed = {_key(name) for name in only}
    wanted = [name for name in order if not allowed or _key(name) in allowed] or only or order
    return lookup(wanted[0], own) if wanted else None


def _names(value: object) -> list[str]:
    return [name for name in value if isinstance(name, str)] if isinstance(value, list) else []


def _key(name: str) -> str:
    return re.sub(r"[\W_]", "", name).casefold()
