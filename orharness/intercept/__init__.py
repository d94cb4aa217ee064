"""The door for programs whose addresses cannot be changed: an explicit proxy that opens the TLS of named hosts.

A program that has a literal ``https://…`` in it takes no base URL, but almost any takes ``HTTPS_PROXY``. The proxy
listens on loopback and wants a password. It answers for the hosts that are named, with certificates of an authority
that exists only as long as the proxy does and whose key is never written, and passes their plain HTTP on to a server on
this machine: the recorder, or the server that plays a cassette. All else passes through untouched, or is refused.

The modules: ``authority`` (certificates), ``door`` (the proxy), ``environment`` (what makes Python, Node, Go and curl
use both), ``preload.cjs`` (for Node, which ignores proxy variables before 22.21).
"""
