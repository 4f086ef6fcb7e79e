"""The foil: one PostgreSQL, at its default READ COMMITTED, and at REPEATABLE READ beside it.

Delete this folder and its entry points, and WorldSeat runs on its product store alone.
"""

from worldseat.stores.postgres.store import ReadCommittedStore, RepeatableReadStore

__all__ = [
    "ReadCommittedStore",
    "RepeatableReadStore",
    "register",
    "register_repeatable_read",
]


def register() -> type[ReadCommittedStore]:
    """Return the store; named by the entry point `worldseat.stores: postgres`."""
    return ReadCommittedStore


def register_repeatable_read() -> type[RepeatableReadStore]:
    """Return the store; named by the entry point `worldseat.stores: postgres-repeatable-read`."""
    return RepeatableReadStore
