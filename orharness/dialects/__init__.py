"""What the bytes mean: the wire dialects of LLM services.

``chat`` is the OpenAI chat-completions dialect: an answer to events; ``answer`` is its way back. ``markers`` knows of
each dialect which event tells a client to stop, so that a replayed stream of any of them is judged right.
"""
