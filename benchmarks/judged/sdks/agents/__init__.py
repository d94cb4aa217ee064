"""Frameworks of agents, as one call that streams text; a module each: a driver imports one of them, and not all."""
