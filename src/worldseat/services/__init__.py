"""Use cases. They know ports and domain values, never an adapter."""
