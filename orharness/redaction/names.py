"""Names that say what is secret: of headers, of query parameters and of JSON fields.

Header values are kept by an allow-list, since nobody knows every header that a gateway may authenticate with. Query
parameters and JSON fields are removed by name: an allow-list would empty each request.
"""

from __future__ import annotations

import re

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
SECRET_FIELDS = (
    *("api_key", "access_key", "access_key_id", "secret_access_key", "aws_secret_access_key", "account_key"),
    *("secret_key", "private_key", "private_key_id", "signing_key", "encryption_key", "subscription_key"),
    *("x-api-key", "x-goog-api-key", "openai_api_key", "anthropic_api_key", "openrouter_api_key"),
    *("secret", "client_secret", "app_secret", "webhook_secret", "shared_secret", "consumer_secret"),
    *("password", "passwd", "passphrase", "pwd", "db_password", "user_password"),
    *("access_token", "refresh_token", "id_token", "auth_token", "api_token", "session_token", "bearer_token"),
    *("oauth_token", "security_token", "authorization_token", "csrf_token", "xsrf_token", "bot_token"),
    *(
        "authorization",
        "proxy-authorization",
        "cookie",
        "set-cookie",
        "bearer",
        "jwt",
        "credential",
        "client_assertion",
    ),
    *("code_verifier", "connection_string", "github_token", "hf_token"),
)
"""The fields of JSON whose text is secret, with ``_``; they are found with ``-`` or without either, in any case.

Not ``key``, ``code``, ``token`` and ``signature``: an error has a ``code``, log probabilities have a ``token``, and
Anthropic's thinking has a ``signature``, which a replay needs.
"""


def is_secret(name: str) -> bool:
    """Whether a header of this name authenticates: authorization, cookies, ``*-key``, ``*-token`` and the like."""
    return _SECRET_HEADER.search(name) is not None


def is_kept_header(name: str) -> bool:
    """Whether the value of a header of this name may be written: it is on the allow-list, and does not authenticate."""
    return _KEPT_HEADERS.fullmatch(name) is not None and not is_secret(name)


def is_secret_parameter(name: str) -> bool:
    """Whether a query parameter of this name (decoded) authenticates: ``key``, ``sig``, ``code``, ``X-Amz-*`` …"""
    return _SECRET_PARAMETER.fullmatch(name) is not None
