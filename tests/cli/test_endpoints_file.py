"""The file with both Regions' addresses: written whole, read strictly, never with a secret."""

import json
from pathlib import Path

import pytest

from worldseat.cli import endpoints_file
from worldseat.domain.errors import BadRequest
from worldseat.settings import REGIONS

URLS = {region: f"postgresql://admin@abc.dsql.{region}.on.aws:5432/postgres" for region in REGIONS}


def test_what_is_written_is_read_again_in_the_order_of_the_regions(tmp_path: Path) -> None:
    path = tmp_path / "new" / "endpoints.json"
    endpoints_file.write(path, dict(reversed(URLS.items())))
    assert list(endpoints_file.read(path).items()) == list(URLS.items())
    assert list(path.parent.iterdir()) == [path]
    assert path.read_text().endswith("}\n")


def test_a_local_cluster_s_addresses_are_taken_too(tmp_path: Path) -> None:
    urls = {name: f"{url}?address=127.0.0.1&ca_file=/ca.pem" for name, url in URLS.items()}
    endpoints_file.write(tmp_path / "local.json", urls)
    assert endpoints_file.read(tmp_path / "local.json") == urls


@pytest.mark.parametrize(
    ("contents", "said"),
    [
        ("{", "truncated|malformed"),
        ("[]", "object"),
        (json.dumps({**URLS, "us-east-2": 5}), "str"),
        (json.dumps({"us-east-1": URLS["us-east-1"]}), "us-east-2 is missing"),
        (json.dumps({**URLS, "mars": "x"}), "'mars' is not a Region of WorldSeat"),
        (json.dumps({**URLS, "us-east-2": "https://x"}), "not of the form postgresql"),
        (json.dumps({**URLS, "us-east-2": "postgresql:///x"}), "not of the form postgresql"),
        (json.dumps({**URLS, "us-east-2": "postgresql://[x"}), "cannot be read"),
        (json.dumps({**URLS, "us-east-2": "postgresql://a:hush@x/y"}), "has a password"),
        (json.dumps({**URLS, "us-east-2": "postgresql://a@x/y?password=hush"}), "has a password"),
        (" " * 70_000, "longer than 65,536 bytes"),
    ],
)
def test_anything_else_is_refused_with_the_form_that_is_wanted(
    tmp_path: Path, contents: str, said: str
) -> None:
    path = tmp_path / "endpoints.json"
    path.write_text(contents)
    with pytest.raises(BadRequest, match=said) as refused:
        endpoints_file.read(path)
    assert "hush" not in str(refused.value)
    assert "maps us-east-1 and us-east-2 each to a postgresql:// address" in refused.value.next_step


WITHOUT_REGION = "postgresql://127.0.0.1:1/postgres"
OTHER = dict(zip(URLS, reversed(URLS.values()), strict=True))


@pytest.mark.parametrize(
    ("urls", "said"),
    [
        (OTHER, "the endpoints of us-east-1 and us-east-2 are swapped; exchange them"),
        (
            dict.fromkeys(URLS, URLS["us-east-1"]),
            "both Regions have the same endpoint; give us-east-2 the one of its own cluster",
        ),
        (
            # Two addresses, and one endpoint.
            {**URLS, "us-east-1": URLS["us-east-2"].replace("admin@", "another@")},
            "both Regions have the same endpoint; give us-east-1 the one of its own cluster",
        ),
        (
            {**URLS, "us-east-2": URLS["us-east-2"].replace("us-east-2", "us-west-2")},
            "the endpoint of us-east-2 is one of us-west-2; give us-east-2 the one of its own",
        ),
        (
            {"us-east-1": WITHOUT_REGION, "us-east-2": URLS["us-east-1"]},
            "the endpoint of us-east-2 is one of us-east-1",
        ),
    ],
)
def test_an_endpoint_of_another_region_is_neither_read_nor_written(
    tmp_path: Path, urls: dict[str, str], said: str
) -> None:
    path = tmp_path / "endpoints.json"
    with pytest.raises(BadRequest, match=said):
        endpoints_file.write(path, urls)
    assert not path.exists()
    path.write_text(json.dumps(urls))
    with pytest.raises(BadRequest, match=said):
        endpoints_file.read(path)


def test_of_any_other_host_nobody_can_tell_whose_it_is(tmp_path: Path) -> None:
    plain = dict.fromkeys(URLS, WITHOUT_REGION)
    endpoints_file.write(tmp_path / "plain.json", plain)
    assert endpoints_file.read(tmp_path / "plain.json") == plain


def test_a_secret_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="has a password"):
        endpoints_file.write(tmp_path / "x", {**URLS, "us-east-1": "postgresql://a:hush@x/y"})
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_read_or_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="cannot be read: No such file"):
        endpoints_file.read(tmp_path / "none")
    (tmp_path / "folder").mkdir()
    with pytest.raises(BadRequest, match="cannot be written: Is a directory"):
        endpoints_file.write(tmp_path / "folder", URLS)
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]
