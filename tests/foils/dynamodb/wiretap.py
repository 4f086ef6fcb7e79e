"""Every call that the foil sends, seen before it leaves; and answers planted in its way."""

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiobotocore.awsrequest import AioAWSResponse
from aiobotocore.session import AioSession

from worldseat.stores.dynamodb import clients


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call: its parameters as the code gave them, and the model of its operation."""

    service: str
    operation: str
    region: str
    params: Mapping[str, Any]
    model: Any = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class _Planted:
    """What is answered in the service's place: an exception of the wire, or an answer.

    `late`: the service gets the call all the same, and only its answer is lost.
    """

    answer: Exception | tuple[int, Mapping[str, Any]]
    late: bool
    when: Callable[[Mapping[str, Any]], bool]


class _Raw:
    def __init__(self, body: bytes) -> None:
        self._body = body

    async def read(self) -> bytes:
        return self._body


class Faults:
    """Answers and failures that are planted in the way of calls."""

    def __init__(self) -> None:
        self._planted: dict[str, deque[_Planted]] = {}

    def refuse(
        self,
        operation: str,
        code: str,
        *,
        status: int = 400,
        times: int = 1,
        message: str = "planted",
        when: Callable[[Mapping[str, Any]], bool] = lambda _: True,
    ) -> None:
        """Have the next calls of an operation answered with an error of the service."""
        body = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": message}
        self.plant(operation, (status, body), times=times, when=when)

    def plant(
        self,
        operation: str,
        answer: Exception | tuple[int, Mapping[str, Any]],
        *,
        times: int = 1,
        late: bool = False,
        when: Callable[[Mapping[str, Any]], bool] = lambda _: True,
    ) -> None:
        """Have the next calls of an operation end like this."""
        waiting = self._planted.setdefault(operation, deque())
        waiting.extend([_Planted(answer=answer, late=late, when=when)] * times)

    def left(self) -> int:
        """How many of the planted answers nobody has met yet."""
        return sum(map(len, self._planted.values()))

    @contextmanager
    def in_the_way_of(self, client: Any) -> Iterator[None]:
        """Plant them in a client that was made before."""

        async def answer(request: Any, event_name: str, **_: Any) -> Any:
            found = self._next(request, event_name)
            if found is not None and found.late:
                await client._endpoint.http_session.send(request)
            return _told(request, found)

        client.meta.events.register("before-send", answer)
        try:
            yield
        finally:
            client.meta.events.unregister("before-send", answer)

    def _next(self, request: Any, event_name: str) -> _Planted | None:
        waiting = self._planted.get(event_name.rpartition(".")[2])
        if not waiting or not waiting[0].when(json.loads(request.body)):
            return None
        return waiting.popleft()


class Tap(Faults):
    """Hangs on the sessions that the foil's clients are made of, and sees every call."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.calls: list[Call] = []
        tap = self

        class Tapped(AioSession):  # type: ignore[misc] # The driver has no types.
            def __init__(self, *given: Any) -> None:
                super().__init__(*given)
                self.register("provide-client-params", tap._see)
                self.register("before-send", tap._answer)

        monkeypatch.setattr(clients, "AioSession", Tapped)

    def _see(self, params: Any, model: Any, context: Any, **_: Any) -> None:
        self.calls.append(
            Call(
                service=model.service_model.service_name,
                operation=model.name,
                region=context["client_region"],
                params=params,
                model=model,
            )
        )

    def _answer(self, request: Any, event_name: str, **_: Any) -> Any:
        return _told(request, self._next(request, event_name))


def _told(request: Any, planted: _Planted | None) -> Any:
    """Return what the driver takes for the service's answer, or None to let the call go."""
    if planted is None:
        return None
    if isinstance(planted.answer, Exception):
        raise planted.answer
    status, body = planted.answer
    raw = _Raw(json.dumps(body).encode())
    return AioAWSResponse(request.url, status, {"content-type": "application/json"}, raw)
