"""What the tests share: clients, servers, relays, strategies. No test is here."""
