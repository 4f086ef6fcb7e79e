"""Every command of the two pages for AWS is one that exists, and every program takes its words."""

import itertools
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.docs import aws_cli, page, templates
from tests.docs.answers import DOCS, HOSTS, PAGES, REHEARSAL, TOKEN
from tests.docs.page import Call

from worldseat import telemetry
from worldseat.cli import app, endpoints_file
from worldseat.cli.app import app as commands

# Programs that have no definition to ask: what they may be told.
ALLOWED: Mapping[str, set[tuple[str, ...]]] = {
    "bash": {("-c",)},
    "curl": {("--fail", "--silent"), ("--config", "-", "--fail", "--silent")},
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
    urls = {region: f"postgresql://admin@{host}:5432/postgres" for region, host in HOSTS.items()}
    written: set[str] = set()
    ran = 0
    for call in called[name]:
        if call.program != "worldseat":
            continue
        if "--dry-run" in call.words:
            status = app.run(call.words)
            told = capfd.readouterr()
            assert status == 0, f"{call}: {told.err}"
            assert told.out.strip(), call
            ran += 1
        elif call.words[0] == "cluster" and "--endpoints" in call.words:
            # Only what the page itself has written is there for the commands that follow.
            file = call.words[call.words.index("--endpoints") + 1]
            endpoints_file.write(tmp_path / file, urls)
            written.add(file)
    assert ran or name != "aws"
    assert {path.name for path in tmp_path.iterdir()} == written


def test_the_addresses_are_written_whichever_way_made_the_clusters(
    called: Mapping[str, list[Call]],
) -> None:
    calls = called["aws"]
    writes = ("cluster", "status", "--endpoints")
    written = [at for at, call in enumerate(calls) if call.words[:3] == writes]
    made = [at for at, call in enumerate(calls) if is_deployed("cluster", call)]
    read = [at for at, call in enumerate(calls) if call.words[:2] == ("accept", "--endpoints")]
    assert len(made) == 4
    assert max(made) < min(written) < min(read)


def test_a_cluster_is_waited_for_only_when_both_know_each_other(
    called: Mapping[str, list[Call]],
) -> None:
    calls = called["aws"]
    made = [at for at, call in enumerate(calls) if is_deployed("cluster", call)]
    between = calls[made[0] : made[-1]]
    assert not [call for call in between if "wait" in call.words or call.program == "worldseat"]


def is_deployed(template: str, call: Call) -> bool:
    is_deploy = call.words[:2] == ("cloudformation", "deploy")
    return is_deploy and f"worldseat-{template}" in call.words


def test_clusters_go_after_their_stacks_and_the_key_after_its_copy(
    called: Mapping[str, list[Call]],
) -> None:
    said = [str(call) for call in called["aws"]]
    order = [
        next(at for at, each in reversed([*enumerate(said)]) if words in each)
        for words in (
            "stack-delete-complete --region us-east-2 --stack-name worldseat-cluster",
            "worldseat cluster delete",
            "remove-regions-from-replication",
            "describe-secret",
            "delete-secret",
            "stack-delete-complete --region us-east-1 --stack-name worldseat-secrets",
        )
    ]
    assert order == sorted(order)
    assert not [each for each in said if "delete-cluster" in each]


def test_the_operators_token_is_read_in_the_other_region_when_one_is_lost(
    called: Mapping[str, list[Call]],
) -> None:
    read = [call.words for call in called["operations"] if "get-secret-value" in call.words]
    regions = [words[words.index("--region") + 1] for words in read]
    assert regions == ["us-east-1", "us-east-2"] * (len(read) // 2)
    assert read


def test_an_image_that_is_there_is_not_pushed_again(called: Mapping[str, list[Call]]) -> None:
    # The answers have it in us-east-2 only.
    pushed = [call.words[1] for call in called["aws"] if call.words[0] == "push"]
    assert [each.split(".")[3] for each in pushed] == ["us-east-1"]


def test_a_region_is_taken_out_so_that_nothing_takes_it_back_in(
    called: Mapping[str, list[Call]],
) -> None:
    said = [
        set(call.words[call.words.index("--health-check-id") + 2 :])
        for call in called["operations"]
        if "update-health-check" in call.words
    ]
    assert said == [{"--disabled", "--inverted"}, {"--no-disabled", "--no-inverted"}]


@pytest.mark.parametrize("name", PAGES)
def test_no_secret_is_ever_a_word_of_a_command(name: str, called: Mapping[str, list[Call]]) -> None:
    assert not [call for call in called[name] if TOKEN in str(call)]


def test_a_rehearsal_has_an_event_of_its_own(called: Mapping[str, list[Call]]) -> None:
    calls = [call.words for call in called["operations"] if call.program == "worldseat"]
    made = [words for words in calls if words[:2] == ("event", "create")]
    assert [words[words.index("--mode") + 1] for words in made] == ["rehearsal"]
    [fired] = [words for words in calls if words[0] == "break-it"]
    assert fired[fired.index("--event") + 1] == REHEARSAL
