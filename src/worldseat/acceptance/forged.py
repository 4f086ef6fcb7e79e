"""Tokens that an endpoint must refuse: signed well, and for something else."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest

from worldseat.stores.dsql import signing
from worldseat.stores.dsql.endpoint import Endpoint

ADMIN_ACTION = "DbConnectAdmin"
ROLE_ACTION = "DbConnect"

_DATE_FORMAT = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a token says. None: as the endpoint wants it. `age_s` is how long ago it was signed."""

    host: str | None = None
    region: str | None = None
    service: str = "dsql"
    action: str = ADMIN_ACTION
    age_s: int = 0
    life_s: int = 60


async def token(there: Endpoint, claims: Claims) -> str:
    """Sign a token with an endpoint's own credentials. Raises NotCommitted if there are none."""
    request = AWSRequest(
        "GET", f"https://{claims.host or there.host}/", params={"Action": claims.action}
    )
    signer = await signing.signer(there)
    region = claims.region or there.region
    _Dated(signer, claims.service, region, expires=claims.life_s).at(
        datetime.now(UTC) - timedelta(seconds=claims.age_s)
    ).add_auth(request)
    return str(request.prepare().url).removeprefix("https://")


class _Dated(SigV4QueryAuth):  # type: ignore[misc]  # botocore has no types.
    """A signature of another moment than now."""

    def at(self, moment: datetime) -> "_Dated":
        self._moment = moment
        return self

    def _modify_request_before_signing(self, request: AWSRequest) -> None:
        request.context["timestamp"] = self._moment.strftime(_DATE_FORMAT)
        super()._modify_request_before_signing(request)
