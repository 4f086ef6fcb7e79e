"""The two peered Aurora DSQL clusters on AWS: how a command makes, shows and removes them."""

from worldseat.stores.dsql.clusters.aws_clusters import AwsClusters

__all__ = ["AwsClusters"]
