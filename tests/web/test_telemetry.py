"""No secret in a log, whoever wrote the line."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from worldseat import telemetry

SECRET = "hunter2-very-secret"  # noqa: S105 - a made-up one


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Everything that is logged, as JSON lines."""
    root = logging.getLogger()
    before = (list(root.handlers), root.level, structlog.get_config())
    telemetry.configure(json=True)
    stream = io.StringIO()
    handler = root.handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(stream)
    yield stream
    root.handlers, root.level = before[0], before[1]
    structlog.configure(**before[2])


def last(lines: io.StringIO) -> dict[str, object]:
    found: dict[str, object] = json.loads(lines.getvalue().splitlines()[-1])
    return found


HIDDEN_FIELDS = [
    {"cookie": f"worldseat_fan={SECRET}"},
    {"Cookie": SECRET},
    {"set_cookie": SECRET},
    {"authorization": f"Bearer {SECRET}"},
    {"operator_token": SECRET},
    {"secret": SECRET.encode()},
    {"password": SECRET},
    {"PGPASSWORD": SECRET},
    {"api_key": SECRET},
    {"url": f"postgresql://worldseat:{SECRET}@db.example:5432/worldseat?sslmode=verify-full"},
    {"url": f"postgresql://:{SECRET}@db.example/"},
    {"dsn": f"host=db.example user=x password={SECRET} dbname=y"},
    {"headers": [(b"cookie", SECRET.encode()), (b"host", b"x")]},
    {"headers": {"Authorization": f"Bearer {SECRET}"}},
    {"request": {"deep": [{"deeper": {"token": SECRET}}]}},
    {"text": f"sent Authorization: Bearer {SECRET}"},
    {"text": f"Cookie: a=b; worldseat_fan={SECRET}; c=d"},
    {"error": ValueError(f"cannot reach postgresql://a:{SECRET}@b/c")},
    {"far": [[[[[[[[[SECRET]]]]]]]]]},
]


@pytest.mark.parametrize("fields", HIDDEN_FIELDS, ids=range(len(HIDDEN_FIELDS)))
def test_a_field_with_a_secret_is_hidden(lines: io.StringIO, fields: dict[str, object]) -> None:
    structlog.stdlib.get_logger("test").info("something happened", **fields)
    assert SECRET not in lines.getvalue()
    assert telemetry.HIDDEN in lines.getvalue()


def test_secrets_in_exceptions_and_messages_are_hidden(lines: io.StringIO) -> None:
    log = structlog.stdlib.get_logger("test")
    try:
        message = f"no route to postgresql://worldseat:{SECRET}@db.example/worldseat"
        raise OSError(message)
    except OSError:
        log.exception("failed with Bearer %s", SECRET)
        logging.getLogger("uvicorn.error").exception("password=%s", SECRET)
    assert SECRET not in lines.getvalue()
    assert "no route to postgresql://worldseat:[hidden]@db.example/worldseat" in lines.getvalue()


def test_the_standard_library_logs_go_the_same_way(lines: io.StringIO) -> None:
    logging.getLogger("asyncpg").warning(
        "lost %s", f"postgresql://a:{SECRET}@b", extra={"token": SECRET}
    )
    assert SECRET not in lines.getvalue()
    assert last(lines)["event"] == "lost postgresql://a:[hidden]@b"
    assert last(lines)["token"] == telemetry.HIDDEN


def test_what_is_no_secret_stays(lines: io.StringIO) -> None:
    structlog.stdlib.get_logger("test").warning(
        "sold", seat="A7", count=3, url="http://127.0.0.1:8000/", regions=("us-east-1", "us-east-2")
    )
    line = last(lines)
    assert line["seat"] == "A7"
    assert line["count"] == 3
    assert line["url"] == "http://127.0.0.1:8000/"
    assert line["regions"] == ["us-east-1", "us-east-2"]
    assert line["level"] == "warning"
    assert line["logger"] == "test"
    assert "timestamp" in line


def test_every_line_names_its_request(lines: io.StringIO) -> None:
    token = telemetry.request_id.set("req_1")
    structlog.stdlib.get_logger("test").info("one")
    assert last(lines)["request_id"] == "req_1"
    logging.getLogger("other").warning("two")
    assert last(lines)["request_id"] == "req_1"
    telemetry.request_id.reset(token)
    structlog.stdlib.get_logger("test").info("three")
    assert "request_id" not in last(lines)
