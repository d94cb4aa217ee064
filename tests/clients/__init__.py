"""Clients that nobody here wrote, against our server."""
