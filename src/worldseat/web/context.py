"""What every handler is given: the services, and what the web layer itself keeps."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from worldseat.domain.errors import WorldSeatError
from worldseat.web.fans import Fan, Fans
from worldseat.web.leaving import Leaving
from worldseat.web.metrics import Metrics
from worldseat.web.problems import WebError

if TYPE_CHECKING:
    from worldseat.services.wiring import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Built once per application, before the first request."""

    services: "Services"
    fans: Fans
    metrics: Metrics
    leaving: Leaving

    def fan(self, request: Request) -> Fan:
        """Return the fan who asks. Raises WebError no-fan."""
        fan = self.fans.read(request.scope)
        if fan is None:
            raise no_fan()
        return fan


Handler = Callable[[Context, Request], Awaitable[Response]]


def no_fan() -> WorldSeatError:
    """Return the refusal of a request that must come from a fan and does not."""
    return WebError("no-fan", "This request carries no valid fan cookie.")
