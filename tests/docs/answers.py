"""What AWS would say to what the pages ask it: made up, and of the right form."""

from collections.abc import Mapping

from tests.docs.page import FAILS, ROOT

DOCS = ROOT / "docs"
PAGES = ("aws", "operations")
HOSTS = {
    region: f"abcdefghijklmnopqrstuvwxyz.dsql.{region}.on.aws"
    for region in ("us-east-1", "us-east-2")
}

TOKEN = "AToken0123456789"  # noqa: S105 - made up
REHEARSAL = "evt_rehearsalabcdef"


def answers() -> Mapping[str, str]:
    """What AWS would say to what the pages ask it, most particular first."""
    said: dict[str, str] = {}
    arn = "arn:aws:{service}:{region}:123456789012:{rest}"
    for region, host in HOSTS.items():
        door = f"worldseat-1.{region}.elb.amazonaws.com"
        registry = f"123456789012.dkr.ecr.{region}.amazonaws.com/worldseat"
        outputs = {
            "Arn": arn.format(
                service="dsql", region=region, rest="cluster/abcdefghijklmnopqrstuvwxyz"
            ),
            "Identifier": "abcdefghijklmnopqrstuvwxyz",
            "VpcId": "vpc-0123456789abcdef0",
            "SubnetIds": "subnet-0a,subnet-0b,subnet-0c",
            "RepositoryUri": registry,
            "DoorName": door,
            "DoorArn": arn.format(
                service="elasticloadbalancing",
                region=region,
                rest="loadbalancer/app/worldseat/0123456789abcdef",
            ),
            "DoorZoneId": "Z35SXDOTRQ7X7K",
            "DoorFullName": "app/worldseat/0123456789abcdef",
            "TasksFullName": "targetgroup/worldseat/0123456789abcdef",
            "TopicArn": arn.format(service="sns", region=region, rest="worldseat-alarms"),
            "SigningKeyArn": arn.format(
                service="secretsmanager", region=region, rest="secret:worldseat/signing-key-AbCdEf"
            ),
            "OperatorTokenArn": arn.format(
                service="secretsmanager",
                region=region,
                rest="secret:worldseat/operator-token-AbCdEf",
            ),
            "AppRoleArn": "arn:aws:iam::123456789012:role/worldseat-app",
            "StartRoleArn": "arn:aws:iam::123456789012:role/worldseat-start",
            "HealthIdUsEast1": "01234567-89ab-cdef-0123-456789abcde1",
            "HealthIdUsEast2": "01234567-89ab-cdef-0123-456789abcde2",
        }
        for key, value in outputs.items():
            said[f"aws cloudformation describe-stacks*{region}*'{key}'*"] = value
        said[f"aws dsql get-cluster*{region}*--query endpoint*"] = host
        said[f"aws dsql get-cluster*{region}*--query arn*"] = outputs["Arn"]
    said["aws dsql list-clusters*"] = "abcdefghijklmnopqrstuvwxyz"
    # us-east-1 is lost, and the token is read in us-east-2.
    said["aws secretsmanager get-secret-value*us-east-1*"] = FAILS
    said["aws secretsmanager get-secret-value*us-east-2*"] = TOKEN
    said["aws secretsmanager describe-secret*"] = "0"
    said["aws ecr describe-images*us-east-1*"] = FAILS
    said["worldseat event create*Rehearsal*"] = f"{REHEARSAL}: Rehearsal, 96 seats"
    said["git rev-parse*"] = "0123456789ab"
    return said
