"""Made-up secrets of each kind, for the tests of redaction: none was ever valid."""

from __future__ import annotations

import base64
import random
import string
from dataclasses import dataclass
from functools import cache

_CHANCE = random.Random(18)


def _made(size: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(_CHANCE.choices(alphabet, k=size - 2)) + "7q"


@dataclass(frozen=True)
class Planted:
    """A secret. ``text`` is how it is written where its ``value`` gives itself away; ``name`` is that of its field."""

    kind: str
    value: str
    text: str = ""
    name: str = ""

    def __str__(self) -> str:
        return self.text or self.value


def _jwt() -> str:
    parts = (b'{"alg":"HS256"}', b'{"sub":"12345678","admin":true}', _made(32).encode())
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def _pem() -> str:
    return f"-----BEGIN RSA PRIVATE KEY-----{_made(64)}/{_made(60)}+{_made(30)}==-----END RSA PRIVATE KEY-----"


def _hex(size: int) -> str:
    return "".join(_CHANCE.choices("0123456789abcdef", k=size))


@cache
def with_a_shape() -> list[Planted]:
    """One of each kind that is known by its shape in any text."""
    bearer, basic, url, assigned = (
        _made(30),
        base64.b64encode(f"me:{_made(20)}".encode()).decode(),
        _made(12),
        _made(24),
    )
    return [
        Planted("OpenAI", "sk-" + _made(48)),
        Planted("OpenAI project", "sk-proj-" + _made(40) + "_-" + _made(20)),
        Planted("OpenRouter", "sk-or-v1-" + _hex(64)),
        Planted("Anthropic", "sk-ant-api03-" + _made(60) + "-" + _made(20) + "AA"),
        Planted("Groq", "gsk_" + _made(52)),
        Planted("Hugging Face", "hf_" + _made(34)),
        Planted("Google", "AIza" + _made(35)),
        Planted("AWS", "AKIA" + _made(14, string.ascii_uppercase + string.digits).upper() + "AB"),
        Planted("GitHub", "ghp_" + _made(36)),
        Planted("GitHub fine-grained", "github_pat_" + _made(22) + "_" + _made(59)),
        Planted("GitLab", "glpat-" + _made(20)),
        Planted("Slack", "xoxb-" + _made(12, string.digits) + "-" + _made(24)),
        Planted("Stripe", "sk_live_" + _made(24)),
        Planted("npm", "npm_" + _made(36)),
        Planted("PyPI", "pypi-" + _made(80)),
        Planted("SendGrid", "SG." + _made(22) + "." + _made(43)),
        Planted("JWT", _jwt()),
        Planted("PEM", _pem()),
        Planted("bearer", bearer, f"Bearer {bearer}"),
        Planted("basic", basic, f"Basic {basic}"),
        Planted("password in an address", url, f"postgres://me:{url}@db.example:5432/x"),
        Planted("assignment", assigned, f"OPENROUTER_API_KEY={assigned}"),
    ]


@cache
def with_a_name() -> list[Planted]:
    """One of each kind that only the name of its field or parameter gives away."""
    names = ["password", "client_secret", "access_token", "refreshToken", "apiKey", "aws_secret_access_key"]
    names += ["credentials", "userPasscode"]
    return [Planted(name, f"{_made(6)}/{_made(9)}", name=name) for name in names]


@cache
def opaque() -> list[Planted]:
    """Secrets that only their place gives away."""
    return [Planted(kind, _made(20)) for kind in ("account header", "code", "query key", "cookie")]
