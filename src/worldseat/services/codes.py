"""The purchase codes. One function each, run unchanged on every store (design §6)."""

from collections.abc import Awaitable, Callable

from worldseat.domain.seats import Code, Order, SeatStatus
from worldseat.ports.store import SeatTransaction

PurchaseCode = Callable[[SeatTransaction, Order], Awaitable[bool]]


async def naive(tx: SeatTransaction, order: Order) -> bool:
    """Read the seat; if it is open, take it and write down the sale. No lock, no condition."""
    seat = await tx.read_seat(order.key)
    if seat.status is not SeatStatus.OPEN:
        return False
    await tx.write_seat(order)
    await tx.append_sale(order, replaces=seat.op_id)
    return True


async def conditional(tx: SeatTransaction, order: Order) -> bool:
    """Read the seat; take it on the condition that nobody changed it since, then write it down."""
    seat = await tx.read_seat(order.key)
    if seat.status is not SeatStatus.OPEN:
        return False
    if not await tx.write_seat_if(order, unchanged_since=seat.op_id):
        return False
    await tx.append_sale(order, replaces=seat.op_id)
    return True


CODES: dict[Code, PurchaseCode] = {Code.NAIVE: naive, Code.CONDITIONAL: conditional}
