"""JSON answers of the API."""

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.responses import Response

JSON = "application/json"

encode = msgspec.json.Encoder().encode


def json_answer(
    value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a value of the domain, or of shapes, as JSON."""
    return Response(encode(value), status_code=status, headers=headers, media_type=JSON)
