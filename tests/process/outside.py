"""What anybody outside can see of a running process, and do there."""

import base64
import json
import socket
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException

from worldseat.domain.event import Event

from .test_up import Running

JSON = {"content-type": "application/json"}
SECRET = base64.b64encode(b"a secret of the tests" * 2).decode()


@dataclass(frozen=True)
class Fan:
    """A fan with a cookie that every process with the same secret knows."""

    fan_id: str
    cookie: str

    def claim(self, running: Running, event: Event, seat: str) -> tuple[int, dict[str, object]]:
        """Buy, and return the status and the answer. Raises OSError if there is none."""
        connection = HTTPConnection("127.0.0.1", running.port, timeout=30)
        try:
            connection.request(
                "POST",
                f"/api/events/{event.event_id}/claims",
                json.dumps({"seats": [seat]}),
                {**JSON, "cookie": self.cookie, "idempotency-key": f"key-{seat}"},
            )
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except HTTPException as error:
            raise ConnectionError(str(error)) from error
        finally:
            connection.close()


def new_fan(running: Running) -> Fan:
    request = urllib.request.Request(
        f"http://127.0.0.1:{running.port}/api/me", data=b"{}", headers=JSON
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - our own loopback
        cookie = answer.headers["set-cookie"].split(";")[0]
        return Fan(json.load(answer)["fan_id"], cookie)


def health(running: Running) -> tuple[int, str]:
    try:
        return 200, str(running.get("/healthz")["status"])
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)["status"]


def closed(running: Running) -> bool:
    """Say whether the process takes no new connections any more."""
    try:
        socket.create_connection(("127.0.0.1", running.port), timeout=5).close()
    except OSError:
        return True
    return False


def words(urls: Mapping[str, str], **more: str) -> str:
    """Return what a shell is told before it starts a process on these addresses."""
    given = {f"WORLDSEAT_{each.upper().replace('-', '_')}_URL": urls[each] for each in urls}
    given |= {"WORLDSEAT_SECRET": SECRET, **more}
    return "".join(f"export {name}='{value}';" for name, value in given.items())
