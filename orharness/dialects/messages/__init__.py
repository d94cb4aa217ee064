"""Anthropic Messages."""

from __future__ import annotations

from orharness.dialects.dialect import Carried, Dialect
from orharness.dialects.known import DIALECTS
from orharness.dialects.messages import asked, cases, errors, fold, grammar, parts, words, write
from orharness.frames import SSE
from orharness.gateways import Gateway


def _id_prefix(gateway: Gateway) -> str:
    return write.ID_PREFIX


MESSAGES = DIALECTS.register(
    Dialect(
        name="messages",
        frame=SSE,
        paths=("/messages",),
        elsewhere=(asked.VERTEX,),
        asked=asked.asked,
        carries=frozenset(Carried) - {Carried.OTHERS},
        write=write.write,
        document=write.document,
        fold=fold.fold,
        is_end=fold.is_end,
        error_of=fold.error_of,
        is_token=fold.is_token,
        error_document=errors.error_document,
        models=write.models_document,
        event_of=parts.event_of,
        opening=parts.OPENING,
        closing=parts.closing,
        brief=fold.brief,
        cases=cases.documents,
        grammar=grammar.GRAMMAR,
        limits=words.limits,
        is_own=fold.is_own,
        id_prefix=_id_prefix,
        fails_with_status=True,
        example=asked.example,
    )
)
