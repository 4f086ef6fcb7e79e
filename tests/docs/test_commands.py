"""Every command of the two pages for AWS is one that exists, and every program takes its words."""

import itertools
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.docs import aws_cli, page, templates
from tests.docs.answers import DOCS, HOSTS, PAGES
from tests.docs.page import Call

from worldseat import telemetry
from worldseat.cli import app
from worldseat.cli.app import app as commands

# Programs that have no definition to ask: what they may be told.
ALLOWED: Mapping[str, set[tuple[str, ...]]] = {
    "bash": {("-c",)},
    "curl": {("--fail", "--silent")},
    "docker": {("build", "--file"), ("login", "--username"), ("tag",), ("push",)},
    "git": {("rev-parse",)},
}


@pytest.mark.parametrize("name", PAGES)
def test_every_block_of_the_page_is_a_shells_and_is_run(name: str) -> None:
    text = (DOCS / f"{name}.md").read_text("utf-8")
    kinds = [kind for kind, _ in page.blocks(text)]
    assert kinds
    assert set(kinds) == {"sh"}
    assert text.count("```") == 2 * len(kinds)
    outside = "\n".join(part for at, part in enumerate(text.split("```")) if at % 2 == 0)
    assert not [line for line in outside.splitlines() if line.startswith("    ")]


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(name: str) -> None:
    text = (DOCS / f"{name}.md").read_text("utf-8")
    links = re.findall(r"\]\(([^)#]+)", text)
    assert links
    assert all((DOCS / link).exists() for link in links), links


@pytest.mark.parametrize("name", PAGES)
def test_aws_takes_every_call(name: str, called: Mapping[str, list[Call]]) -> None:
    calls = [call for call in called[name] if call.program == "aws"]
    assert calls
    made: set[tuple[str, ...]] = set()
    wrong = []
    for call in calls:
        stack = tuple(word for word in call.words if word.startswith(("us-", "worldseat-")))[:2]
        is_first = name == "aws" and stack not in made
        if call.words[:2] == ("cloudformation", "deploy"):
            made.add(stack)
        wrong += [f"{call}: {each}" for each in aws_cli.problems(call.words, first=is_first)]
    assert not wrong


@pytest.mark.parametrize("name", PAGES)
def test_outputs_that_are_asked_for_are_told_by_the_template(
    name: str, called: Mapping[str, list[Call]]
) -> None:
    for call in called[name]:
        if call.words[:2] == ("cloudformation", "describe-stacks"):
            stack = call.words[call.words.index("--stack-name") + 1].removeprefix("worldseat-")
            query = call.words[call.words.index("--query") + 1]
            assert query.split("'")[1] in templates.template(stack)["Outputs"], call


def test_the_pages_build_every_template_there_is(called: Mapping[str, list[Call]]) -> None:
    built = {
        word
        for call in called["aws"]
        for word, following in itertools.pairwise(call.words)
        if word.startswith("worldseat-") and following == "--template-file"
    }
    assert built == {f"worldseat-{name}" for name in templates.names()}


@pytest.mark.parametrize("name", PAGES)
def test_other_programs_are_few_and_known(name: str, called: Mapping[str, list[Call]]) -> None:
    for call in called[name]:
        if call.program not in {"aws", "worldseat"}:
            starts = ALLOWED[call.program]
            assert any(call.words[: len(start)] == start for start in starts), call


@pytest.mark.parametrize("name", PAGES)
def test_worldseat_takes_every_command(name: str, called: Mapping[str, list[Call]]) -> None:
    calls = [call for call in called[name] if call.program == "worldseat"]
    assert calls
    for call in calls:
        # Raises for a command, an option or a value that WorldSeat does not know.
        commands.parse_args(call.words, exit_on_error=False, print_error=False)


@pytest.mark.parametrize("name", PAGES)
def test_every_dry_run_runs_and_touches_nothing(
    name: str,
    called: Mapping[str, list[Call]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for variable in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(telemetry, "configure", lambda **_: None)
    endpoints = {
        region: f"postgresql://admin@{host}:5432/postgres" for region, host in HOSTS.items()
    }
    (tmp_path / "endpoints.json").write_text(str(endpoints).replace("'", '"'))
    calls = [
        call for call in called[name] if call.program == "worldseat" and "--dry-run" in call.words
    ]
    assert calls or name != "aws"
    for call in calls:
        status = app.run(call.words)
        told = capfd.readouterr()
        assert status == 0, f"{call}: {told.err}"
        assert told.out.strip(), call
    assert [path.name for path in tmp_path.iterdir()] == ["endpoints.json"]
