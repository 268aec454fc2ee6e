"""From facts to a plan: gathers desired and actual, asks the server, lets the core decide."""
