"""Real clients, as their manuals use them, to be judged by the contract."""
