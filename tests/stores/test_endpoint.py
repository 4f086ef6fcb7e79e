"""Addresses of DSQL endpoints: what they say, and what they cannot say."""

from pathlib import Path

import pytest
from tests.stores.fake_endpoint import HOST, FakeEndpoint

from worldseat.local_dsql import credentials, descriptor
from worldseat.stores.dsql import access
from worldseat.stores.dsql.endpoint import BadAddress, Endpoint


def test_an_address_is_read_into_its_parts() -> None:
    assert access.parse(f"postgresql://{HOST}") == Endpoint(
        host=HOST, region="us-east-1", address=HOST
    )
    assert access.parse(
        f"postgres://the%20app@{HOST.upper()}:6543/other?address=%3A%3A1&ca_file=/a%20b"
        "&credentials_file=/c&profile=p"
    ) == Endpoint(
        host=HOST,
        region="us-east-1",
        address="::1",
        port=6543,
        user="the app",
        database="other",
        ca_file="/a b",
        credentials_file="/c",
        profile="p",
    )
    private = "abc.dsql-1a2b3c.us-gov-west-1.on.aws"
    assert access.parse(f"postgresql://{private}").region == "us-gov-west-1"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://x.on.aws", "is not the name of an Aurora DSQL endpoint"),
        ("postgresql://x.dsql.on.aws", "is not the name"),
        ("postgresql://a.b.dsql.us-east-1.on.aws", "is not the name"),
        (f"postgresql://{HOST}.evil.org", "is not the name"),
        (f"https://{HOST}", "begins with https"),
        (f"postgresql://admin:secret@{HOST}", "has a password"),
        (f"postgresql://{HOST}:0x1", "no port from 1 to 65535"),
        (f"postgresql://{HOST}:70000", "no port from 1 to 65535"),
        (f"postgresql://{HOST}/postgres?sslmode=disable", "says sslmode=disable. It may say"),
        (f"postgresql://{HOST}/postgres?ca_file=", "each with a value"),
        (f"postgresql://{HOST}/?address=a&address=b", "one thing twice"),
    ],
)
def test_an_address_that_cannot_be_is_told_in_a_sentence(url: str, said: str) -> None:
    with pytest.raises(BadAddress, match=said) as caught:
        access.parse(url)
    assert str(caught.value).endswith(".")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "dsql", "local"),
    [
        (f"postgresql://{HOST}/postgres", True, False),
        (f"postgresql://{HOST}/postgres?address=10.0.0.1", True, False),
        (f"postgresql://{HOST}/postgres?address=127.0.0.2", True, True),
        (f"postgresql://{HOST}/postgres?address=%3A%3A1", True, True),
        (f"postgresql://{HOST}/postgres?address=localhost", True, True),
        ("postgresql://localhost/postgres", False, False),
        ("postgresql:///postgres?host=/tmp", False, False),
    ],
)
def test_an_address_says_what_is_behind_it(*, url: str, dsql: bool, local: bool) -> None:
    assert (access.is_dsql(url), access.is_local(url)) == (dsql, local)


def test_a_clusters_descriptor_leads_back_to_it(tmp_path: Path) -> None:
    endpoint = FakeEndpoint(tmp_path, port=5433)
    assert descriptor.read(endpoint.home) is None
    written = endpoint.described()
    descriptor.write(endpoint.home, written)
    assert descriptor.read(endpoint.home) == written
    assert (endpoint.home / descriptor.FILE).stat().st_mode & 0o777 == 0o600
    secret = next(iter(credentials.known(endpoint.home).values())).secret
    assert secret not in (endpoint.home / descriptor.FILE).read_text()
    there = access.parse(written.url("us-east-2"))
    assert (there.region, there.port, there.profile) == (
        *("us-east-2", endpoint.port, credentials.PROFILE),
    )
    (endpoint.home / descriptor.FILE).write_text('{"cluster_id": 1}')
    with pytest.raises(ValueError, match=r"cluster\.json does not describe a cluster"):
        descriptor.read(endpoint.home)
