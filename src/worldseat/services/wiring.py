"""All services of one running WorldSeat, as the web layer and the command line see them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from worldseat.ports.cluster import LocalCluster
from worldseat.ports.onsale import OnSaleStore
from worldseat.ports.store import Store
from worldseat.services.acceptances import Acceptances
from worldseat.services.comparison import Comparisons
from worldseat.services.feed import Feed
from worldseat.services.headline import Headline
from worldseat.services.matrix import Matrix
from worldseat.services.onsale import OnSale
from worldseat.services.shop import Shop
from worldseat.services.stampede import Stampedes
from worldseat.services.witness import Witness
from worldseat.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Built once, by the composition root. `stores` holds the product first, then the foils."""

    shop: Shop
    onsale: OnSale
    feed: Feed
    stampedes: Stampedes
    witness: Witness
    headline: Headline
    matrix: Matrix
    comparisons: Comparisons
    acceptances: Acceptances
    store: OnSaleStore
    stores: Mapping[str, Store]
    missing: Mapping[str, str]
    """Foils that are registered but lack a package: what each says is missing."""
    settings: Settings
    cluster: LocalCluster | None = None
    """The local DSQL cluster, for its orders; None on AWS and on plain PostgreSQL."""
    database_restarts: Callable[[], int]
    """How often this process brought the embedded database back; 0 with addresses of one's own."""
