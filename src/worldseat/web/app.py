"""The whole application: one plain ASGI callable around the claim endpoint and a router.

Every request passes the same four steps here: it gets an id, it is let in or refused (access.py),
it is answered, and its answer gets the headers that all answers carry. Errors that people may see
become problem documents in one place; any other error is logged and answered as our fault.
"""

import secrets
from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from worldseat import telemetry
from worldseat.domain.errors import Unavailable, WorldSeatError
from worldseat.ports.store import StoreError
from worldseat.web import access, headers, openapi, pages, problems
from worldseat.web.answers import JSON, encode
from worldseat.web.claims import PATH as CLAIMS_PATH
from worldseat.web.claims import Claims, Gate, claimed_event
from worldseat.web.context import Context, Handler
from worldseat.web.fans import Fans
from worldseat.web.leaving import Leaving
from worldseat.web.metrics import Metrics
from worldseat.web.operations import OPERATIONS, Operation
from worldseat.web.problems import Problem, WebError

if TYPE_CHECKING:
    from worldseat.services.wiring import Services

_log = structlog.stdlib.get_logger(__name__)


def create_app(services: "Services", leaving: Leaving | None = None) -> ASGIApp:
    """Return the application that serves these services. It keeps no other state.

    `leaving` is shared with the server that runs it.
    """
    settings = services.settings
    metrics = Metrics()
    services.shop.on_claim = metrics.claimed
    services.stampedes.on_result = metrics.fired
    metrics.restarts.set_function(services.database_restarts)
    metrics.of_regions(services.store.region_figures)
    context = Context(
        services=services,
        fans=Fans(settings.secret),
        metrics=metrics,
        leaving=leaving or Leaving(),
    )
    policy = access.Policy(bound_host=settings.host, operator_token=settings.operator_token)
    return _Application(context, policy)


class _Application:
    def __init__(self, context: Context, policy: access.Policy) -> None:
        self._policy = policy
        self._metrics = context.metrics
        self._claims = Claims(context, Gate())
        routes = [*_api_routes(context), *pages.routes(context)]
        # An address with one slash too many is another address, and leads nowhere.
        self._router = Router(routes, redirect_slashes=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._router(scope, receive, send)
            return
        exchange = _Exchange(scope, send)
        telemetry.request_id.set(exchange.request_id)
        try:
            await self._answer(scope, receive, exchange)
        except WorldSeatError as error:
            await exchange.refuse(error)
        except StoreError as error:
            away = Unavailable("The database cannot be asked right now.", operator=str(error))
            await exchange.refuse(away)
        except HTTPException as error:
            await exchange.refuse(_from_router(error))
        except Exception:  # noqa: BLE001 - the last resort: logged whole, answered as our fault
            _log.exception("request failed", method=scope["method"], path=scope["path"])
            await exchange.refuse(WebError("error", "Something went wrong on our side."))
        finally:
            self._count(scope, exchange)

    async def _answer(self, scope: Scope, receive: Receive, exchange: "_Exchange") -> None:
        denied = access.decide(scope, self._policy)
        if denied is not None:
            raise WebError(denied.code, denied.message, next_step=denied.next_step)
        event_id = claimed_event(scope)
        if event_id is not None:
            await self._claims(event_id, scope, receive, exchange.send)
            return
        # With an "app" in the scope the router raises its 404 and 405 instead of answering them.
        scope["app"] = self
        await self._router(scope, receive, exchange.send)

    def _count(self, scope: Scope, exchange: "_Exchange") -> None:
        if claimed_event(scope) is not None:
            route = CLAIMS_PATH
        else:
            route = getattr(scope.get("route"), "path", "none")
        self._metrics.answered(scope["method"], route, exchange.status or 0)


_PAGE_METHODS = frozenset({"GET", "HEAD"})


class _Exchange:
    """One request and its answer: the id they share, and the headers that every answer carries."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.request_id = f"req_{secrets.token_hex(8)}"
        self.status: int | None = None
        self._scope = scope
        self._send = send
        self._cache = headers.caching(scope["path"])

    async def send(self, message: Message) -> None:
        """Pass a message on to the server; the first one gets our headers."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            given = list(message.get("headers", ()))
            if not any(name == b"cache-control" for name, _ in given):
                given.append((b"cache-control", self._cache))
            given += headers.SECURITY
            given.append((b"x-request-id", self.request_id.encode()))
            message = {**message, "headers": given}
        await self._send(message)

    async def refuse(self, error: WorldSeatError) -> None:
        """Answer with the problem: as a page for a browser that asked for one, else as JSON."""
        if self.status is not None:
            raise error  # Half an answer is out; only hanging up can say that it is not whole.
        problem = problems.problem(error, self.request_id)
        problems.tell_operator(error, problem)
        response = pages.error_page(problem) if self._wants_page() else _document(problem)
        response.raw_headers.extend(problems.headers(error))
        await response(self._scope, _nothing_more, self.send)

    def _wants_page(self) -> bool:
        if self._scope["path"].startswith("/api/") or self._scope["method"] not in _PAGE_METHODS:
            return False
        accepted = (value for name, value in self._scope["headers"] if name == b"accept")
        return any(b"text/html" in value for value in accepted)


def _document(problem: Problem) -> Response:
    return Response(encode(problem), problem.status, media_type=problems.CONTENT_TYPE)


async def _nothing_more() -> Message:
    """Stand in for the rest of a request that is answered without being read to its end."""
    return {"type": "http.disconnect"}


def _api_routes(context: Context) -> list[BaseRoute]:
    """One route for each path of the table, so that 405 can name all methods of the path."""
    by_path: dict[str, list[Operation]] = defaultdict(list)
    for operation in OPERATIONS:
        by_path[operation.path].append(operation)
    routes: list[BaseRoute] = []
    for path, operations in by_path.items():
        handlers = {each.method: each.handler for each in operations if each.handler is not None}
        methods = [each.method for each in operations]
        routes.append(Route(path, partial(_dispatch, context, handlers), methods=methods))
    described = encode(openapi.document(context.services.stores))
    routes.append(Route("/openapi.json", partial(_describe, described)))
    return routes


async def _dispatch(context: Context, handlers: dict[str, Handler], request: Request) -> Response:
    method = "GET" if request.method == "HEAD" else request.method
    return await handlers[method](context, request)


async def _describe(described: bytes, _request: Request) -> Response:
    return Response(described, media_type=JSON)


def _from_router(error: HTTPException) -> WorldSeatError:
    if error.status_code == 405:  # noqa: PLR2004 - what the router raises
        allow = ", ".join(sorted((error.headers or {}).get("Allow", "").split(", ")))
        return WebError(
            "method-not-allowed", "This address does not take this method.", allow=allow
        )
    if error.status_code == 404:  # noqa: PLR2004 - what the router raises
        return WebError("not-found", "There is nothing at this address.")
    return WebError("bad-request", error.detail)
