"""Keys that begin with a prefix of their own: ``sk-``, ``AKIA``, ``ghp_``, JWT, PEM, ``Bearer`` …

The prefixes are those of detect-secrets 1.5, of the LLM services' own documentation and of services that agents' tools
ask. Keys of detect-secrets that no literal begins (Discord's and Telegram's bots, Mailchimp) are not among them: any
word may be the beginning of one, so each delta would be held back. detect-secrets itself does not fit: it searches
whole lines of text, while a stream is cut anywhere, so that the beginning of a key at the end of a text has to be found
too; it marks the first line of a private key alone; it has none of ``sk-or-``, ``sk-ant-``, ``gsk_``, ``hf_`` and
``Bearer``; and it depends on requests, for a verification that asks live services.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from orharness.redaction.shape import HARMLESS, REDACTED, PartialMatch, SecretMatch

_W = rb"[A-Za-z0-9_-]"
_NUMBERED = rb"(?=[A-Za-z_-]{0,64}\d)"  # "sk-learn-compatible-estimators" is not a key


def _run(least: int, charset: bytes = _W) -> bytes:
    return rb"%b{%d,}+" % (charset, least)


_HEX = rb"[0-9a-f]"
_PREFIXED: dict[bytes, tuple[str, bytes]] = {  # the prefix; the kind, and what follows
    b"sk-": ("API key", _NUMBERED + _run(16)),  # OpenAI, sk-or- OpenRouter, sk-ant- Anthropic, DeepSeek, LiteLLM
    b"gsk_": ("API key", _run(20)),  # Groq
    b"xai-": ("API key", _NUMBERED + _run(20)),
    b"pplx-": ("API key", _NUMBERED + _run(20)),
    b"nvapi-": ("API key", _NUMBERED + _run(20)),
    b"csk-": ("API key", _NUMBERED + _run(20)),  # Cerebras
    b"fw_": ("API key", _NUMBERED + _run(20)),  # Fireworks
    b"r8_": ("API key", _run(20)),  # Replicate
    b"tgp_v1_": ("API key", _run(20)),  # Together
    b"ABSK": ("API key", rb"[A-Za-z0-9+/]{40,}+=*"),  # Amazon Bedrock
    b"AQ.": ("Google API key", rb"Ab8" + _run(20)),  # Vertex AI in express mode
    b"GOCSPX-": ("Google client secret", _run(20)),
    b"1//0": ("Google refresh token", _NUMBERED + _run(30)),
    b"vck_": ("API key", _run(20)),  # Vercel AI Gateway
    b"rpa_": ("API key", _run(40, rb"[A-Z0-9]")),  # RunPod
    b"jina_": ("API key", _run(40)),
    b"pcsk_": ("API key", _run(40)),  # Pinecone
    b"tvly-": ("API key", _NUMBERED + _run(20)),  # Tavily
    b"lsv2_": ("API key", _run(32)),  # LangSmith
    b"pa-": ("API key", rb"(?=[a-z0-9_-]{0,42}[A-Z])" + _NUMBERED + _run(43)),  # Voyage
    b"sk_": ("API key", _run(40, _HEX)),  # ElevenLabs
    b"e2b_": ("API key", _run(32, _HEX)),
    b"dapi": ("Databricks token", _run(32, _HEX)),
    b"hf_": ("Hugging Face token", _run(30, rb"[A-Za-z0-9]")),
    b"AIza": ("Google API key", _run(35)),
    b"ya29.": ("Google access token", _run(20)),
    b"AKIA": ("AWS access key id", rb"[A-Z0-9]{16}(?![A-Za-z0-9])"),
    b"ASIA": ("AWS access key id", rb"[A-Z0-9]{16}(?![A-Za-z0-9])"),
    b"ABIA": ("AWS access key id", rb"[A-Z0-9]{16}(?![A-Za-z0-9])"),
    b"ACCA": ("AWS access key id", rb"[A-Z0-9]{16}(?![A-Za-z0-9])"),
    **{b"gh%b_" % kind: ("GitHub token", _run(36, rb"[A-Za-z0-9]")) for kind in (b"p", b"o", b"u", b"s", b"r")},
    b"github_pat_": ("GitHub token", _run(22)),
    **{
        b"gl%b-" % kind: ("GitLab token", _NUMBERED + _run(20))
        for kind in (b"pat", b"dt", b"ft", b"soat", b"rt", b"cbt", b"imt", b"ptt", b"agent", b"oas")
    },
    **{b"xox%c-" % kind: ("Slack token", _run(10, rb"[A-Za-z0-9-]")) for kind in b"abeoprsc"},
    b"xapp-": ("Slack token", _run(10, rb"[A-Za-z0-9-]")),
    b"hooks.slack.com/services/": ("Slack webhook", rb"[A-Za-z0-9_]+/[A-Za-z0-9_]+/[A-Za-z0-9_]+"),
    **{b"%bk_live_" % kind: ("Stripe key", _run(20)) for kind in (b"s", b"r")},
    **{b"%bk_test_" % kind: ("Stripe key", _run(20)) for kind in (b"s", b"r")},
    b"whsec_": ("Stripe key", rb"[A-Za-z0-9+/]{20,}+=*"),
    b"npm_": ("npm token", _run(36, rb"[A-Za-z0-9]")),
    b"pypi-": ("PyPI token", _run(40)),
    b"SG.": ("SendGrid key", rb"[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    b"sq0csp-": ("Square key", _run(40)),
    b"EAAA": ("Square token", _run(60)),
    **{b"d%b_v1_" % kind: ("DigitalOcean token", _run(40)) for kind in (b"op", b"oo", b"or")},
    b"lin_api_": ("Linear key", _run(30)),
    b"discord.com/api/webhooks/": ("Discord webhook", rb"\d+/[A-Za-z0-9_-]{40,}"),
    b"webhook.office.com/webhookb2/": ("Teams webhook", rb"[A-Za-z0-9@-]+/IncomingWebhook/[A-Za-z0-9/-]{20,}"),
    b"SK": ("Twilio key", _run(32, _HEX) + rb"(?![A-Za-z0-9])"),
    b"key-": ("Mailgun key", _run(32, _HEX) + rb"(?![A-Za-z0-9])"),
    b"AKC": ("Artifactory token", _NUMBERED + _run(60, rb"[A-Za-z0-9]")),
    b"secret_": ("Notion token", _run(43, rb"[A-Za-z0-9]")),
    b"ntn_": ("Notion token", _run(40, rb"[A-Za-z0-9]")),
    b"hvs.": ("Vault token", _run(24)),
    b"dp.": ("Doppler token", rb"(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,}"),
    **{b"shp%b_" % kind: ("Shopify token", _run(32)) for kind in (b"at", b"ss", b"ca", b"pa")},
    **{b"gl%b_" % kind: ("Grafana token", _run(32, rb"[A-Za-z0-9_+/=]")) for kind in (b"sa", b"c")},
    b"NRAK-": ("New Relic key", _run(27, rb"[A-Z0-9]")),
    **{b"sntry%b_" % kind: ("Sentry token", _run(40, rb"[A-Za-z0-9_+/=]")) for kind in (b"s", b"u")},
    b"figd_": ("Figma token", _run(30)),
    b"PMAK-": ("Postman key", _run(40)),
    b"dckr_pat_": ("Docker token", _run(20)),
    b"AGE-SECRET-KEY-1": ("age key", _run(50, rb"[A-Z0-9]")),
    b"sbp_": ("Supabase token", _run(40, _HEX)),
    **{b"pscale_%b_" % kind: ("PlanetScale token", _run(30)) for kind in (b"tkn", b"pw", b"oauth")},
    b"AccountKey=": ("Azure storage key", rb"[A-Za-z0-9+/]{40,}+=*"),
    b"eyJ": ("JWT", rb"(?<![_-]eyJ)[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{8,}+(?:\.[A-Za-z0-9_-]++)*+"),
    b"-----BEGIN ": (
        "private key",
        rb"[A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?:(?!-----END )[^\"'])*?"
        rb"(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|(?=[\r\n]*\Z|[\"']))",
    ),
    b"bearer ": ("bearer token", rb"\s*(?=[A-Za-z._~+/=-]{0,64}\d|[^\s\"']{32})[A-Za-z0-9._~+/=-]{16,}(?<!\.)"),
    b"basic ": ("basic credentials", rb"\s*(?=[A-Za-z+/]{0,64}[\d=])[A-Za-z0-9+/]{12,}+={0,2}"),
    # Any other scheme: ``Token …``, ``ApiKey …``, ``AWS4-HMAC-SHA256 …``, or the key alone.
    b"authorization: ": (
        "credentials",
        rb"(?!bearer\s|basic\s)(?:[A-Za-z][A-Za-z0-9-]*\s+)?(?=[^\s\"'\\\d]{0,64}\d)[^\s\"'\\,]{12,}"
        rb"(?:,\s*[A-Za-z]+=[^\s\"'\\,]+)*",
    ),
    b"cookie: ": ("cookie", rb"[^\s\"'\\=;]+=[^\s\"'\\;]{4,}(?:;\s*[^\s\"'\\=;]+=[^\s\"'\\;]+)*"),
}
_BOUNDARY = rb"(?<![A-Za-z0-9])"
_ANY_CASE = (b"bearer ", b"basic ", b"authorization: ", b"cookie: ")
_WEBHOOKS = (b"hooks.slack.com/services/", b"discord.com/api/webhooks/", b"webhook.office.com/webhookb2/")
_VALUE_ALONE = (*_ANY_CASE, *_WEBHOOKS, b"AccountKey=")  # the prefix itself stays
_MORE = {  # what may follow a prefix before the secret ends, where it is more than a run of key characters
    b"-----BEGIN ": rb"(?:[A-Z0-9 ]*(?:P(?:R(?:I[A-Z ]*)?)?)?-{0,4}|[A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----"
    rb"(?:(?!-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----)[^\"'])*)",
    b"eyJ": rb"[A-Za-z0-9_.-]*",
    b"SG.": rb"[A-Za-z0-9_.-]*",
    b"whsec_": rb"[A-Za-z0-9+/=]*",
    b"AccountKey=": rb"[A-Za-z0-9+/=]*",
    b"bearer ": rb"\s*[A-Za-z0-9._~+/=-]*",
    b"basic ": rb"\s*[A-Za-z0-9+/]*={0,2}",
    b"authorization: ": rb"(?!bearer\s|basic\s)(?:[A-Za-z][A-Za-z0-9-]*\s+)?[^\s\"'\\,]*"
    rb"(?:,\s*[A-Za-z]*(?:=[^\s\"'\\,]*)?)*",
    b"cookie: ": rb"[^\s\"'\\=;]*(?:=[^\"'\\\r\n]*)?",
    **dict.fromkeys(_WEBHOOKS, rb"[A-Za-z0-9_@/-]*"),
    **dict.fromkeys((b"hvs.", b"dp.", b"AQ."), rb"[A-Za-z0-9_.-]*"),
    **dict.fromkeys((b"ABSK", b"glc_", b"glsa_", b"sntrys_", b"sntryu_"), rb"[A-Za-z0-9_+/=]*"),
}


@dataclass(frozen=True)
class _Prefix:
    """A secret that begins with a literal prefix."""

    head: bytes
    kind: str
    whole: re.Pattern[bytes]
    begun: re.Pattern[bytes]

    @classmethod
    def of(cls, head: bytes, kind: str, rest: bytes) -> _Prefix:
        """Return the prefix ``head`` with the pattern of what follows it."""
        literal = rb"(?i:%b)\s" % re.escape(head[:-1]) if head in _ANY_CASE else re.escape(head)
        more = _MORE.get(head, rb"[A-Za-z0-9_-]*")
        before, value = (literal, rb"(?P<value>%b)") if head in _VALUE_ALONE else (b"", rb"(?P<value>%b%%b)" % literal)
        return cls(
            head.lower(),
            kind,
            re.compile(_BOUNDARY + before + value % rest),
            re.compile(_BOUNDARY + before + value % more + rb"\Z"),
        )


def _any_of(heads: Iterable[bytes]) -> bytes:
    """Return a pattern of all, by their first byte: few alternatives are tried at each place."""
    by_first: dict[bytes, list[bytes]] = {}
    for head in heads:
        by_first.setdefault(head[:1], []).append(re.escape(head[1:]))
    return b"|".join(re.escape(first) + b"(?:" + b"|".join(rests) + b")" for first, rests in by_first.items())


class Prefixed:
    """Keys that begin with a prefix of their own."""

    def __init__(self) -> None:
        self._shapes = [_Prefix.of(head, *rest) for head, rest in _PREFIXED.items()]
        self._heads = [(shape.head, shape) for shape in self._shapes]
        self._beginnings = {head[:size] for head, _ in self._heads for size in range(1, len(head))}
        self._longest = max(map(len, self._beginnings))
        self._any = re.compile(_any_of(head for head, _ in self._heads))

    def may_be_in(self, low: bytes) -> bool:
        """Return whether a prefix is in the text."""
        return self._any.search(low) is not None

    def find(self, text: bytes, low: bytes, *, line: bool) -> Iterator[SecretMatch]:
        """Return each whole key."""
        if self._any.search(low) is None:
            return
        for head, shape in self._heads:
            if head in low:
                for match in shape.whole.finditer(text):
                    yield SecretMatch(*match.span("value"), REDACTED, shape.kind)

    def begins(self, text: bytes, low: bytes) -> PartialMatch | None:
        """Return a key that may go on, or the beginning of a prefix."""
        if self._any.search(low) is not None:
            begun = [
                PartialMatch(match.start(), match.start("value") if len(match["value"]) > HARMLESS else None)
                for head, shape in self._heads
                if head in low
                for match in shape.begun.finditer(text)
            ]
            if begun:
                return min(begun, key=lambda one: one.start)
        for size in range(min(len(low), self._longest), 0, -1):
            if low[-size:] in self._beginnings and not (len(low) > size and low[-size - 1 : -size].isalnum()):
                return PartialMatch(len(low) - size, None)
        return None
