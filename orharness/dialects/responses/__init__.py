"""OpenAI Responses, and Open Responses, the same API at other services."""

from __future__ import annotations

from orharness.dialects.chat.asked import BASES
from orharness.dialects.chat.write import error_document, models_document
from orharness.dialects.dialect import Background, Carried, Dialect
from orharness.dialects.known import DIALECTS
from orharness.dialects.responses import asked, background, cases, fold, grammar, parts, words, write
from orharness.frames import SSE
from orharness.gateways import Gateway


def _id_prefix(gateway: Gateway) -> str:
    return gateway.response_id_prefix


RESPONSES = DIALECTS.register(
    Dialect(
        name="responses",
        frame=SSE,
        paths=("/responses",),
        bases=BASES,
        asked=asked.asked,
        carries=frozenset(Carried) - {Carried.OTHERS},
        write=write.write,
        document=write.document,
        fold=fold.fold,
        is_end=fold.is_end,
        error_of=fold.error_of,
        is_token=fold.is_token,
        error_document=error_document,
        models=models_document,
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
        end_shown='{"type":"response.completed",…}',
        background=Background(
            "/responses/{id}",
            "/responses/{id}/cancel",
            write.progress_document,
            background.resumes,
            "starting_after",
            background.number_of,
        ),
    )
)
