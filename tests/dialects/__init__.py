"""Each API on the wire, without a server."""
