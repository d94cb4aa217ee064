"""Names that say what is secret: of headers, of query parameters and of JSON fields.

Header values are kept by an allow-list, since nobody knows every header that a gateway may authenticate with. Query
parameters, fields of forms and JSON fields are removed by name: an allow-list would empty each request.
"""

from __future__ import annotations

import re
from functools import lru_cache

_SECRET_HEADER = re.compile(
    r"authorization$|(?:^|-)(?:auth|bearer|jwt|jwt-assertion)$|^(?:set-)?cookie2?$|api-?key|subscription-key|(?:secret|password|token)$"
    r"|(?:^|-)(?<!idempotency-)(?<!cache-)(?<!surrogate-)(?<!websocket-)key$",
    re.I,
)
_KEPT_HEADERS = re.compile(
    # HTTP itself (RFC 9110, 9111), CORS, client hints
    r"accept(?:-.+)?|age|allow|alt-svc|cache-control|content-.+|date|etag|expires|host|if-.+|last-modified|link|location|origin"
    r"|pragma|prefer(?:ence-applied)?|priority|range|referer|retry-after(?:-ms)?|server|server-timing|te|trailer|upgrade"
    r"|upgrade-insecure-requests|user-agent|vary|via|warning|www-authenticate|access-control-.+|dnt"
    r"|sec-(?!websocket-protocol).+"  # a browser that cannot send Authorization has its token there
    r"|strict-transport-security|referrer-policy|permissions-policy|cross-origin-.+"
    r"|x-(?:content-type-options|frame-options|xss-protection|robots-tag|powered-by|accel-buffering|runtime|cache|title)"
    # ids of one request, limits, times
    r"|(?:x-)?(?:client-)?(?:request|correlation|trace|generation)-?id|traceparent|tracestate|idempotency-key"
    r"|x-prompt-cache-key|surrogate-key|(?:x-|anthropic-)?ratelimit-.+|x-should-retry|x-(?:process|response)-time(?:-ms)?"
    # APIs, gateways and their SDKs
    r"|anthropic-(?:version|beta|dangerous-direct-browser-access|fast-.+|priority-.+)|openai-(?:version|model|processing-ms|beta)"
    r"|http-referer|x-stainless-.+|x-goog-api-client|x-openrouter-.+|x-provider|x-groq-(?:id|region)|x-ms-(?:region|rai-.+)"
    r"|x-amzn-(?:requestid|errortype|bedrock-.+)|apim-request-id|azureml-.+|x-envoy-.+|cf-(?:ray|cache-status)|x-vercel-id"
    r"|fly-request-id|x-litellm-(?:version|model-.+|response-.+)|ollama-version",
    re.I,
)
_SECRET_PARAMETER = re.compile(
    r"(?:x[-_])?(?:goog[-_])?(?:api|access|auth|subscription|private|secret)?[-_]?key(?:[-_]?id)?|awsaccesskeyid"
    r"|(?:api|access|auth|bearer|csrf|id|oauth|refresh|session|xsrf|user)?[-_]?token"
    r"|x-(?:amz|goog|ms)-.+|(?:client[-_]?)?secret|pass(?:wd|word|phrase)?|pwd|otp|auth(?:orization)?|credentials?|bearer"
    r"|sig(?:nature)?|hmac|jwt|(?:client[-_]?)?assertion|saml(?:response|request)?|code(?:[-_](?:verifier|challenge))?|ticket"
    r"|(?:php|j|asp)?[-_]?sess(?:ion)?[-_]?(?:id)?",
    re.I,
)
_SECRET_NAME = re.compile(  # without separators, in lower case
    r"(?:aws)?accesskeyid|privatekeyid|connectionstring|codeverifier|clientassertion|(?:set)?cookie|cookies|pass|totp"
    r"|(?:api|app|bot|hf|id)token"
    # or its end, where few other words end so
    r"|.*(?:pass(?:word|wd|code|phrase)s?|secrets?|credentials?|authorization|(?:basic|http|proxy)auth"
    # whose key is a secret: not that of a cache, a table, a translation or a map
    r"|(?:api|access|secret|private|account|signing|(?:en|de)cryption|subscription|session|auth|master|admin|service"
    r"|storage|shared|hmac|ssh|deploy|license|app|client|application|consumer|webhook|function|bearer|openai|anthropic"
    r"|openrouter|onerouter|azure|gemini|google|groq|mistral|deepseek|cohere)keys?"
    r"|(?:access|refresh|auth|bearer|csrf|xsrf|oauth|session|security|secret|authorization|user|device|github|gitlab"
    r"|slack|personal|verification)token|(?:access|refresh|auth|api|bot|bearer)tokens)"
)
_LAST_WORD = re.compile(r"auth|cookie|creds|jwt|otp|bearer|pass|pwd")
_HARMLESS_TOKEN = re.compile(  # the word before "token": marks of a tokenizer, places in a list, prices
    r"eo[st]|bos|pad|unk|sep|cls|mask|image|audio|video|text|special|stop|start|end|begin|first|last|next|prev(?:ious)?"
    r"|page|continu(?:e|ation)|sync|cursor|skip|resume|per|each|one|max|min|num|n|input|output|prompt|completion|total"
    r"|cached|reasoning|think(?:ing)?|current|added|vocab|tool|a|the|generated|sampled|top|chosen|new|cancel(?:lation)?"
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_AFTER = re.compile(  # words after a secret's name that do not make it another thing: SecretString
    r"value|string|binary|confirm(?:ation)?|repeat|again|plain(?:text)?|raw|pem"
)


def is_secret(name: str) -> bool:
    """Whether a header of this name authenticates: authorization, cookies, ``*-key``, ``*-token`` and the like."""
    return _SECRET_HEADER.search(name) is not None


def is_kept_header(name: str) -> bool:
    """Whether the value of a header of this name may be written: it is on the allow-list, and does not authenticate."""
    return _KEPT_HEADERS.fullmatch(name) is not None and not is_secret(name)


def is_secret_parameter(name: str) -> bool:
    """Whether a query parameter or field of a form (its name decoded) authenticates: ``key``, ``sig``, ``X-Amz-*`` …

    So does whatever authenticates as a field of JSON.
    """
    return _SECRET_PARAMETER.fullmatch(name) is not None or is_secret_name(name)


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Whether a field of JSON of this name holds a secret: its last word says so, however its words are joined.

    ``user_password``, ``appSecret``, ``X-Auth``, ``sessionkey``, ``user[passcode]``. Not ``key``, ``code``, ``token``
    and ``signature`` alone: a map has a ``key``, an error a ``code``, log probabilities have a ``token``, and
    Anthropic's thinking has a ``signature``, which a replay needs. Not ``max_tokens``, ``sort_key``, ``author``.
    """
    words = [word.lower() for word in _WORD.findall(name)]
    while words and _SECRET_NAME.fullmatch("".join(words)) is None and _AFTER.fullmatch(words[-1]):
        words.pop()
    if not words:
        return False
    return (
        _SECRET_NAME.fullmatch("".join(words)) is not None
        or _LAST_WORD.fullmatch(words[-1]) is not None
        or (words[-1] == "token" and len(words) > 1 and _HARMLESS_TOKEN.fullmatch(words[-2]) is None)
    )
