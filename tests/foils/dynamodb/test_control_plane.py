"""The command about clusters on a control plane of Aurora DSQL that somebody else wrote.

ministack comes with this foil; that is why the test is here. What it does not play, so that nothing
here speaks of it: PENDING_SETUP and PENDING_DELETE (a cluster is ACTIVE at once, and gone at once);
the two clusters of a pair know nothing of each other, a peer that does not exist is taken, and one
process lists the clusters of all Regions. The paper account of the dry run plays these.
"""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from botocore.loaders import create_loader
from botocore.session import Session

from worldseat.ports.clusters import ClustersRefused, ClusterStep
from worldseat.settings import REGIONS, WITNESS_REGION
from worldseat.stores.dsql.clusters import AwsClusters
from worldseat.stores.dynamodb.emulator import Emulator, find_program

FIRST, SECOND = REGIONS
ACCOUNT = "000000000777"
_MODELS = create_loader()
CHANGES = ("CreateCluster", "UpdateCluster", "DeleteCluster")


class Dsql(Emulator):
    """One ministack process that plays DSQL's control plane, and who is signed in."""

    def _environment(self) -> dict[str, str]:
        return {**super()._environment(), "SERVICES": "dsql,sts"}


class Away(Session):  # type: ignore[misc] # The driver has no types.
    """A session as anybody has it, but each Region is at an address of its own.

    `sent` are the calls that would change something, as botocore got them.
    """

    def __init__(self, urls: Mapping[str, str], sent: list[tuple[str, str, Any]]) -> None:
        super().__init__()
        self.register_component("data_loader", _MODELS)
        self._urls = urls
        self._sent = sent
        self.set_credentials(ACCOUNT, "played")
        self.register("provide-client-params", self._see)

    def create_client(self, service: str, *, region_name: str, config: Any) -> Any:
        url = self._urls[region_name]
        return super().create_client(
            service, region_name=region_name, config=config, endpoint_url=url
        )

    def _see(self, params: Any, model: Any, context: Any, **_: object) -> None:
        if model.name in CHANGES:
            self._sent.append((context["client_region"], model.name, dict(params)))


@pytest_asyncio.fixture(scope="module")
async def urls(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mapping[str, str]]:
    """Two processes, one per Region: neither knows the other's clusters."""
    emulators = [Dsql(find_program(), each, tmp_path_factory.mktemp(each)) for each in REGIONS]
    for each in emulators:
        await each.launch()
    yield {each.region: each.url for each in emulators}
    for each in emulators:
        each.kill()


def told(_: ClusterStep) -> None:
    return


async def test_it_accepts_create_peer_status_and_delete(urls: Mapping[str, str]) -> None:
    sent: list[tuple[str, str, Any]] = []
    clusters = AwsClusters("mine", ACCOUNT, session=lambda: Away(urls, sent), wait_s=0)
    made = await clusters.create(told)
    assert (made.problems, made.account) == ([], ACCOUNT)
    assert made.where.startswith("127.0.0.1 (not AWS), account 000000000777")
    assert [(each.region, each.status, each.witness) for each in made.clusters] == [
        (region, "ACTIVE", WITNESS_REGION) for region in REGIONS
    ]
    first, second = made.clusters
    assert (list(first.peers), list(second.peers)) == ([second.arn], [first.arn])
    assert first.protected
    assert second.protected
    done = len(sent)
    assert await clusters.create(told) == await clusters.status() == made
    assert len(sent) == done
    await clusters.delete(told)
    assert (await clusters.status()).clusters == []
    # What a dry run shows is what was sent, apart from what only AWS can know.
    shown = [*await clusters.rehearse("create"), *await clusters.rehearse("delete")]
    kept = [each for each in shown if each.operation in CHANGES]
    assert [(each.region, each.operation) for each in kept] == [each[:2] for each in sent]
    assert [sorted(each.params) for each in kept] == [
        sorted({*params, "clientToken"}) for *_, params in sent
    ]


@pytest.mark.slow
async def test_a_lost_answer_is_no_second_cluster_there_either(urls: Mapping[str, str]) -> None:
    """It honours client tokens too, so the first cluster is made once."""
    sent: list[tuple[str, str, Any]] = []

    class Cut(Away):
        def create_client(self, service: str, **words: Any) -> Any:
            client = super().create_client(service, **words)
            if service == "dsql":
                client.meta.events.register("after-call.dsql.CreateCluster", _lose_it)
            return client

    def lost() -> Session:
        return Cut(urls, sent)

    with pytest.raises(_Lost):
        await AwsClusters("lost", session=lost, wait_s=0).create(told)
    clusters = AwsClusters("lost", session=lambda: Away(urls, sent), wait_s=0)
    pair = await clusters.create(told)
    assert (pair.problems, len(pair.clusters)) == ([], 2)
    await clusters.delete(told)


class _Lost(BaseException):
    pass


def _lose_it(**_: object) -> None:
    raise _Lost


@pytest.mark.slow
async def test_a_half_made_pair_of_an_earlier_try_is_completed(urls: Mapping[str, str]) -> None:
    session = Away(urls, [])
    config = None
    client = session.create_client("dsql", region_name=FIRST, config=config)
    made = client.create_cluster(
        tags={"worldseat": "half"}, multiRegionProperties={"witnessRegion": WITNESS_REGION}
    )
    client.close()
    clusters = AwsClusters("half", session=lambda: Away(urls, []), wait_s=0)
    pair = await clusters.create(told)
    assert pair.clusters[0].identifier == made["identifier"]
    await clusters.delete(told)
    with pytest.raises(ClustersRefused, match="signed in to account 000000000777, not to"):
        await AwsClusters("half", "000000000001", session=lambda: Away(urls, [])).delete(told)


@pytest.mark.slow
def test_the_commands_make_it_show_it_and_remove_it(
    urls: Mapping[str, str], tmp_path: Path
) -> None:
    """As processes, led to one address for both Regions by a setting of AWS's own."""

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "worldseat", "cluster", *words],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=60,
            check=False,
            env={
                "PATH": os.environ["PATH"],
                "AWS_ENDPOINT_URL": urls[FIRST],
                "AWS_ACCESS_KEY_ID": "000000000778",
                "AWS_SECRET_ACCESS_KEY": "played",
                "AWS_CONFIG_FILE": "/nonexistent",
                "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
            },
        )

    path = tmp_path / "endpoints.json"
    assert run("status").returncode == 1
    made = run("create", "--account", "000000000778", "--endpoints", str(path))
    assert made.returncode == 0, made.stderr
    assert "127.0.0.1 (not AWS), account 000000000778" in made.stderr
    assert list(json.loads(path.read_text())) == list(REGIONS)
    seen = run("status", "--json")
    assert seen.returncode == 0
    assert json.loads(seen.stdout)["where"].startswith("127.0.0.1 (not AWS)")
    assert run("delete").returncode == 2
    gone = run("delete", "--yes")
    assert gone.returncode == 0, gone.stderr
    assert run("status").returncode == 1
