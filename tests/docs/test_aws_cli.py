"""The check of `aws` calls notices what AWS's command line would refuse."""

import shlex

import pytest
from tests.docs import aws_cli

DEPLOY = (
    "cloudformation deploy --region us-east-1 --stack-name worldseat-{0} "
    "--template-file deploy/{0}.yaml"
)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("dsqll list-clusters", "no service dsqll"),
        ("dsql list-cluster", "no operation list-cluster"),
        ("dsql get-cluster", "needs --identifier"),
        ("dsql get-cluster --identifier", "--identifier lacks its value"),
        ("dsql get-cluster --identifier ''", "--identifier of dsql get-cluster is empty"),
        ("dsql get-cluster --identifier a b", "'b' belongs to no option"),
        ("dsql get-cluster a", "'a' belongs to no option"),
        ("dsql get-cluster --identifier a --id b", "no option --id"),
        ("dsql get-cluster --identifier a --max-items 3", "no option --max-items"),
        ("dsql get-cluster --identifier a --query endpoints", "no endpoints"),
        ("dsql list-clusters --query 'clusters[0].arn | x'", ""),
        ("dsql list-clusters --query 'cluster[0].arn'", "no cluster"),
        ("dsql wait cluster-activated --identifier a", "no waiter cluster-activated"),
        ("cloudwatch describe-alarms --state-value ALARMED", "cannot be ALARMED"),
        ("route53 update-health-check --health-check-id a --no-inverted", ""),
        ("route53 update-health-check --health-check-id a --no-inverting", "no option --no-inv"),
        ("configure set region", "name and value"),
        (DEPLOY.format("secrets"), ""),
        (DEPLOY.format("nothing"), "no template deploy/nothing.yaml"),
        (DEPLOY.format("roles"), "wrong --capabilities"),
        (DEPLOY.format("secrets") + " --capabilities CAPABILITY_NAMED_IAM", "wrong --capab"),
        (DEPLOY.format("cluster") + " --parameter-overrides PairArn=x", "no parameter PairArn"),
        (DEPLOY.format("cluster") + " --parameter-overrides PairArns=x", "PairArns cannot be 'x'"),
        (DEPLOY.format("alarms"), "alarms needs ClusterId"),
    ],
)
def test_a_call_that_aws_would_refuse_is_noticed(words: str, problem: str) -> None:
    found = aws_cli.problems(shlex.split(words), first=True)
    assert bool(found) is bool(problem)
    assert problem in " ".join(found)
