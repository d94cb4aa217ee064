"""An authority for certificates, which exists as long as the process does."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterable, Mapping
from pathlib import Path

from orharness.errors import ScenarioError

NAMES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Variables that name a file of root certificates, in place of the system's."""
_SYSTEM = (  # where systems keep their roots as one file
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


class Authority:
    """Makes certificates for hosts. Its key is never written; that of a host is, for the moment in which it is loaded.

    Raises ``ScenarioError`` where trustme is not installed.
    """

    def __init__(self) -> None:
        try:
            import trustme
        except ImportError:
            raise ScenarioError(
                "--intercept needs the package trustme: pip install trustme (the extra intercept)"
            ) from None
        self._authority = trustme.CA(organization_name="orharness, for one run of one command")
        self._contexts: dict[str, ssl.SSLContext] = {}

    @property
    def certificate(self) -> bytes:
        """The certificate that clients are to trust, as PEM."""
        pem: bytes = self._authority.cert_pem.bytes()
        return pem

    def context_for(self, host: str) -> ssl.SSLContext:
        """The context of a server that is ``host``, a name or an address. It speaks HTTP/1.1 only."""
        if host not in self._contexts:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.set_alpn_protocols(["http/1.1"])
            self._authority.issue_cert(host).configure_cert(context)
            self._contexts[host] = context
        return self._contexts[host]


def bundle(certificate: bytes, environment: Mapping[str, str] = os.environ) -> bytes:
    """The system's roots, those that the environment names, and one more certificate, as PEM."""
    return b"\n".join([*_roots(environment), certificate])


def _roots(environment: Mapping[str, str]) -> Iterable[bytes]:
    defaults = ssl.get_default_verify_paths()
    system = next((path for path in (defaults.cafile, *_SYSTEM) if path and Path(path).is_file()), None)
    given = [environment[name] for name in NAMES if environment.get(name)]
    for path in dict.fromkeys([*given, *([system] if system else [])]):
        try:
            yield Path(path).read_bytes()
        except OSError as error:
            raise ScenarioError(f"the root certificates in {path} cannot be read: {error.strerror}") from error
    if system is None:
        yield from _packaged()


def _packaged() -> Iterable[bytes]:
    """The roots of certifi, where the system has none in a file, as on macOS."""
    try:
        import certifi
    except ImportError:
        return []
    return [Path(certifi.where()).read_bytes()]
