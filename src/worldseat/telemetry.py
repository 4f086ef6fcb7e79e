"""Logging: one line per fact, with the request's id, and never a secret.

`configure` once per process. Both structlog's own loggers and the standard library's (uvicorn,
asyncio, asyncpg) end in the same processors, and the last one before rendering is `redact`.
"""

import logging
import re
import sys
from collections.abc import Collection, Mapping, MutableMapping
from contextvars import ContextVar
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request that this task serves; the web layer sets it, every log line carries it."""

QUIET = logging.WARNING
"""What a person at a terminal wants to read: what went wrong, not what went well."""

HIDDEN = "[hidden]"
_SECRET_KEY = re.compile(
    r"cookie|authorization|token|secret|password|passwd|credential|signature|api_?key",
    re.IGNORECASE,
)
_SECRET_TEXT = (
    # The password of an address such as postgresql://name:password@host, or all before the @.
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://)([^\s/@:]*:)[^\s@]*@", re.IGNORECASE), rf"\1\2{HIDDEN}@"),
    (re.compile(r"\b(password|passwd|secret|token)(\s*=\s*)\S+", re.IGNORECASE), rf"\1\2{HIDDEN}"),
    (re.compile(r"\b(Bearer|Basic)\s+\S+", re.IGNORECASE), rf"\1 {HIDDEN}"),
    # A token of Aurora DSQL: signed, so without its signature it opens nothing.
    (re.compile(r"\b(X-Amz-Signature=)[^&\s\"']+", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(r"\b(worldseat_fan=)[^;\s\"']+", re.IGNORECASE), rf"\1{HIDDEN}"),
)
_DEPTH_MAX = 6


def configure(*, json: bool, level: int = logging.INFO) -> None:
    """Send all logs to standard error, as JSON lines or as text for people."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_request_id,
        structlog.processors.format_exc_info,
        redact,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # uvicorn tells of its own start and stop; whoever starts it tells that in our words.
    logging.getLogger("uvicorn").setLevel(max(level, logging.WARNING))


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Hide secrets: whole values under a telling key, and telling parts of any text."""
    return {
        key: value if key.startswith("_") else _hide(key, value) for key, value in event.items()
    }


def redact_text(text: str) -> str:
    """Return the text without passwords in addresses, tokens, and fan cookies."""
    for pattern, replacement in _SECRET_TEXT:
        text = pattern.sub(replacement, text)
    return text


def _hide(key: object, value: Any, depth: int = 0) -> Any:
    """Return a value of a log line, or what may be shown of it. `key` is what it stands under."""
    name = key.decode("latin-1") if isinstance(key, bytes) else key
    if depth > _DEPTH_MAX or (isinstance(name, str) and _SECRET_KEY.search(name)):
        return HIDDEN
    match value:
        case None | bool() | int() | float():
            return value
        case Mapping() | list() | tuple() | set() | frozenset():
            return _hide_within(value, depth + 1)
        case bytes():
            return redact_text(value.decode("utf-8", "backslashreplace"))
        case _:
            return redact_text(value if isinstance(value, str) else repr(value))


def _hide_within(value: Collection[Any], depth: int) -> Any:
    match value:
        case Mapping():
            return {name: _hide(name, each, depth) for name, each in value.items()}
        case (str() | bytes() as name, content):  # A header: its name is the key of its content.
            return name, _hide(name, content, depth)
        case _:
            return [_hide(None, each, depth) for each in value]


def _add_request_id(
    _logger: WrappedLogger, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    current = request_id.get()
    if current is not None:
        event.setdefault("request_id", current)
    return event
