"""A login that is begun without TLS, up to the endpoint's first answer.

Nothing secret is said: the answer to who one is tells whether the endpoint would hear more.
"""

import asyncio
import struct

from worldseat.stores.dsql.endpoint import Endpoint

WITHIN_S = 10.0
PROTOCOL_3 = 196_608

ENDED = "connection ended"
REFUSED = "refused"
WILLING = "asked to log in, in clear"

_ERROR = b"E"
_LOG_IN = b"R"


async def knock(there: Endpoint) -> str:
    """Say in clear who wants to come in, and return what is answered. Raises OSError.

    ENDED and REFUSED turn one away. Only whoever is not even listened to gets an OSError.
    """
    said = b"".join(
        word.encode() + b"\0" for word in ("user", there.user, "database", there.database, "")
    )
    try:
        async with asyncio.timeout(WITHIN_S):
            reading, writing = await asyncio.open_connection(there.address, there.port)
    except TimeoutError:
        return f"no connection within {WITHIN_S:.0f} s"
    try:
        async with asyncio.timeout(WITHIN_S):
            writing.write(struct.pack("!II", len(said) + 8, PROTOCOL_3) + said)
            first = await reading.read(1)
    except TimeoutError:
        return f"no answer within {WITHIN_S:.0f} s"
    except ConnectionError:
        return ENDED
    finally:
        writing.transport.abort()
    if not first:
        return ENDED
    if first == _ERROR:
        return REFUSED
    return WILLING if first == _LOG_IN else f"answered {first!r} in clear"
