"""orharness: the test bench for streaming LLM clients."""
