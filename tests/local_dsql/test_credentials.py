"""The file of who may log in: made once, read as every SDK reads it, and never quoted."""

import re
from pathlib import Path

import pytest

from worldseat.local_dsql import credentials
from worldseat.local_dsql.credentials import Secret

APP = "arn:aws:iam::000000000000:role/app"


def test_the_clusters_own_credentials_are_made_once_and_for_this_account_only(
    tmp_path: Path,
) -> None:
    home = tmp_path / "cluster"
    made = credentials.known(home)
    assert credentials.known(home) == made
    ((key_id, secret),) = made.items()
    assert re.fullmatch("AKIALOCAL[A-Z2-7]{11}", key_id)
    assert len(secret.secret) == 40
    assert secret.secret not in repr(secret)
    assert [path.name for path in home.iterdir()] == ["credentials"]
    assert (home / "credentials").stat().st_mode & 0o777 == 0o600


def test_profiles_written_by_hand_are_known_too(tmp_path: Path) -> None:
    credentials.known(tmp_path)
    with (tmp_path / "credentials").open("a") as file:
        file.write(
            "[app]\naws_access_key_id = AKIAAPP\naws_secret_access_key = 50%+/=\n"
            f"aws_session_token = t/=\narn = {APP}\n"
        )
    found = credentials.known(tmp_path)["AKIAAPP"]
    assert found == Secret(secret="50%+/=", session_token="t/=", arn=APP)


def test_a_damaged_credentials_file_is_told_without_quoting_it(tmp_path: Path) -> None:
    for text in ("aws_secret_access_key = TOPSECRET", "[a]\nTOPSECRET", "[a]\nb = TOPSECRET\n"):
        (tmp_path / "credentials").write_text(text)
        with pytest.raises(ValueError, match="is not a credentials file") as caught:
            credentials.known(tmp_path)
        assert "TOPSECRET" not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__
