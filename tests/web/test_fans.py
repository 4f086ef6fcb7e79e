"""The fan cookie: what we issue we read back, and nothing else."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worldseat.web.fans import COOKIE, DEFAULT_NAME, Fan, Fans, clean_name, new_fan_id

SECRET = b"s" * 32
FANS = Fans(SECRET)


def scope(cookie: str | bytes | None, scheme: str = "http") -> dict[str, Any]:
    raw = cookie.encode() if isinstance(cookie, str) else cookie
    return {"scheme": scheme, "headers": [] if raw is None else [(b"cookie", raw)]}


def issued(name: str | None = None, fan: Fan | None = None) -> tuple[Fan, str]:
    """Return a fan and what the browser would send back."""
    made, header = FANS.issue(scope(None), name, fan=fan)
    return made, header.split(";")[0]


def test_a_fan_is_recognised() -> None:
    fan, cookie = issued("Ada")
    assert FANS.read(scope(cookie)) == fan
    assert fan.name == "Ada"
    assert FANS.read(scope(f"theme=dark; {cookie}; other=1")) == fan


@given(st.text(min_size=1, max_size=40))
def test_any_name_survives_the_cookie(name: str) -> None:
    shown = clean_name(name)
    if shown is not None:
        fan, cookie = issued(shown)
        assert cookie.isascii()
        assert FANS.read(scope(cookie)) == fan


def test_the_cookie_is_hard_to_steal_and_to_send_from_elsewhere() -> None:
    _, header = FANS.issue(scope(None))
    assert {part.strip() for part in header.split(";")[1:]} == {
        "Max-Age=31536000",
        "Path=/",
        "HttpOnly",
        "SameSite=Lax",
    }
    _, header = FANS.issue(scope(None, scheme="https"))
    assert header.endswith("; Secure")


def test_a_known_fan_keeps_the_id() -> None:
    fan, _ = issued()
    assert fan.name == DEFAULT_NAME
    renamed, cookie = issued("Grace", fan)
    assert renamed == Fan(fan_id=fan.fan_id, name="Grace")
    same, _ = issued(None, renamed)
    assert same == renamed
    assert FANS.read(scope(cookie)) == renamed


def test_ids_are_random() -> None:
    ids = {new_fan_id() for _ in range(1_000)}
    assert len(ids) == 1_000
    assert all(len(each) == 30 for each in ids)


def test_another_secret_does_not_know_the_fan() -> None:
    _, cookie = issued("Ada")
    assert Fans(b"t" * 32).read(scope(cookie)) is None


def test_every_changed_character_is_noticed() -> None:
    fan, cookie = issued("Ada")
    value = cookie.partition("=")[2]
    for place, old in enumerate(value):
        for new in "A.z_":
            if new != old:
                forged = value[:place] + new + value[place + 1 :]
                assert FANS.read(scope(f"{COOKIE}={forged}")) is None, place
    assert FANS.read(scope(cookie)) == fan


def forged(payload: bytes, *, version: str = "1") -> str:
    """Return a cookie that is signed rightly, whatever it says."""
    signed = f"{version}.{base64.urlsafe_b64encode(payload).decode().rstrip('=')}"
    signature = base64.urlsafe_b64encode(FANS._signature(signed)).decode().rstrip("=")
    return f"{COOKIE}={signed}.{signature}"


GOOD = {"fan_id": "fan_" + "a" * 26, "name": "Ada"}


def test_the_forger_of_these_tests_works() -> None:
    assert FANS.read(scope(forged(json.dumps(GOOD).encode()))) == Fan(**GOOD)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        b"null",
        b"[]",
        b"{",
        b"\xff\xfe",
        b'{"fan_id": "\xff", "name": "x"}',
        json.dumps({**GOOD, "operator": True}).encode(),
        json.dumps({**GOOD, "name": None}).encode(),
        json.dumps({**GOOD, "fan_id": 7}).encode(),
        json.dumps({**GOOD, "fan_id": "fan_1"}).encode(),
        json.dumps({**GOOD, "fan_id": "fan_" + "a" * 26 + "\n"}).encode(),
        json.dumps({**GOOD, "fan_id": "op_" + "a" * 26}).encode(),
        json.dumps({**GOOD, "name": "x" * 2_000}).encode(),
    ],
)
def test_even_rightly_signed_nonsense_is_no_fan(payload: bytes) -> None:
    assert FANS.read(scope(forged(payload))) is None


def test_another_version_is_no_fan() -> None:
    assert FANS.read(scope(forged(json.dumps(GOOD).encode(), version="2"))) is None


@pytest.mark.parametrize(
    "cookie",
    [
        b"",
        b"=",
        b";;;",
        b"worldseat_fan",
        b"worldseat_fan=",
        b"worldseat_fan=.",
        b"worldseat_fan=..",
        b"worldseat_fan=1..",
        b"worldseat_fan=1.e30.",
        b"worldseat_fan=1.%00.x",
        b"worldseat_fan=\xff\xfe\x00",
        b"worldseat_fan=" + b"A" * 100_000,
        b"worldseat_fan=" + b"." * 10_000,
        "worldseat_fan=1.ümläut.x".encode(),
    ],
)
def test_a_malformed_cookie_is_no_fan_and_no_error(cookie: bytes) -> None:
    assert FANS.read(scope(cookie)) is None


@given(st.binary(max_size=300))
def test_no_bytes_are_an_error(raw: bytes) -> None:
    assert FANS.read(scope(b"worldseat_fan=" + raw)) is None


def test_a_planted_cookie_does_not_hide_the_real_one() -> None:
    fan, cookie = issued("Ada")
    assert FANS.read(scope(f"{COOKIE}=1.planted.x; {cookie}")) == fan


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Ada", "Ada"),
        ("  Ada   Lovelace ", "Ada Lovelace"),
        ("Zoë", "Zoë"),
        ("Zoe\u0308", "Zoë"),
        ("<script>", "<script>"),
        ("張偉", "張偉"),
        ("👩\u200d💻", "👩\u200d💻"),
        ("\u200d", None),
        ("x" * 40, "x" * 40),
        ("x" * 41, None),
        ("", None),
        ("   ", None),
        ("a\x00b", None),
        ("a\u202eb", None),
        ("a\ud800", None),
    ],
)
def test_names_are_short_and_printable(name: str, shown: str | None) -> None:
    assert clean_name(name) == shown
