"""The official SDKs read what we write."""
