"""Ollama's own API: one JSON object a line, at ``/api/chat`` and ``/api/generate``."""

from __future__ import annotations

from orharness.dialects.dialect import Carried, Dialect
from orharness.dialects.known import DIALECTS
from orharness.dialects.ollama import asked, cases, fold, grammar, parts, words, write
from orharness.frames import NDJSON

OLLAMA = DIALECTS.register(
    Dialect(
        name="ollama",
        frame=NDJSON,
        paths=(words.CHAT, words.GENERATE),
        asked=asked.asked,
        carries=frozenset({Carried.REASONING, Carried.TOOL_CALLS, Carried.USAGE, Carried.ERROR}),
        write=write.write,
        document=write.document,
        fold=fold.fold,
        is_end=fold.is_end,
        error_of=fold.error_of,
        is_token=fold.is_token,
        error_document=write.error_document,
        models=write.models_document,
        event_of=parts.event_of,
        brief=fold.brief,
        cases=cases.documents,
        grammar=grammar.GRAMMAR,
        limits=words.limits,
        is_own=fold.is_own,
        fails_with_status=True,
        example=asked.example,
        models_path="/api/tags",
        prefix="",
        end_shown='{…,"done":true,…}',
        unstreamed="it says `stream: false`",
        keyed=False,
    )
)
