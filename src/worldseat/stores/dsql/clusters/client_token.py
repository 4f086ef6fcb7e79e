"""The token under which a cluster is made: the same request, from whatever process, has the same.

So an answer that was lost, or a command that was killed before it could write anything down, does
not become a second cluster.
"""

import hashlib
import json

GENERATIONS_MAX = 32
"""How many clusters of one name may be deleted before AWS forgets their tokens."""


def token_for(*, account: str, name: str, region: str, peer: str | None, generation: int) -> str:
    """Return the token of a request to make a cluster.

    `generation` counts how often the answer was about a cluster that had been deleted since.
    """
    asked = json.dumps(["CreateCluster", account, name, region, peer, generation])
    return f"worldseat-{hashlib.sha256(asked.encode()).hexdigest()[:40]}"
