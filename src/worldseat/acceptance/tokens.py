"""The promise that nobody gets in without a token made for this endpoint, this role, and now."""

import asyncio

import asyncpg

from worldseat.acceptance import forged, in_clear
from worldseat.acceptance.forged import ROLE_ACTION, Claims
from worldseat.acceptance.ground import Ground
from worldseat.acceptance.load import Load
from worldseat.acceptance.privilege import role_of
from worldseat.acceptance.trial import Trial
from worldseat.domain.acceptance import Promise
from worldseat.stores.dsql import access
from worldseat.stores.dsql.endpoint import ADMIN, Endpoint, as_user, parse

WITHIN_S = 10.0

_NO_TOKEN = "not-a-token"  # noqa: S105 - that is what it says.
_ACCEPTED = "let in"
_REFUSED = "28000, refused"
_DENIED = ("28", "08004")
"""Classes and states by which a server turns somebody away; any other is no answer to a token."""

_OTHER_SERVICE = "rds-db"
_IN_CLEAR = Load(messages=1, bytes_up=100, bytes_down=200)


def planned() -> Load:
    """Return what is sent: logins, most of which end at once."""
    return Load(messages=130, bytes_up=80_000, bytes_down=160_000)


async def check(ground: Ground, trial: Trial) -> Promise:
    """Show each Region's endpoint a good token and every kind of bad one."""
    places = {region: parse(as_user(url, ADMIN)) for region, url in ground.lead_to.items()}
    role = await role_of(ground)
    trial.expect(len(places) * (11 + (role is not None)))
    for region, there in places.items():
        other = next(place for name, place in places.items() if name != region)
        for name, (password, user) in (await _shown(there, other, role)).items():
            trial.goes_on()
            seen = await _login(ground, region, user, password)
            trial.case(
                f"{region}: {name}",
                held=seen.startswith(_DENIED),
                wanted=_REFUSED,
                seen=seen,
            )
        ground.note(_IN_CLEAR)
        seen = await in_clear.knock(there)
        held = seen in {in_clear.REFUSED, in_clear.ENDED}
        trial.case(f"{region}: no TLS", held=held, wanted=in_clear.REFUSED, seen=seen)
        good = await forged.token(there, Claims())
        seen = await _login(ground, region, ADMIN, good)
        trial.case(f"{region}: a good token", held=seen == _ACCEPTED, wanted=_ACCEPTED, seen=seen)
    refused = trial.tried - trial.broken - len(places)
    without = "" if role else " There is no role but admin to show admin's token for."
    return trial.ended(
        f"{refused} of {trial.tried - len(places)} bad logins were refused, "
        f"and a good token was tried in each Region.{without}"
    )


async def _shown(there: Endpoint, other: Endpoint, role: str | None) -> dict[str, tuple[str, str]]:
    """Return what is shown in vain, each with the role that is asked for."""
    good = await forged.token(there, Claims())
    last = "0" if good[-1] != "0" else "1"
    bad = {
        "past its end": Claims(age_s=3_600),
        "for the other Region": Claims(region=other.region),
        "for the other host": Claims(host=other.host),
        "for the other endpoint": Claims(host=other.host, region=other.region),
        "for another service": Claims(service=_OTHER_SERVICE),
        "a role's token for admin": Claims(action=ROLE_ACTION),
    }
    for_role = {"admin's token for a role": (good, role)} if role else {}
    return {
        "a changed signature": (good[:-1] + last, ADMIN),
        "a signature that was cut short": (good[:-1], ADMIN),
        **{name: (await forged.token(there, claims), ADMIN) for name, claims in bad.items()},
        **for_role,
        "a password that is no token": (_NO_TOKEN, ADMIN),
    }


async def _login(ground: Ground, region: str, user: str, password: str) -> str:
    """Try to get in; return how it ended."""
    ground.note(Load(messages=5, bytes_up=3_000, bytes_down=6_000))
    try:
        async with asyncio.timeout(WITHIN_S):
            line = await access.connect(as_user(ground.lead_to[region], user), password=password)
    except asyncpg.PostgresError as error:
        return f"{error.sqlstate}, refused"
    except TimeoutError:
        return f"no answer within {WITHIN_S:.0f} s"
    except (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        return f"{type(error).__name__}, connection ended"
    line.terminate()
    return _ACCEPTED
