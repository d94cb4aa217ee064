"""Running cases against a client, one after the other: everything that is reported was seen here, by one server."""
