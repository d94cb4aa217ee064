"""Google's Gemini API: generateContent, streamed and not."""

from __future__ import annotations

from orharness.dialects.dialect import Carried, Dialect
from orharness.dialects.gemini import asked, cases, errors, fold, grammar, parts, slips, words, write
from orharness.dialects.known import DIALECTS
from orharness.frames import JSON_ARRAY, SSE
from orharness.gateways import Gateway


def _id_prefix(gateway: Gateway) -> str:
    return ""


GEMINI = DIALECTS.register(
    Dialect(
        name="gemini",
        frame=SSE,
        paths=(asked.PATH,),
        bases=asked.VERTEX,
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
        brief=fold.brief,
        cases=cases.documents,
        slips=slips.SLIPS,
        grammar=grammar.GRAMMAR,
        limits=words.limits,
        is_own=fold.is_own,
        id_prefix=_id_prefix,
        fails_with_status=True,
        example=asked.example,
        prefix="/v1beta",
        example_query="alt=sse",
        further_frames=(JSON_ARRAY,),
        newline="\r\n",
        ends_with_body=True,
        unstreamed="it is one for `generateContent`, not for `streamGenerateContent`",
        end_shown='{…,"finishReason":"STOP",…}',
    )
)
