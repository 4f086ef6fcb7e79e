"""`worldseat cluster` as a person runs it, on clusters that are in memory, and its dry runs."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from worldseat import bootstrap, telemetry
from worldseat.cli import app, endpoints_file, terminal
from worldseat.ports.aws_calls import AwsCall, Change
from worldseat.ports.clusters import Cluster, ClusterReport, ClustersRefused, ClusterStep, Pair
from worldseat.settings import REGIONS

Run = Callable[..., tuple[int, str, str]]
ACCOUNT = "123456789012"
CLUSTERS = [
    Cluster(
        region=region,
        identifier=(f"c{number}" * 13),
        arn=f"arn:aws:dsql:{region}:{ACCOUNT}:cluster/c{number}",
        account=ACCOUNT,
        status="ACTIVE",
        endpoint=f"c{number}.dsql.{region}.on.aws",
        created_at=datetime(2026, 11, 1, tzinfo=UTC),
        witness="us-west-2",
        peers=[f"arn:aws:dsql:{other}:{ACCOUNT}:cluster/x"],
    )
    for number, (region, other) in enumerate(zip(REGIONS, reversed(REGIONS), strict=True))
]
EXPORTS = [
    f"export WORLDSEAT_US_EAST_{number}_URL="
    f"postgresql://admin@c{number - 1}.dsql.us-east-{number}.on.aws:5432/postgres"
    for number in (1, 2)
]

NOWHERE = {
    "AWS_PROFILE": "of-nobody",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
}


@dataclass
class Memory:
    """Clusters in memory. `ends` is how a change ends that does not succeed."""

    asked_for: tuple[str, str | None] = ("", None)
    there: Sequence[Cluster] = ()
    problems: Sequence[str] = ()
    ends: BaseException | None = None

    def pair(self) -> Pair:
        return Pair(
            name=self.asked_for[0],
            account=ACCOUNT,
            where="AWS, both Regions",
            clusters=self.there,
            problems=self.problems if self.there else ["there is no cluster in us-east-1"],
            urls={each.region: each.url for each in self.there},
        )

    async def status(self) -> Pair:
        return self.pair()

    async def create(self, report: ClusterReport) -> Pair:
        report(ClusterStep(region="", text="AWS, both Regions"))
        report(ClusterStep(region="us-east-1", text="its cluster is being made"))
        if self.ends is not None:
            raise self.ends
        self.there = CLUSTERS
        return self.pair()

    async def delete(self, report: ClusterReport) -> None:
        report(ClusterStep(region="us-east-1", text="c1 is being deleted"))
        self.there = ()

    def left(self) -> str:
        return "There now: us-east-1 c1 PENDING_SETUP."

    async def rehearse(self, change: Change) -> Sequence[AwsCall]:
        words = {"name": "a [bracket]", "arn": "<arn of us-east-1>" if change == "create" else "x"}
        return [AwsCall(service="dsql", region="us-east-1", operation=change, params=words)]


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def run(memory: Memory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process; return its status, its output and what it complained of."""

    def clusters(name: str, account: str | None = None) -> Memory:
        memory.asked_for = (name, account)
        return memory

    monkeypatch.setattr(bootstrap, "clusters", clusters)
    monkeypatch.setattr(telemetry, "configure", lambda **_: None)

    def command(*words: str) -> tuple[int, str, str]:
        status = app.run(["cluster", *words])
        out, err = capsys.readouterr()
        return status, out, err

    return command


def test_create_tells_each_step_and_ends_with_the_addresses(
    run: Run, memory: Memory, tmp_path: Path
) -> None:
    path = tmp_path / "endpoints.json"
    status, out, err = run("create", "--account", ACCOUNT, "--endpoints", str(path))
    assert status == 0
    assert memory.asked_for == ("worldseat", ACCOUNT)
    assert [line.split(maxsplit=2)[2] for line in err.splitlines()] == [
        "AWS, both Regions",
        "us-east-1  its cluster is being made",
    ]
    assert [line for line in out.splitlines() if line.startswith("export")] == EXPORTS
    assert "Ready." in out
    assert "Next: worldseat migrate" in out
    assert endpoints_file.read(path) == {each.region: each.url for each in CLUSTERS}
    others = [line for line in out.splitlines() if not line.startswith(("export", "Written"))]
    assert max(map(len, others)) <= 80


def test_create_for_programs_is_one_object(run: Run) -> None:
    status, out, _ = run("create", "--name", "mine", "--json")
    (line,) = out.splitlines()
    said = json.loads(line)
    assert (status, said["name"], said["ready"], said["account"]) == (0, "mine", True, ACCOUNT)
    assert said["urls"] == {each.region: each.url for each in CLUSTERS}
    assert said["clusters"][0]["status"] == "ACTIVE"


def test_status_says_by_its_exit_status_whether_the_pair_is_ready(
    run: Run, memory: Memory, tmp_path: Path
) -> None:
    path = tmp_path / "endpoints.json"
    status, out, _ = run("status", "--endpoints", str(path))
    assert status == 1
    assert "There is no cluster in us-east-1." in out
    assert "Not ready." in out
    assert not path.exists()
    memory.there = CLUSTERS
    status, out, _ = run("status", "--endpoints", str(path))
    assert status == 0
    assert "AWS, both Regions" in out
    assert [line for line in out.splitlines() if line.startswith("export")] == EXPORTS
    assert path.exists()
    memory.problems = ["cluster c1 in us-east-1 is CREATING"]
    memory.there = [replace(CLUSTERS[0], status="CREATING", protected=False, peers=())]
    status, out, _ = run("status")
    assert status == 1
    assert "CREATING  no         us-west-2  –" in out
    assert "Cluster c1 in us-east-1 is CREATING." in out
    assert "export" not in out
    status, out, _ = run("status", "--json")
    assert status == 1
    assert json.loads(out)["problems"] == memory.problems


def test_a_refusal_is_told_with_its_next_step_and_its_detail(run: Run, memory: Memory) -> None:
    memory.ends = ClustersRefused("AWS says no.", next_step="Ask it.", detail="Denied: no")
    status, out, err = run("create")
    assert (status, out) == (2, "")
    assert err.splitlines()[2:] == ["AWS says no.", "Ask it.", "Denied: no"]


def test_whoever_breaks_it_off_is_told_what_is_left(
    run: Run, memory: Memory, capsys: pytest.CaptureFixture[str]
) -> None:
    memory.ends = KeyboardInterrupt()
    with pytest.raises(SystemExit) as ended:
        run("create")
    assert ended.value.code == 130
    assert "There now: us-east-1 c1 PENDING_SETUP." in capsys.readouterr().err


def test_delete_says_what_is_lost_and_takes_only_the_name(
    run: Run, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.there = CLUSTERS
    answers = iter(["yes", "", "worldseat"])
    monkeypatch.setattr(terminal.console, "input", lambda _: next(answers))
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    for _ in range(2):
        status, out, err = run("delete")
        assert status == 1
        assert "Nothing was removed." in out
        assert "All data in these 2 clusters is lost for good" in err
        assert memory.there == CLUSTERS
    status, out, err = run("delete")
    assert status == 0
    assert "Removed." in out
    assert "c1 is being deleted" in err
    assert not memory.there
    status, out, _ = run("delete")
    assert status == 0
    assert "nothing to remove" in out


def test_delete_without_anybody_to_ask_needs_yes(
    run: Run, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.there = CLUSTERS[:1]
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    status, _, err = run("delete")
    assert status == 2
    assert "All data in this cluster is lost for good" in " ".join(err.split())
    assert "--yes" in err
    assert memory.there
    assert run("delete", "--yes")[0] == 0
    assert not memory.there


def test_a_dry_run_prints_every_call_whole_and_says_that_none_was_sent(run: Run) -> None:
    status, out, err = run("create", "--dry-run")
    assert (status, err) == (0, "")
    assert "worldseat cluster create --name worldseat (dry run: nothing was sent)" in out
    words = '{"name": "a [bracket]", "arn": "<arn of us-east-1>"}'
    assert f"dsql us-east-1 create {words}\n" in out
    assert "angle brackets" in out
    status, out, _ = run("delete", "--dry-run", "--json")
    said = json.loads(out)
    assert (status, said["sent"]) == (0, False)
    assert [each["operation"] for each in said["calls"]] == ["delete"]
    assert "angle brackets" not in run("delete", "--dry-run")[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--name", "a b"), "cannot be the name"),
        (("--name=-x",), "cannot be the name"),
        (("--name", ""), "cannot be the name"),
        (("--name", "x" * 64), "cannot be the name"),
        (("--account", "12345"), "An account has 12 digits"),
    ],
)
def test_names_and_accounts_that_cannot_be_are_refused(
    run: Run, words: Sequence[str], said: str
) -> None:
    status, _, err = run("create", *words)
    assert status == 2
    assert said in " ".join(err.split())


def made_of(out: str) -> list[tuple[str, str, dict[str, object]]]:
    """The calls of a dry run that would change something."""
    lines = [line.split(maxsplit=3) for line in out.splitlines() if line.endswith("}")]
    calls = [(region, name, json.loads(words)) for _, region, name, words in lines]
    return [each for each in calls if each[1] in {"CreateCluster", "UpdateCluster"}]


def test_a_real_dry_run_needs_nobody_to_be_signed_in(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the real composition root, with AWS settings that lead nowhere."""
    monkeypatch.setattr(telemetry, "configure", lambda **_: None)
    for name, value in NOWHERE.items():
        monkeypatch.setenv(name, value)
    assert app.run(["cluster", "create", "--dry-run", "--name", "mine"]) == 0
    first, second, peering = made_of(capsys.readouterr().out)
    assert first[:2] == ("us-east-1", "CreateCluster")
    assert second[:2] == ("us-east-2", "CreateCluster")
    assert peering[:2] == ("us-east-1", "UpdateCluster")
    assert second[2] == {
        "deletionProtectionEnabled": True,
        "multiRegionProperties": {"witnessRegion": "us-west-2", "clusters": ["<arn of us-east-1>"]},
        "tags": {"worldseat": "mine", "Name": "mine"},
        "clientToken": "<token of this request in us-east-2, always the same>",
    }
    assert peering[2]["identifier"] == "<identifier of us-east-1>"


@pytest.mark.slow
@pytest.mark.parametrize("change", ["create", "delete"])
def test_a_dry_run_is_a_process_that_leaves_nothing_behind(tmp_path: Path, change: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "worldseat", "cluster", change, "--dry-run"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], **NOWHERE},
    )
    assert done.returncode == 0, done.stderr
    assert "dry run: nothing was sent" in done.stdout
    assert "paper" not in done.stdout
    assert list(tmp_path.iterdir()) == []
