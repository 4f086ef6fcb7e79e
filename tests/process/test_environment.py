"""What a platform hands to the process in its environment: the signing key, and the commit."""

import base64
from pathlib import Path

import pytest

from worldseat.revision import COMMIT_ENV, revision
from worldseat.secret import SECRET_BYTES, SECRET_ENV, load_or_make

KEY = bytes(range(SECRET_BYTES + 1))


def test_a_given_key_is_used_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SECRET_ENV, base64.b64encode(KEY).decode() + "\n")
    assert load_or_make(tmp_path / "home") == KEY
    assert not (tmp_path / "home").exists()


def test_without_one_a_key_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SECRET_ENV, raising=False)
    made = load_or_make(tmp_path)
    assert len(made) == SECRET_BYTES
    assert load_or_make(tmp_path) == made


@pytest.mark.parametrize(
    "text",
    ["", "not base64!", base64.b64encode(KEY[: SECRET_BYTES - 1]).decode(), "AAAA" * 20 + "A"],
)
def test_what_is_no_key_is_refused_and_not_repeated(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SECRET_ENV, text)
    with pytest.raises(ValueError, match=SECRET_ENV) as refused:
        load_or_make(tmp_path)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__
    assert not text or text not in str(refused.value)


def test_what_secrets_manager_makes_is_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 44 letters and digits, as deploy/secrets.yaml asks for.
    monkeypatch.setenv(SECRET_ENV, "aB3" * 14 + "xY")
    assert len(load_or_make(tmp_path)) >= SECRET_BYTES


def test_a_program_without_its_repository_is_told_the_commit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(COMMIT_ENV, "0123456789ab")
    assert revision() == "0123456789ab"
    monkeypatch.setenv(COMMIT_ENV, "")
    assert revision() != "0123456789ab"
