"""Applications and projects come, go, move and hand over."""
