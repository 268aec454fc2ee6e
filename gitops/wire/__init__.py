"""Values to and from JSON: API, command line and store use nothing else.

In come the nouns of `model`, out go JSON values (dict, list, str, int, float, bool, None), and
back. The shapes are a contract, described in `docs/reference/json.md`. Everything here is pure.

Rules of all shapes: keys are camelCase; times are RFC 3339 in UTC with microseconds and `Z`; an
empty namespace, digest or commit is null; keys may be added, but none is removed or changes its
meaning.
Reading a value that is not of the shape raises KeyError, TypeError or ValueError.
"""
