"""Which hosts can be the endpoints of the product's two Regions."""

import re
from collections.abc import Mapping

REGIONS = ("us-east-1", "us-east-2")

_OF_DSQL = re.compile(
    r"[a-z0-9]+\.dsql(?:-[a-z0-9]+)?\.(?P<region>[a-z]{2}(?:-[a-z]+)+-[0-9])\.on\.aws"
)


def region_of(host: str) -> str | None:
    """Return the Region that an endpoint of Aurora DSQL names; None for any other host."""
    named = _OF_DSQL.fullmatch(host)
    return named["region"] if named else None


def mixed_up(hosts: Mapping[str, str]) -> str:
    """Say which Region's endpoint is not its own, and what to do; nothing if each is.

    Of a host that is no endpoint of Aurora DSQL nobody can tell.
    """
    wrong = {
        region: led_to
        for region, host in hosts.items()
        if (led_to := region_of(host)) not in {None, region}
    }
    if not wrong:
        return ""
    if len(hosts) > 1 and len(set(hosts.values())) == 1:
        missing = " and ".join(wrong)
        return f"both Regions have the same endpoint; give {missing} the one of its own cluster"
    if len(wrong) > 1 and set(wrong.values()) == set(wrong):
        return f"the endpoints of {' and '.join(wrong)} are swapped; exchange them"
    region, led_to = next(iter(wrong.items()))
    return f"the endpoint of {region} is one of {led_to}; give {region} the one of its own cluster"
