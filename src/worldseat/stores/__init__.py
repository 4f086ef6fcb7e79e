"""Databases, one folder each. A store registers itself by an entry point; nothing else names it."""
