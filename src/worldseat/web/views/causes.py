"""What causes what: the stores' own words on why, and on how much only what was measured."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from worldseat.domain.run import Reach
from worldseat.domain.seats import Code
from worldseat.web.views.cell import holders, verdict
from worldseat.web.views.places import each_once, is_product, side_by_side, spot_of

if TYPE_CHECKING:
    from worldseat.ports.store import Store
    from worldseat.services.matrix import Line, Measured, Table


def causes(table: "Table", stores: "Mapping[str, Store]") -> list[str]:
    """Return the sentences, in order; none without a foil, since then nothing is compared."""
    lines = side_by_side(table)
    product = next((line for line in lines if is_product(line)), None)
    foils = [line for line in lines if not is_product(line)]
    if product is None:
        return []
    told = []
    for foil in foils:
        told += [
            _model(stores[product.store], stores[foil.store]),
            _one_region_naive(foil),
            _careful(foil, stores[foil.store]),
        ]
    single = [
        line
        for line in each_once(table)
        if not is_product(line) and not line.in_headline and len(stores[line.store].regions) == 1
    ]
    return told + _singles(product, single, stores)


def _model(product: "Store", foil: "Store") -> str:
    return (
        f"The consistency model decides: {product.title} {product.guarantees.two_writers}; "
        f"{foil.title} {foil.guarantees.two_writers}."
    )


def _one_region_naive(foil: "Line") -> str:
    found = _naive(foil, Reach.ONE)
    if found is None:
        return f"What naive code does to {foil.title} in one Region was not measured yet."
    if found.above_zero:
        return (
            "Naive code needs no second Region to oversell there: through one Region it "
            f"{verdict(found)}."
        )
    return f"Through one Region naive code {verdict(found)} there."


def _careful(foil: "Line", store: "Store") -> str:
    both = spot_of(foil, Code.CONDITIONAL, Reach.BOTH).measured
    one = spot_of(foil, Code.CONDITIONAL, Reach.ONE).measured
    if both is None:
        return "What careful code (conditional) makes of it in both Regions was not measured yet."
    if not both.above_zero:
        return f"Careful code (conditional) {verdict(both)} in both Regions."
    why = f": {store.guarantees.cannot}" if one is not None and not one.above_zero else ""
    naive = _naive(foil, Reach.BOTH)
    narrows = naive is not None and naive.holders.low > both.holders.high
    verb = "narrows it to" if narrows else "leaves"
    alone = "" if one is None else f", and {holders(one.holders)} through one"
    return (
        f"Careful code (conditional) {verb} {holders(both.holders)} through both Regions"
        f"{alone}{why}."
    )


def _singles(product: "Line", single: "Sequence[Line]", stores: "Mapping[str, Store]") -> list[str]:
    """Return what databases with one Region do, and what the product adds to the best of them."""
    told = []
    unmeasured = [line.title for line in single if _naive(line, Reach.ONE) is None]
    for line in single:
        found = _naive(line, Reach.ONE)
        if found is None:
            continue
        if found.above_zero:
            told.append(
                f"{line.title} {stores[line.store].guarantees.two_writers}: naive code "
                f"{verdict(found)}."
            )
        else:
            told.append(
                f"{line.title} sells once as well, through the one Region that it has: naive code "
                f"{verdict(found)}{_kept(product)}."
            )
    return [*told, f"Not measured yet: {', '.join(unmeasured)}."] if unmeasured else told


def _kept(product: "Line") -> str:
    both = _naive(product, Reach.BOTH)
    if both is None or both.above_zero:
        return ""
    return f". {product.title} keeps that with two Regions writing: {verdict(both)}"


def _naive(line: "Line", reach: Reach) -> "Measured | None":
    return spot_of(line, Code.NAIVE, reach).measured
