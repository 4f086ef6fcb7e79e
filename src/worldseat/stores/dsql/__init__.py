"""The product store on Aurora DSQL's dialect and wire protocol."""

from worldseat.stores.dsql.store import DsqlStore

__all__ = ["DsqlStore", "register"]


def register() -> type[DsqlStore]:
    """Return the store; named by the entry point `worldseat.stores: dsql`."""
    return DsqlStore
