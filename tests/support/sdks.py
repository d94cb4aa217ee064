"""The official SDKs, imported when a test first uses one: together they take seconds, in each process of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orharness.lazy import Deferred

if TYPE_CHECKING:
    import anthropic as anthropic
    import ollama as ollama
    import openai as openai
    from google import genai as genai
    from google.genai import errors as google_errors
    from google.genai import types as google_types
    from google.oauth2 import credentials as google_credentials
else:
    anthropic = Deferred("anthropic")
    ollama = Deferred("ollama")
    openai = Deferred("openai")
    genai = Deferred("google.genai")
    google_errors = Deferred("google.genai.errors")
    google_types = Deferred("google.genai.types")
    google_credentials = Deferred("google.oauth2.credentials")

__all__ = ["anthropic", "genai", "google_credentials", "google_errors", "google_types", "ollama", "openai"]
