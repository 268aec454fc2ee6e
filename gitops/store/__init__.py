"""The embedded database: trail, revisions, content, claims and what is kept of applications.

`sql.SqlStore` implements `ports.Store`; `wiring` makes it, the engine and the API call it through
the port. Read `sql.py` first, then `recording.py` and `trail.py`.
"""
