"""Headers that every answer carries, whoever made it."""

_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; worker-src 'self'; manifest-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

SECURITY: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", _CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)

_NEVER_STORED = ("/api/", "/healthz", "/metrics", "/openapi.json")


def caching(path: str) -> bytes:
    """Return the Cache-Control of an answer that does not bring its own.

    The API is never stored. A page may be kept by the fan's own browser, and asked about anew each
    time: it may carry a cookie, so nobody else may keep it.
    """
    return b"no-store" if path.startswith(_NEVER_STORED) else b"private, no-cache"
