"""Which database Break it is fired at: one of those installed, or product and foil together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from worldseat.domain.errors import UnknownStore

if TYPE_CHECKING:
    from worldseat.ports.store import Store

BOTH = "both"
"""The choice that fires at all stores of the headline, in turn and with one seed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """One choice of the Backend switch."""

    name: str
    title: str
    checked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What is chosen. The floor shown is that of the first of `stores`."""

    name: str
    stores: "Sequence[Store]"

    @property
    def shown(self) -> "Store":
        """Return the store whose floor is shown."""
        return self.stores[0]

    @property
    def for_sale(self) -> bool:
        """Say whether a seat of the floor shown can be bought."""
        return self.shown.role == "product"


def choose(stores: "Mapping[str, Store]", asked: str | None) -> Choice:
    """Return what was asked for, or else both if there are several in the headline.

    Raises UnknownStore.
    """
    together = [store for store in stores.values() if store.in_headline]
    if asked is None:
        asked = BOTH if len(together) > 1 else next(iter(stores))
    if asked == BOTH and len(together) > 1:
        return Choice(name=BOTH, stores=together)
    if asked not in stores:
        raise UnknownStore(f"No store named {asked!r} is installed.")
    return Choice(name=asked, stores=[stores[asked]])


def backends(stores: "Mapping[str, Store]", chosen: Choice) -> list[Backend]:
    """Return all choices, both first."""
    together = [store for store in stores.values() if store.in_headline]
    first = (
        [Backend(name=BOTH, title="Both", checked=chosen.name == BOTH)] if len(together) > 1 else []
    )
    return first + [
        Backend(name=store.name, title=store.title, checked=chosen.name == store.name)
        for store in stores.values()
    ]
