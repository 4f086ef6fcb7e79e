"""Tokens are judged as AWS judges them; the signers here are AWS's own."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.session import Session

from worldseat.local_dsql import tokens
from worldseat.local_dsql.credentials import Secret
from worldseat.local_dsql.tokens import Denied

HOST = "abcdefghijklmnopqrstuvwxyz.dsql.us-east-1.on.aws"
REGION = "us-east-1"
KEY_ID, TEMPORARY = "AKIALOCAL22222222222", "ASIALOCAL33333333333"
APP = "arn:aws:iam::000000000000:role/app"
SECRETS = {
    KEY_ID: Secret(secret="a/secret+with%signs="),
    TEMPORARY: Secret(secret="another", session_token="FwoGZXIvYXdz//+/=?&%"),
    "AKIALOCAL44444444444": Secret(secret="third", arn=APP),
}
ROLES = {"app": {APP}, "nobody_yet": set[str]()}

Sign = Callable[..., str]


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """A moment in which botocore signs too."""
    moment = datetime(2026, 11, 24, 23, 59, 30, tzinfo=UTC)

    def naive(**_: object) -> datetime:
        return moment.replace(tzinfo=None)

    monkeypatch.setattr("botocore.auth.get_current_datetime", naive)
    return moment


@pytest.fixture
def sign(now: datetime) -> Sign:
    """Make a token as botocore makes it; the keywords say what to make otherwise."""

    def make(
        *,
        key_id: str = KEY_ID,
        secret: Secret | None = None,
        host: str = HOST,
        region: str = REGION,
        service: str = "dsql",
        action: str = "DbConnectAdmin",
        expires_s: int = 60,
        more: Mapping[str, str] | None = None,
    ) -> str:
        secret = secret or SECRETS[key_id]
        signer = Credentials(key_id, secret.secret, secret.session_token)
        request = AWSRequest("GET", f"https://{host}/", params={"Action": action, **(more or {})})
        SigV4QueryAuth(signer, service, region, expires=expires_s).add_auth(request)
        return str(request.prepare().url).removeprefix("https://")

    return make


def verify(token: str, now: datetime, **otherwise: Any) -> None:
    asked = dict[str, Any](host=HOST, region=REGION, user="admin", now=now)
    tokens.verify(token, **{**asked, "secrets": SECRETS, "roles": ROLES, **otherwise})


def refused(token: str, now: datetime, reason: str, **otherwise: Any) -> Denied:
    with pytest.raises(Denied, match=r"^unable to accept connection, access denied$") as caught:
        verify(token, now, **otherwise)
    assert reason in caught.value.reason
    assert caught.value.sqlstate == "28000"
    for told in (caught.value.reason, caught.value.hint or ""):
        assert "X-Amz-Signature" not in told
        assert not re.search(r"[0-9a-f]{64}", told)
    return caught.value


@pytest.mark.parametrize("key_id", [KEY_ID, TEMPORARY])
def test_tokens_of_aws_own_client_are_accepted(now: datetime, key_id: str) -> None:
    secret = SECRETS[key_id]
    session = Session()
    session.set_credentials(key_id, secret.secret, secret.session_token)
    client = session.create_client("dsql", region_name=REGION)
    verify(client.generate_db_connect_admin_auth_token(HOST, REGION, 900), now)
    granted = {"app": {secret.arn}}
    token = client.generate_db_connect_auth_token(HOST, REGION, 900)
    verify(token, now, user="app", roles=granted)


def test_parameters_that_another_signer_adds_count_into_the_signature(
    sign: Sign, now: datetime
) -> None:
    token = sign(more={"X-Amz-User-Agent": "a signer/1.0 ~*"})
    verify(token, now)
    refused(token.replace("signer", "singer"), now, "signature is wrong")


def test_a_custom_role_is_entered_only_by_whom_it_was_granted_to(sign: Sign, now: datetime) -> None:
    token = sign(key_id="AKIALOCAL44444444444", action="DbConnect")
    verify(token, now, user="app")
    refused(token, now, "was not granted", user="nobody_yet")
    refused(token, now, "was not granted", user="unheard_of")
    assert refused(sign(action="DbConnect"), now, "not granted", user="app").hint is None


def test_an_action_that_is_not_the_users_is_refused_in_the_services_words(
    sign: Sign, now: datetime
) -> None:
    as_role = refused(sign(action="DbConnect"), now, "not the role's")
    assert as_role.hint == "Wrong user to action mapping. user: admin, action: DbConnect"
    as_admin = refused(sign(key_id="AKIALOCAL44444444444"), now, "not the role's", user="app")
    assert as_admin.hint == "Wrong user to action mapping. user: app, action: DbConnectAdmin"
    assert refused(sign(action="DbDrop"), now, "none of the service's").hint is None


def test_every_letter_of_a_token_counts(sign: Sign, now: datetime) -> None:
    token = sign(key_id=TEMPORARY)
    verify(token, now)
    for place, letter in enumerate(token):
        other = "B" if letter != "B" else "C"
        with pytest.raises(Denied):
            verify(token[:place] + other + token[place + 1 :], now)


def test_every_shorter_token_is_refused(sign: Sign, now: datetime) -> None:
    token = sign()
    for length in range(len(token)):
        with pytest.raises(Denied):
            verify(token[:length], now)


def test_a_token_is_good_from_its_moment_to_its_end(sign: Sign, now: datetime) -> None:
    token = sign(expires_s=60)
    verify(token, now + timedelta(seconds=59.9))
    over = refused(token, now + timedelta(seconds=60), "past its end")
    assert over.hint is not None
    assert over.hint.startswith("Signature expired: 20261125T000030Z is ")
    # Five minutes are what clocks may differ.
    verify(token, now - timedelta(minutes=5))
    early = refused(token, now - timedelta(minutes=5, seconds=1), "of the future")
    assert early.hint is not None
    assert early.hint.startswith("Signature not yet current: ")


def test_a_token_lives_a_week_at_most(sign: Sign, now: datetime) -> None:
    verify(sign(expires_s=604_800), now + timedelta(days=6, hours=23))
    for never in (0, 604_801):
        refused(sign(expires_s=never), now, "and not for 1 to 604800")
    refused(sign(expires_s=-5), now, "is not one")
    refused(sign(expires_s=10_000_000), now, "is not one")


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        ({"region": "us-east-2"}, "another Region than us-east-1"),
        ({"service": "rds-db"}, "another service"),
        ({"host": HOST.replace("us-east-1", "us-east-2")}, "another endpoint"),
        ({"host": "b" + HOST[1:]}, "another endpoint"),
        ({"host": f"{HOST}:5432"}, "another endpoint"),
        ({"key_id": "AKIANOBODY", "secret": Secret(secret="x")}, "nobody here"),
        ({"secret": Secret(secret="wrong")}, "signature is wrong"),
        ({"secret": replace(SECRETS[KEY_ID], session_token="stolen")}, "session is not"),
        ({"key_id": TEMPORARY, "secret": Secret(secret="another")}, "session is not"),
        (
            {"key_id": TEMPORARY, "secret": Secret(secret="another", session_token="old")},
            "session is not",
        ),
    ],
)
def test_what_was_signed_for_something_else_is_refused(
    sign: Sign, now: datetime, made: Mapping[str, Any], reason: str
) -> None:
    assert refused(sign(**made), now, reason).hint is None


def test_the_right_region_alone_does_not_open_another_endpoint(sign: Sign, now: datetime) -> None:
    east2 = HOST.replace("us-east-1", "us-east-2")
    verify(sign(host=east2, region="us-east-2"), now, host=east2, region="us-east-2")
    refused(sign(host=east2), now, "another Region", host=east2, region="us-east-2")


def test_saying_something_twice_is_refused_even_if_it_is_the_same(
    sign: Sign, now: datetime
) -> None:
    token = sign()
    for again in token.partition("/?")[2].split("&"):
        refused(f"{token}&{again}", now, "says something twice")
    refused(f"{token}&%41ction=DbConnectAdmin", now, "says something twice")


@pytest.mark.parametrize("part", ["Action", "Algorithm", "Credential", "Date", "Expires"])
def test_what_is_missing_is_refused(sign: Sign, now: datetime, part: str) -> None:
    token = re.sub(rf"(?<=[?&])(X-Amz-)?{part}=[^&]*&", "", sign())
    refused(token, now, "lacks")


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA1", "not signed by"),
        ("X-Amz-Algorithm", "none", "not signed by"),
        ("X-Amz-SignedHeaders", "", "sign the host alone"),
        ("X-Amz-SignedHeaders", "host;x", "sign the host alone"),
        ("X-Amz-Credential", "", "no scope"),
        ("X-Amz-Credential", f"{KEY_ID}/20261123/us-east-1/dsql/aws4_request", "day"),
        ("X-Amz-Credential", f"{KEY_ID}/20261124/us-east-1/dsql/aws4", "day"),
        ("X-Amz-Credential", "/20261124/us-east-1/dsql/aws4_request", "nobody here"),
        ("X-Amz-Expires", "٦٠", "signature is wrong"),
        ("X-Amz-Signature", "", "signature is wrong"),
        ("X-Amz-Signature", "é" * 64, "signature is wrong"),
    ],
)
def test_what_a_token_says_otherwise_is_refused(
    sign: Sign, now: datetime, name: str, value: str, reason: str
) -> None:
    token, changed = re.subn(rf"(?<={name}=)[^&]*", quote(value, safe=""), sign())
    assert changed == 1
    refused(token, now, reason)


@pytest.mark.parametrize(
    "date",
    [
        *("20261124T250000Z", "20261324T000000Z", "20261124T0000000", ""),
        *("20261124T23593Z", "20261124t235930z"),
    ],
)
def test_a_date_that_is_none_is_refused_even_if_it_was_signed(
    sign: Sign, now: datetime, monkeypatch: pytest.MonkeyPatch, date: str
) -> None:
    query = dict(part.split("=") for part in sign().partition("/?")[2].split("&"))
    del query["X-Amz-Signature"]
    query["X-Amz-Date"] = date
    query["X-Amz-Credential"] = f"{KEY_ID}/{date[:8]}/us-east-1/dsql/aws4_request"
    scope = query["X-Amz-Credential"].partition("/")[2]
    signature = tokens._signature(HOST, query, scope, SECRETS[KEY_ID].secret)
    query["X-Amz-Signature"] = signature
    text = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
    refused(f"{HOST}/?{text}", now, "date")


@pytest.mark.parametrize(
    "password",
    ["", "secret", "postgres", HOST, f"{HOST}/", f"{HOST}/?", f"{HOST}/?Action", "&" * 500, "/?=&=",
     "\udcff/?a=b", f"https://{HOST}/?Action=DbConnectAdmin", "\x00/?a=b"],
)  # fmt: skip
def test_any_other_password_is_refused(now: datetime, password: str) -> None:
    refused(password, now, "token")


def test_letters_that_no_signer_leaves_as_they_are_are_refused(sign: Sign, now: datetime) -> None:
    for strange in ("é", "\udcff", "\x80"):
        refused(f"{sign()}&X-More={strange}", now, "not a token")


def test_a_word_without_a_value_is_refused_though_it_would_sign_alike(
    sign: Sign, now: datetime
) -> None:
    token = sign(more={"X-More": ""})
    verify(token, now)
    refused(token.replace("X-More=", "X-More"), now, "not a token")
    refused(sign(more={"X-Amz-Security-Token": ""}), now, "session is not")


def test_a_huge_password_is_refused_unread(sign: Sign, now: datetime) -> None:
    verify(sign(more={"X-Padding": "x" * 7_000}), now)
    refused(sign(more={"X-Padding": "x" * 8_000}), now, "longer than any token")
    refused(f"{HOST}/?" + "a=b&" * 1_000_000, now, "longer than any token")


def test_a_name_in_capitals_is_the_same_endpoint(sign: Sign, now: datetime) -> None:
    verify(sign(), now, host=HOST.upper())
