"""Who may do what, as a table of requests. Each hostile one has a harmless twin beside it."""

from typing import Any

import pytest

from worldseat.web.access import Policy, decide, is_loopback

TOKEN = "correct-horse-battery-staple"  # noqa: S105 - a made-up one
LOOPBACK = Policy(bound_host="127.0.0.1", operator_token=TOKEN)
NO_TOKEN = Policy(bound_host="127.0.0.1")
OPEN = Policy(bound_host="0.0.0.0", operator_token=TOKEN)  # noqa: S104 - a value, nothing is bound
OPEN_NO_TOKEN = Policy(bound_host="0.0.0.0")  # noqa: S104 - a value, nothing is bound

FIRE = ("POST", "/api/stampedes")
RESET = ("POST", "/api/events/evt_1/rounds")
CLAIM = ("POST", "/api/events/evt_1/claims")
ME = ("POST", "/api/me")
READ = ("GET", "/api/events")
METRICS = ("GET", "/metrics")

LOCAL = "127.0.0.1:8000"
PUBLIC = "tickets.example"


def ask(
    what: tuple[str, str],
    policy: Policy = LOOPBACK,
    *,
    host: str | None = LOCAL,
    scheme: str = "http",
    **headers: str,
) -> str | None:
    """Return the code of the refusal, or None if the request is let in."""
    sent = [] if host is None else [(b"host", host.encode())]
    sent += [(name.replace("_", "-").encode(), text.encode()) for name, text in headers.items()]
    return decided(what, policy, sent, scheme)


def decided(
    what: tuple[str, str], policy: Policy, sent: list[tuple[bytes, bytes]], scheme: str = "http"
) -> str | None:
    scope: dict[str, Any] = {
        "type": "http",
        "method": what[0],
        "path": what[1],
        "scheme": scheme,
        "headers": sent,
    }
    denied = decide(scope, policy)
    return denied.code if denied else None


@pytest.mark.parametrize("policy", [LOOPBACK, NO_TOKEN, OPEN, OPEN_NO_TOKEN])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize(
    "path", ["/", "/proof", "/api/events", "/api/stampedes", "/api/me", "/api/witness", "/healthz"]
)
def test_everybody_may_read(policy: Policy, method: str, path: str) -> None:
    assert ask((method, path), policy, host=PUBLIC, sec_fetch_site="cross-site") is None
    assert ask((method, path), policy, host=None) is None


@pytest.mark.parametrize("what", [CLAIM, ME])
@pytest.mark.parametrize("policy", [LOOPBACK, NO_TOKEN, OPEN, OPEN_NO_TOKEN])
def test_a_fan_acts_from_anywhere(what: tuple[str, str], policy: Policy) -> None:
    assert ask(what, policy, host=PUBLIC) is None
    assert ask(what, policy, host=PUBLIC, sec_fetch_site="same-origin") is None


SAME_ORIGIN = [
    # host, scheme, origin
    (LOCAL, "http", "http://127.0.0.1:8000"),
    ("localhost:8000", "http", "http://localhost:8000"),
    ("LOCALHOST:8000", "http", "http://localhost:8000"),
    ("[::1]:8000", "http", "http://[::1]:8000"),
    (PUBLIC, "http", "http://tickets.example"),
    (PUBLIC, "http", "http://tickets.example:80"),
    ("tickets.example:80", "http", "http://tickets.example"),
    (PUBLIC, "https", "https://tickets.example"),
    ("tickets.example:443", "https", "https://tickets.example"),
    # TLS ends in front of us: the page is https, what reaches us is http.
    (PUBLIC, "http", "https://tickets.example"),
    ("tickets.example:8443", "http", "https://tickets.example:8443"),
]


@pytest.mark.parametrize(("host", "scheme", "origin"), SAME_ORIGIN)
def test_its_own_page_may_act(host: str, scheme: str, origin: str) -> None:
    assert ask(CLAIM, host=host, scheme=scheme, origin=origin) is None


CROSS_SITE = [
    {"sec_fetch_site": "cross-site"},
    {"sec_fetch_site": "same-site"},
    {"sec_fetch_site": "none"},
    {"sec_fetch_site": ""},
    {"sec_fetch_site": "same-origin, cross-site"},
    {"sec_fetch_site": "SAME-ORIGIN"},
    {"origin": "http://evil.example"},
    {"origin": "null"},
    {"origin": ""},
    {"origin": "127.0.0.1:8000"},
    {"origin": "http://127.0.0.1"},
    {"origin": "http://127.0.0.1:8001"},
    {"origin": "http://127.0.0.1:8000/"},
    {"origin": "http://127.0.0.1:8000.evil.example"},
    {"origin": "http://127.0.0.1:8000@evil.example"},
    {"origin": "http://evil@127.0.0.1:8000"},
    {"origin": "http://127.0.0.1:99999"},
    {"origin": "http://[::1"},
    {"origin": "file://127.0.0.1:8000"},
    {"origin": "ftp://127.0.0.1:8000"},
    {"origin": "http://127.0.0.1:8000 http://evil.example"},
    {"origin": "http://localhost:8000"},
    # Each of the two that is there must say so.
    {"sec_fetch_site": "same-origin", "origin": "http://evil.example"},
    {"sec_fetch_site": "cross-site", "origin": "http://127.0.0.1:8000"},
]


@pytest.mark.parametrize("headers", CROSS_SITE)
@pytest.mark.parametrize("what", [FIRE, RESET, CLAIM, ME])
def test_another_sites_page_may_not(what: tuple[str, str], headers: dict[str, str]) -> None:
    assert ask(what, LOOPBACK, **headers) == "cross-site"
    # Not even with the operator's token: a browser sends it for nobody unasked, but still.
    headers = headers | {"authorization": f"Bearer {TOKEN}"}
    assert ask(what, LOOPBACK, **headers) == "cross-site"


def test_a_page_without_tls_does_not_speak_for_the_one_with_it() -> None:
    assert ask(CLAIM, host=PUBLIC, scheme="https", origin="http://tickets.example") == "cross-site"


def test_two_origins_are_none() -> None:
    own = (b"origin", b"http://127.0.0.1:8000")
    assert decided(CLAIM, LOOPBACK, [(b"host", LOCAL.encode()), own, own]) == "cross-site"
    fetch = (b"sec-fetch-site", b"same-origin")
    assert decided(CLAIM, LOOPBACK, [(b"host", LOCAL.encode()), fetch, fetch]) == "cross-site"


LOCAL_HOSTS = [
    *("127.0.0.1", "127.0.0.1:8000", "127.8.9.10:1", "[::1]", "[::1]:8000"),
    *("localhost", "LocalHost:65535"),
]
OTHER_HOSTS = [
    *(PUBLIC, "evil.example:8000"),
    "0.0.0.0:8000",
    "127.0.0.1.evil.example",
    "127.1:8000",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "localhost.evil.example",
    "localhost.",
    "evil.localhost",
    "[::ffff:127.0.0.1]:8000",
    "[::]:8000",
    "192.168.1.7:8000",
]


@pytest.mark.parametrize("what", [FIRE, RESET, METRICS])
@pytest.mark.parametrize("host", LOCAL_HOSTS)
def test_the_operator_is_whoever_sits_at_the_machine(what: tuple[str, str], host: str) -> None:
    assert ask(what, LOOPBACK, host=host) is None
    assert ask(what, NO_TOKEN, host=host) is None
    # The same name proves nothing when the server listens to the world.
    assert ask(what, OPEN, host=host) == "operator-only"


@pytest.mark.parametrize("what", [FIRE, RESET, METRICS])
@pytest.mark.parametrize("host", OTHER_HOSTS)
def test_a_name_pointed_at_this_machine_is_not_at_it(what: tuple[str, str], host: str) -> None:
    assert ask(what, LOOPBACK, host=host) == "operator-only"
    assert ask(what, NO_TOKEN, host=host) == "operator-only"
    rebound = f"http://{host}"
    if what is not METRICS and not host.endswith("."):
        assert ask(what, NO_TOKEN, host=host, origin=rebound) == "operator-only"
    assert ask(what, LOOPBACK, host=host, authorization=f"Bearer {TOKEN}") is None


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        " ",
        "127.0.0.1:8000, evil.example",
        "127.0.0.1:",
        "127.0.0.1:8000@evil.example",
        "user@127.0.0.1",
        "127.0.0.1/..",
        "127.0.0.1:99999999",
        "a b",
        "[::1",
        "::1",
        "127.0.0.1\x00",
    ],
)
@pytest.mark.parametrize("what", [FIRE, RESET, CLAIM, ME, METRICS])
def test_a_request_names_one_host(what: tuple[str, str], host: str | None) -> None:
    assert ask(what, host=host) == "bad-host"


def test_two_hosts_are_none() -> None:
    twice = [(b"host", b"127.0.0.1:8000"), (b"host", b"evil.example")]
    assert decided(FIRE, LOOPBACK, twice) == "bad-host"
    assert decided(FIRE, LOOPBACK, twice[::-1]) == "bad-host"


@pytest.mark.parametrize(
    "header", ["forwarded", "via", "x_forwarded_for", "x_forwarded_proto", "x_real_ip"]
)
def test_what_a_proxy_forwards_does_not_come_from_this_machine(header: str) -> None:
    assert ask(FIRE, NO_TOKEN, **{header: "whatever"}) == "operator-only"
    assert ask(FIRE, LOOPBACK, authorization=f"Bearer {TOKEN}", **{header: "127.0.0.1"}) is None


GOOD_TOKENS = [f"Bearer {TOKEN}", f"bearer {TOKEN}", f"BEARER  {TOKEN} "]
BAD_TOKENS = [
    "",
    TOKEN,
    "Bearer",
    "Bearer ",
    f"Basic {TOKEN}",
    f"Bearer {TOKEN}x",
    f"Bearer {TOKEN[:-1]}",
    f"Bearer {TOKEN.upper()}",
    f"Bearer {TOKEN} {TOKEN}",
    "Bearer ÿ",
    "Bearer None",
]


@pytest.mark.parametrize("what", [FIRE, RESET, METRICS])
@pytest.mark.parametrize("given", GOOD_TOKENS)
def test_elsewhere_the_operator_has_a_token(what: tuple[str, str], given: str) -> None:
    assert ask(what, OPEN, host=PUBLIC, authorization=given) is None
    assert ask(what, OPEN_NO_TOKEN, host=PUBLIC, authorization=given) == "operator-only"


@pytest.mark.parametrize("what", [FIRE, RESET, METRICS])
@pytest.mark.parametrize("given", BAD_TOKENS)
def test_another_token_opens_nothing(what: tuple[str, str], given: str) -> None:
    assert ask(what, OPEN, host=PUBLIC, authorization=given) == "operator-only"
    empty = Policy(bound_host="0.0.0.0", operator_token="")  # noqa: S104 - a value
    assert ask(what, empty, host=PUBLIC, authorization=given) == "operator-only"


def test_two_tokens_are_none() -> None:
    token = (b"authorization", f"Bearer {TOKEN}".encode())
    assert decided(FIRE, OPEN, [(b"host", b"tickets.example"), token, token]) == "operator-only"


@pytest.mark.parametrize(
    "what",
    [
        ("POST", "/"),
        ("PUT", "/api/me"),
        ("PUT", "/api/stampedes"),
        ("DELETE", "/api/events/evt_1"),
        ("POST", "/api/events/evt_1/claims/"),
        ("POST", "/api/events/a/b/claims"),
        ("POST", "//api/me"),
        ("POST", "/api/me/../stampedes"),
        ("POST", "/api/stampedes/"),
        ("POST", "/API/ME"),
        ("POST", "/api/me\n"),
        ("TRACE", "/"),
        ("CONNECT", "/"),
        ("post", "/api/stampedes"),
        ("get", "/metrics"),
        ("QUERY", "/api/events"),
    ],
)
def test_what_nobody_thought_of_is_closed(what: tuple[str, str]) -> None:
    expected = None if what == ("PUT", "/api/me") else "operator-only"
    assert ask(what, OPEN, host=PUBLIC) == expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("::1", True),
        ("", False),
        ("0.0.0.0", False),  # noqa: S104 - a value
        ("::", False),
        ("10.0.0.1", False),
        ("box.local", False),
    ],
)
def test_loopback_is_what_only_this_machine_can_reach(host: str, *, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_the_policy_does_not_print_its_token() -> None:
    assert TOKEN not in repr(OPEN)
