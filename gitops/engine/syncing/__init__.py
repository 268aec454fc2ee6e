"""Carrying a plan out: writes, waits, records. Read `sync.py` first."""
