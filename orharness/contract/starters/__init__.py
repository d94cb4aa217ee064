"""Drivers to begin with, which ``orharness check --new-driver`` writes beside a client. Nothing here imports them."""
