"""Relays as people write them, each an app that is started in a process of its own."""
