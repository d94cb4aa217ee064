"""The mock server: aiohttp on loopback, in a thread of its own."""
