"""How an application stands, and what it waits for."""
