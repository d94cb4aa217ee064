"""OpenAI chat completions, as sent by OneRouter, OpenRouter, OpenAI and the many services that copied the API."""

from __future__ import annotations

from orharness.dialects.chat import asked, cases, grammar, parts, slips, write
from orharness.dialects.chat.fold import brief, error_of, fold, is_end, is_own, is_token
from orharness.dialects.dialect import Carried, Dialect
from orharness.dialects.known import DIALECTS
from orharness.frames import SSE

__all__ = ["CHAT", "fold"]

CHAT = DIALECTS.register(
    Dialect(
        name="chat",
        frame=SSE,
        paths=asked.PATHS,
        bases=(*asked.BASES, asked.DEPLOYMENT),
        asked=asked.asked,
        carries=frozenset(Carried),
        write=write.write,
        document=write.document,
        fold=fold,
        is_end=is_end,
        error_of=error_of,
        is_token=is_token,
        error_document=write.error_document,
        models=write.models_document,
        event_of=parts.event_of,
        brief=brief,
        cases=cases.documents,
        slips=slips.SLIPS,
        grammar=grammar.GRAMMAR,
        is_own=is_own,
    )
)
