"""The account made of paper plays two clusters that are made the way CloudFormation makes them."""

from typing import Any

from worldseat.settings import REGIONS, WITNESS_REGION
from worldseat.stores.dsql.clusters.paper import PaperAccount


def status(clients: dict[str, Any], names: dict[str, str]) -> list[str]:
    """Look once at each cluster."""
    return [clients[each].get_cluster(identifier=names[each])["status"] for each in REGIONS]


def test_a_cluster_that_names_itself_too_waits_for_the_other_one() -> None:
    account = PaperAccount()
    session = account.session()
    clients = {each: session.create_client("dsql", region_name=each) for each in REGIONS}
    made = {
        each: client.create_cluster(
            deletionProtectionEnabled=False,
            multiRegionProperties={"witnessRegion": WITNESS_REGION},
        )
        for each, client in clients.items()
    }
    names = {each: made[each]["identifier"] for each in REGIONS}
    # As deploy/cluster.yaml says it in its second pass: both names in both clusters.
    pair = {"witnessRegion": WITNESS_REGION, "clusters": [made[each]["arn"] for each in REGIONS]}
    first, second = REGIONS

    clients[first].update_cluster(identifier=names[first], multiRegionProperties=pair)
    assert status(clients, names) == ["PENDING_SETUP", "PENDING_SETUP"]
    clients[second].update_cluster(identifier=names[second], multiRegionProperties=pair)
    assert status(clients, names) == ["CREATING", "CREATING"]
    assert status(clients, names) == ["ACTIVE", "ACTIVE"]

    clients[first].delete_cluster(identifier=names[first])
    assert status(clients, names) == ["PENDING_DELETE", "ACTIVE"]
    clients[second].delete_cluster(identifier=names[second])
    assert status(clients, names) == ["DELETING", "DELETING"]
    assert not account.clusters
