"""One HTTP/1.1 connection, with bounds on what its peer may send and on how slowly.

uvicorn reads headers of any length, waits for ever for the first request, and keeps an answer for
as long as a peer pretends to read it. Each of these would let one machine with a few thousand
connections shut everybody else out.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

HEAD_MAX = 32 * 1024
"""Bytes of request line and headers."""
HEAD_WITHIN_S = 10.0
WRITE_WITHIN_S = 30.0
DISCARD_MAX = 16 * 1024 * 1024
"""Bytes of a refused body that are read and thrown away, so that its sender can read the answer."""
SPARE_CONNECTIONS = 64
"""How many connections beyond the limit are told that they are too many; more are cut off."""

_HEAD_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class BoundedConnection(HttpToolsProtocol):
    """uvicorn's connection that hangs up on a peer that sends too much or takes too long."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_head = True
        self._head_bytes = 0
        self._discarded_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request, if there is room."""
        super().connection_made(transport)
        self._await_head()
        limit = self.limit_concurrency
        if limit is not None and len(self.connections) > limit + SPARE_CONNECTIONS:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget all that was waited for."""
        self._stop_awaiting_head()
        self._stop_awaiting_reader()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser, and hang up if the head does not end."""
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > HEAD_MAX and not self.transport.is_closing():
            self.transport.write(_HEAD_TOO_LARGE)
            self.transport.close()
        elif self._discarding() and self.timeout_keep_alive_task is None:
            # Bytes came, so uvicorn stopped its timer, and no new request will start it again.
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def on_message_begin(self) -> None:
        """Begin to count the head of the next request."""
        super().on_message_begin()
        self._in_head = True
        self._discarded_bytes = 0
        self._await_head()

    def on_headers_complete(self) -> None:
        """Stop waiting for the head."""
        self._in_head = False
        self._head_bytes = 0
        self._stop_awaiting_head()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Pass the body on; throw away what comes after the answer, up to a limit."""
        super().on_body(body)
        if self._discarding():
            self._discarded_bytes += len(body)
            if self._discarded_bytes > DISCARD_MAX:
                self.transport.abort()

    def pause_writing(self) -> None:
        """Begin to wait for the peer to read."""
        super().pause_writing()
        self._write_timer = self.loop.call_later(WRITE_WITHIN_S, self.transport.abort)

    def resume_writing(self) -> None:
        """Stop waiting: the peer reads."""
        self._stop_awaiting_reader()
        super().resume_writing()

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_WITHIN_S, self.transport.close)

    def _stop_awaiting_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _stop_awaiting_reader(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def _discarding(self) -> bool:
        """Say whether the answer is out already and the rest of the request still comes."""
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or self.transport.is_closing():
            return False
        return cycle.response_complete and cycle.more_body
