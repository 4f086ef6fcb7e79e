"""The composition root: the only package that names the concrete parts and puts them together."""

from worldseat.bootstrap.acceptance import accept, costs_money
from worldseat.bootstrap.cluster import endpoints, local_cluster, run_local_dsql, way_in
from worldseat.bootstrap.clusters import clusters
from worldseat.bootstrap.schema import (
    ROLE,
    grant,
    migrate,
    planned_grant,
    planned_migration,
)
from worldseat.bootstrap.stores import foils, product
from worldseat.bootstrap.whole import services

__all__ = [
    "ROLE",
    "accept",
    "clusters",
    "costs_money",
    "endpoints",
    "foils",
    "grant",
    "local_cluster",
    "migrate",
    "planned_grant",
    "planned_migration",
    "product",
    "run_local_dsql",
    "services",
    "way_in",
]
