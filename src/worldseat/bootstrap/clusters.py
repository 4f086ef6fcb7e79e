"""The product's clusters on AWS: what makes, shows and removes them."""

from worldseat.ports.clusters import Clusters


def clusters(name: str, account: str | None = None) -> Clusters:
    """Return the command about the clusters of that name; in no other account, if one is named."""
    # 30 ms that no other command needs.
    from worldseat.stores.dsql.clusters import AwsClusters  # noqa: PLC0415

    return AwsClusters(name, account)
