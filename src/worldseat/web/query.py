"""Path and query parameters, checked against a type before anything looks at them."""

from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta
from starlette.requests import Request

from worldseat.web.problems import WebError

Id = Annotated[str, Meta(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9_.-]+$")]
"""What every id looks like: nothing in it can surprise a database, a log or a file name."""
SeatLabel = Annotated[str, Meta(min_length=1, max_length=40, pattern=r"^[^\x00-\x1f\x7f]+$")]

T = TypeVar("T")


def query(request: Request, shape: type[T]) -> T:
    """Return the query parameters as `shape`. Unknown and repeated ones are mistakes: 422."""
    given: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name in given:
            raise WebError("wrong-shape", f"The parameter {name!r} stands there twice.")
        given[name] = value
    try:
        return msgspec.convert(given, shape, strict=False)
    except msgspec.ValidationError as error:
        raise WebError("wrong-shape", f"In the query: {error}.") from error


def path_id(request: Request, name: str, unknown: type[Exception]) -> str:
    """Return an id of the path; one that cannot be an id is as unknown as one that is not there."""
    value: str = request.path_params[name]
    try:
        return msgspec.convert(value, Id)
    except msgspec.ValidationError as error:
        raise unknown(f"There is no {value[:80]!r}.") from error
