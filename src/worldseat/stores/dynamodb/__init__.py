"""The foil: DynamoDB Global Tables, eventually consistent, the last writer wins.

Delete this folder and its entry point, and WorldSeat runs on its product store alone.
"""

from importlib.util import find_spec
from typing import TYPE_CHECKING

from worldseat.ports.store import StoreMissing

if TYPE_CHECKING:
    from worldseat.stores.dynamodb.store import DynamoStore

__all__ = ["register"]


def register() -> "type[DynamoStore]":
    """Return the store; named by the entry point `worldseat.stores: dynamodb`.

    Raises StoreMissing when the driver is not installed.
    """
    if find_spec("aiobotocore") is None:
        message = "the foil's extra is not installed: pip install 'worldseat[dynamodb]'"
        raise StoreMissing(message)
    # Not at the top: without the extra this import cannot succeed.
    from worldseat.stores.dynamodb.store import DynamoStore  # noqa: PLC0415

    return DynamoStore
