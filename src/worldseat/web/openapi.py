"""The OpenAPI 3.1 document, made from the table of operations and the types of their values."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any

import msgspec

from worldseat import __version__
from worldseat.web.claims import KEY_MAX
from worldseat.web.fans import COOKIE
from worldseat.web.operations import FAN, OPERATIONS, OPERATOR, Operation
from worldseat.web.problems import CONTENT_TYPE, KINDS, Problem
from worldseat.web.query import Id

Json = dict[str, Any]

_REF = "#/components/schemas/{name}"
_HEADERS: dict[str, Json] = {
    "Idempotency-Key": {
        "required": True,
        "description": "Names this purchase. Send the same key again to learn how it ended.",
        "schema": {"type": "string", "pattern": f"^[!-~]{{1,{KEY_MAX}}}$"},
    },
    "Last-Event-ID": {
        "required": False,
        "description": "The id of the last event received; the stream goes on from there.",
        "schema": {"type": "string", "maxLength": 100},
    },
}
_SETS: dict[str, Json] = {
    "Location": {"description": "Where to follow it.", "schema": {"type": "string"}},
    "Set-Cookie": {"description": "The fan cookie.", "schema": {"type": "string"}},
}
_SECURITY: dict[str | None, list[Json]] = {
    None: [],
    FAN: [{"fan": []}],
    # Open without a token on the machine itself (access.py).
    OPERATOR: [{}, {"operator": []}],
}


def document(stores: Iterable[str], operations: Iterable[Operation] = OPERATIONS) -> Json:
    """Return the whole document, ready to be encoded. `stores` are the names of those installed."""
    operations = tuple(operations)
    paths: dict[str, Json] = defaultdict(dict)
    for operation in operations:
        paths[operation.path][operation.method.lower()] = _operation(operation)
    described = _described(dict(paths), _schemas(operations))
    _name_stores(described, list(stores))
    return described


def _described(paths: Json, schemas: Json) -> Json:
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "WorldSeat",
            "version": __version__,
            "description": (
                "A ticket on-sale: one seat sells to exactly one fan, from two AWS Regions at once."
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "fan": {"type": "apiKey", "in": "cookie", "name": COOKIE},
                "operator": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _name_stores(described: Json, stores: list[str]) -> None:
    """Say which stores are installed wherever one can be chosen: no type knows that."""
    for path in described["paths"].values():
        for operation in path.values():
            for parameter in operation["parameters"]:
                if parameter["name"] == "store":
                    parameter["schema"] |= {"enum": stores}
    for schema in described["components"]["schemas"].values():
        # Only what is asked for has a default; what is told names any store that ever ran.
        if "default" in schema.get("properties", {}).get("store", {}):
            schema["properties"]["store"] |= {"enum": stores}


def _schemas(operations: Iterable[Operation]) -> Json:
    types: set[type[Any]] = {Problem}
    for operation in operations:
        types.update(each for each in (operation.body, operation.answer) if each is not None)
    ordered = sorted(types, key=lambda each: each.__name__)
    _, components = msgspec.json.schema_components(ordered, ref_template=_REF)
    return dict(sorted(components.items()))


def _operation(operation: Operation) -> Json:
    described: Json = {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": list(_parameters(operation)),
        "responses": _responses(operation),
        "security": _SECURITY[operation.needs],
    }
    if operation.body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _ref(operation.body)}},
        }
    return described


def _parameters(operation: Operation) -> Iterator[Json]:
    for name in re.findall(r"{(\w+)}", operation.path):
        yield {"name": name, "in": "path", "required": True, "schema": msgspec.json.schema(Id)}
    for name in operation.headers:
        yield {"name": name, "in": "header", **_HEADERS[name]}
    if operation.query is not None:
        shape = msgspec.json.schema(operation.query)["$defs"][operation.query.__name__]
        for name, schema in shape["properties"].items():
            required = name in shape.get("required", ())
            yield {"name": name, "in": "query", "required": required, "schema": schema}


def _responses(operation: Operation) -> Json:
    answer: Json = {"schema": _ref(operation.answer) if operation.answer else {"type": "string"}}
    by_status: dict[int, list[str]] = defaultdict(list)
    for code in operation.problems:
        by_status[KINDS[code].status].append(code)
    responses: Json = {}
    for status in sorted({operation.status, *operation.also, *by_status}):
        carries = status == operation.status or status in operation.also
        content = {operation.content_type: answer} if carries else {}
        described: Json = {"description": HTTPStatus(status).phrase, "content": content}
        if status == operation.status and operation.sets:
            described["headers"] = {name: _SETS[name] for name in operation.sets}
        if status in by_status:
            content[CONTENT_TYPE] = {"schema": _ref(Problem)}
            codes = ", ".join(sorted(by_status[status]))
            described["description"] = f"{HTTPStatus(status).phrase}: {codes}"
        responses[str(status)] = described
    return responses


def _ref(shape: type[Any]) -> Json:
    return {"$ref": _REF.format(name=shape.__name__)}
