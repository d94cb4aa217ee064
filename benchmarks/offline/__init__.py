"""A suite of thirty tests on cassettes of a real model, and a command that runs it offline again and again."""
