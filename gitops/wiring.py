"""The one module that knows the concrete classes."""
