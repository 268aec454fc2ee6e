"""Shapes of kinds: which lists are maps or sets, which fields are quantities or have defaults."""


class Shapes:
    """Placeholder until the first reader of schemas."""
