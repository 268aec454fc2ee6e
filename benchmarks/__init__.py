"""How much the reconciler costs, beside the least that any client could pay: `make bench`."""
