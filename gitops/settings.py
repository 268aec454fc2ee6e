"""Every setting with type, unit, default and reason; read once."""
