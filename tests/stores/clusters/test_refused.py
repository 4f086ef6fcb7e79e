"""Why the command about clusters does not go on: each is told, and what is half made is named."""

import pytest
from botocore.exceptions import ClientError
from botocore.session import Session, get_session
from tests.stores.clusters.played import (
    ACCOUNT,
    CHANGES,
    FIRST,
    NAME,
    SECOND,
    Killed,
    Played,
    Told,
    some_slow,
)

from worldseat.ports.clusters import ClustersRefused, ClusterStep
from worldseat.stores.dsql.clusters.refusals import told as told_of

REFUSALS: list[tuple[str, int, dict[str, str], str, str]] = [
    ("ThrottlingException", 429, {}, "AWS throttles", "goes on where it stopped"),
    ("AccessDeniedException", 403, {}, "AWS denies this identity", "dsql:PutWitnessRegion"),
    (
        "ServiceQuotaExceededException",
        402,
        {"quotaCode": "L-1", "serviceCode": "dsql", "resourceId": "", "resourceType": "cluster"},
        "A quota of this account stops",
        "request-service-quota-increase --region us-east-2 --service-code dsql --quota-code L-1",
    ),
    ("ConflictException", 409, {}, "AWS is at work on another change", "goes on"),
    ("UnrecognizedClientException", 403, {}, "does not accept these credentials", "AWS_PROFILE"),
    ("ExpiredTokenException", 403, {}, "These credentials have expired", "Sign in again"),
    ("ValidationException", 400, {"reason": "other"}, "AWS does not take", "Mend what AWS names"),
    ("InternalServerException", 500, {}, "AWS failed at .* may have done it", "goes on"),
    ("SomethingNew", 400, {}, "AWS refused CreateCluster in us-east-2: planted", "Mend"),
]


@pytest.mark.parametrize(("code", "status", "more", "message", "next_step"), some_slow(REFUSALS, 3))
async def test_a_refusal_says_why_names_what_is_half_made_and_both_ways_on(
    aws: Played,
    told: Told,
    no_pause: None,
    code: str,
    status: int,
    more: dict[str, str],
    message: str,
    next_step: str,
) -> None:
    """AWS makes the first cluster and refuses the second."""
    aws.refuse("CreateCluster", code, status=status, region=SECOND, times=5, **more)
    clusters = aws.clusters(account=ACCOUNT)
    with pytest.raises(ClustersRefused, match=message) as refused:
        await clusters.create(told)
    said = refused.value
    assert f"in {SECOND}" in str(said) or code == "ExpiredTokenException"
    assert next_step in said.next_step
    assert code in said.detail
    (made,) = aws.paper.clusters.values()
    assert f"There now:\n  {FIRST} {made.identifier} PENDING_SETUP\n" in said.next_step
    words = f"--name {NAME} --account {ACCOUNT}"
    assert f"worldseat cluster create {words}" in said.next_step
    assert f"worldseat cluster delete {words}" in said.next_step
    assert clusters.left() in said.next_step
    assert ("perhaps a new one" in said.next_step) == (status == 500)
    aws.faults.clear()
    await aws.clusters().create(told)
    assert aws.is_one_ready_pair()


def _errors_of_the_model() -> list[tuple[str, str, int]]:
    model = get_session().get_service_model("dsql")
    return [
        (operation, shape.error_code, shape.metadata["error"]["httpStatusCode"])
        for operation in ("ListClusters", "GetCluster", *CHANGES)
        for shape in model.operation_model(operation).error_shapes
    ]


def test_every_error_that_the_service_s_model_names_is_told_in_words_of_its_own() -> None:
    errors = _errors_of_the_model()
    assert len(errors) > 20
    for operation, code, status in errors:
        answer = {
            "Error": {"Code": code, "Message": "planted"},
            "ResponseMetadata": {"HTTPStatusCode": status},
        }
        with pytest.raises(ClustersRefused) as refused, told_of(operation, FIRST):
            raise ClientError(answer, operation)
        assert not str(refused.value).startswith("AWS refused"), (operation, code)
        assert refused.value.next_step


OPERATIONS = [
    ("UpdateCluster", "dsql:AddPeerCluster"),
    ("GetCallerIdentity", "sts:GetCallerIdentity"),
    ("ListClusters", "dsql:ListClusters"),
    ("CreateCluster", "iam:CreateServiceLinkedRole"),
    ("GetCluster", "dsql:GetCluster"),
    ("DeleteCluster", "dsql:DeleteCluster"),
]


@pytest.mark.parametrize(("operation", "needs"), some_slow(OPERATIONS, 1))
async def test_who_is_denied_an_operation_is_told_what_it_needs(
    aws: Played, told: Told, operation: str, needs: str
) -> None:
    change = "create"
    if operation == "DeleteCluster":
        change = "delete"
        aws.pair()
    aws.refuse(operation, "AccessDeniedException", status=403)
    with pytest.raises(ClustersRefused, match=f"denies this identity {operation}") as refused:
        await getattr(aws.clusters(), change)(told)
    assert needs in refused.value.next_step


async def test_a_look_that_fails_for_now_does_not_end_a_wait_of_minutes(
    aws: Played, told: Told, no_pause: None
) -> None:
    aws.paper._looks = 3
    aws.refuse("GetCluster", "ThrottlingException", status=429, times=7)
    aws.lose("GetCluster", times=7, late=False)
    aws.refuse("GetCluster", "InternalServerException", status=500, times=7)
    await aws.clusters().create(told)
    assert aws.is_one_ready_pair()
    assert sum(each.endswith("It is asked again.") for each in told) >= 3


async def test_looks_that_go_on_failing_end_with_the_patience(
    aws: Played, told: Told, no_pause: None
) -> None:
    aws.refuse("GetCluster", "ThrottlingException", status=429, times=1_000)
    with pytest.raises(ClustersRefused, match="AWS throttles GetCluster") as refused:
        await aws.clusters(deadline_s=0).create(told)
    (made,) = aws.paper.clusters
    assert f"{FIRST} {made} PENDING_SETUP" in refused.value.next_step


async def test_a_cluster_that_fails_before_it_is_listed_is_named(aws: Played) -> None:
    def fails(step: ClusterStep) -> None:
        if step.region == SECOND and step.text.endswith("is CREATING"):
            aws.paper.unlisted = set(aws.paper.clusters)
            for each in aws.paper.clusters.values():
                each.status = "FAILED"

    aws.paper._looks = 3
    with pytest.raises(ClustersRefused, match="it is FAILED") as refused:
        await aws.clusters().create(fails)
    assert all(each in refused.value.next_step for each in aws.paper.clusters)


@pytest.mark.slow
async def test_throttling_that_ends_is_not_told(aws: Played, told: Told, no_pause: None) -> None:
    for operation in ("ListClusters", "CreateCluster", "GetCluster", "UpdateCluster"):
        aws.refuse(operation, "ThrottlingException", status=429, times=2)
    await aws.clusters().create(told)
    assert aws.is_one_ready_pair()


async def test_no_other_account_is_touched(aws: Played, told: Told) -> None:
    clusters = aws.clusters(account="999999999999")
    said = f"You are signed in to account {ACCOUNT}, not to 999999999999"
    for change in (clusters.create, clusters.delete):
        with pytest.raises(ClustersRefused, match=said):
            await change(told)
    with pytest.raises(ClustersRefused, match=said):
        await clusters.status()
    assert aws.sent == [f"GetCallerIdentity {FIRST}"] * 3


async def test_clusters_of_another_account_are_refused(aws: Played, told: Told) -> None:
    """As when only one of two services is led elsewhere by a setting."""
    first = aws.add(FIRST)
    first.arn = first.arn.replace(ACCOUNT, "999999999999")
    for change in (aws.clusters().create, aws.clusters().delete):
        with pytest.raises(ClustersRefused, match=f"account 999999999999.* {ACCOUNT}"):
            await change(told)
    assert aws.changes() == []


async def test_a_wait_has_an_end_and_names_what_is_half_made(aws: Played, told: Told) -> None:
    aws.paper._looks = 1_000_000
    with pytest.raises(ClustersRefused, match="still at work: waited until both are ACTIVE") as end:
        await aws.clusters(deadline_s=0).create(told)
    for each in aws.paper.clusters.values():
        assert f"{each.region} {each.identifier} CREATING" in end.value.next_step
    assert "Run the same command to go on waiting." in end.value.next_step


async def test_a_setup_that_does_not_begin_says_what_is_known(aws: Played, told: Told) -> None:
    first, second = aws.pair(status="PENDING_SETUP")
    said = f"{first.identifier} in {FIRST} is still PENDING_SETUP, though it names its peer"
    with pytest.raises(ClustersRefused, match=said):
        await aws.clusters(deadline_s=0).create(told)
    assert second.status == "PENDING_SETUP"


async def test_whoever_breaks_it_off_can_be_told_what_is_left(aws: Played, told: Told) -> None:
    clusters = aws.clusters()
    assert clusters.left() == ""
    aws.kill_at(7)
    with pytest.raises(Killed):
        await clusters.create(told)
    assert f"perhaps a new one in {SECOND}" in clusters.left()
    (made,) = aws.paper.clusters.values()
    assert f"{FIRST} {made.identifier} PENDING_SETUP" in clusters.left()
    await clusters.create(told)
    assert "perhaps" not in clusters.left()


async def test_a_host_that_is_not_aws_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """What answers there is not printed as AWS's answer."""
    aws = Played()
    made = aws.session

    def led_elsewhere() -> Session:
        session = made()
        session.set_config_variable("ignore_configured_endpoint_urls", value=False)
        return session

    monkeypatch.setattr(aws, "session", led_elsewhere)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://sts.us-east-1.played.test")
    pair = await aws.clusters().status()
    assert pair.where.startswith("sts.us-east-1.played.test (not AWS), account")
