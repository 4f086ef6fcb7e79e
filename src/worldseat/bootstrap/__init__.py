"""The composition root: the only package that names the concrete parts and puts them together."""

from worldseat.bootstrap.cluster import endpoints, local_cluster, run_local_dsql, way_in
from worldseat.bootstrap.stores import foils, product
from worldseat.bootstrap.whole import migrate, services

__all__ = [
    "endpoints",
    "foils",
    "local_cluster",
    "migrate",
    "product",
    "run_local_dsql",
    "services",
    "way_in",
]
