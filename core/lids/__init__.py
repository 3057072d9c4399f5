"""Eyelids that close, narrow and open, painted with the person's own skin and lashes."""
