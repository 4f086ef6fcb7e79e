"""The plan, walked from every state that two clusters of a name can be found in.

Whatever is found, a command either comes to its end or stops and says why: it never goes round in
circles, and never waits for what cannot come.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import pytest
from tests.stores.clusters.played import ACCOUNT, FIRST, NAME, SECOND, cluster

from worldseat.ports.clusters import Cluster
from worldseat.settings import REGIONS
from worldseat.stores.dsql.clusters.plan import (
    STUCK_LOOKS,
    Done,
    Make,
    Peer,
    Protect,
    Remove,
    Step,
    Wait,
    to_create,
    to_delete,
)
from worldseat.stores.dsql.clusters.sight import GOING, KNOWN, UNDER_WAY, Sight
from worldseat.stores.dsql.clusters.troubles import Stop, problems

STRANGER = f"arn:aws:dsql:{SECOND}:{ACCOUNT}:cluster/stranger"
GONE = f"arn:aws:dsql:{FIRST}:{ACCOUNT}:cluster/gone"
ELSEWHERE = f"arn:aws:dsql:eu-west-1:{ACCOUNT}:cluster/elsewhere"
STATUSES = [*sorted(KNOWN), "FROZEN"]
STEPS_MAX = 20

ONE, TWO = cluster(FIRST), cluster(SECOND)


def arn_of(name: str | None, other: Cluster) -> tuple[str, ...]:
    named = {"other": other.arn, "stranger": STRANGER, "gone": GONE, "elsewhere": ELSEWHERE}
    return () if name is None else (named[name],)


def found(here: Cluster, other: Cluster) -> Iterator[Cluster | None]:
    """Every state of one cluster, and none at all."""
    yield None
    for status, peer in itertools.product(
        STATUSES, (None, "other", "stranger", "gone", "elsewhere")
    ):
        yield replace(here, status=status, peers=arn_of(peer, other))


def sights() -> Iterator[Sight]:
    """Every state of two, and what is odd about one of them."""
    for one, two in itertools.product(found(ONE, TWO), found(TWO, ONE)):
        yield sight(one, two)
    for status, there in itertools.product(STATUSES, (None, TWO, replace(TWO, peers=(ONE.arn,)))):
        for odd in ({"witness": None}, {"witness": "eu-west-1"}, {"protected": False}):
            one = replace(ONE, status=status, peers=(TWO.arn,) if there else (), **odd)
            yield sight(one, there)
        yield sight(replace(ONE, status=status), there, cluster(FIRST, 2))
        yield sight(replace(ONE, status=status, account="999999999999"), there)


def sight(*ours: Cluster | None) -> Sight:
    return Sight(
        name=NAME,
        account=ACCOUNT,
        ours=[each for each in ours if each is not None],
        others=frozenset({STRANGER}),
    )


def after(step: Step, seen: Sight) -> Sight:
    """What is seen once AWS has taken a step; after a wait, what it has done by itself."""
    ours = {each.identifier: each for each in seen.ours}
    told = seen.told
    match step:
        case Make():
            made = cluster(step.region, 9, status="PENDING_SETUP")
            ours[made.identifier] = replace(made, peers=(step.peer,) if step.peer else ())
        case Peer():
            told |= {step.identifier}
            ours[step.identifier] = replace(ours[step.identifier], peers=(step.peer,))
            ours |= set_up(ours[step.identifier], ours.values())
        case Protect():
            ours[step.identifier] = replace(ours[step.identifier], protected=step.on)
        case Remove():
            ours[step.identifier] = replace(ours[step.identifier], status="PENDING_DELETE")
        case Wait():
            ours = {each.identifier: each for each in by_itself(seen)}
    now = list(ours.values())
    unchanged = STUCK_LOOKS if now == list(seen.ours) else 0
    return replace(seen, ours=now, told=told, looks_unchanged=unchanged)


def set_up(one: Cluster, ours: Iterable[Cluster]) -> dict[str, Cluster]:
    """Both begin to be made once both name each other."""
    return {
        each.identifier: replace(each, status="CREATING")
        for other in ours
        if other.arn in one.peers and one.arn in other.peers
        for each in (one, other)
        if each.status == "PENDING_SETUP"
    }


def by_itself(seen: Sight) -> Iterator[Cluster]:
    going = {each.arn for each in seen.ours if each.status in GOING}
    for each in seen.ours:
        kept = any(seen.stands(arn) and arn not in going for arn in each.peers)
        if each.status in UNDER_WAY:
            yield replace(each, status="ACTIVE")
        elif each.status not in GOING or (each.status == "PENDING_DELETE" and kept):
            yield each


def walked(planned: Callable[[Sight], Step], seen: Sight) -> tuple[Step, Sight, list[Step]]:
    """Follow the plan to its end. A step that is planned twice in a row is one that failed."""
    steps: list[Step] = []
    for _ in range(STEPS_MAX):
        step = planned(seen)
        if isinstance(step, Done | Stop):
            return step, seen, steps
        assert not steps or step != steps[-1] or isinstance(step, Wait), (step, seen)
        steps.append(step)
        seen = after(step, seen)
    pytest.fail(f"no end: {steps[-3:]}, {seen}")


def test_from_every_state_there_is_one_ready_pair_in_the_end_or_a_reason() -> None:
    ends = {"done": 0, "stopped": 0}
    for first in sights():
        end, last, steps = walked(to_create, first)
        if isinstance(end, Stop):
            ends["stopped"] += 1
            assert end.reason.endswith(".")
            assert end.next_step
            # It stops before anything is changed, or not at all.
            assert all(isinstance(each, Wait) for each in steps), (first, steps)
            continue
        ends["done"] += 1
        assert problems(last) == []
        assert sorted(each.region for each in last.live) == list(REGIONS)
        assert all(each.protected for each in last.live)
        assert sum(isinstance(each, Make) for each in steps) <= len(REGIONS)
        # What was there and can be used stays.
        kept = {each.identifier for each in first.live}
        assert kept <= {each.identifier for each in last.live}
    assert min(ends.values()) > 100


def test_from_every_state_nothing_is_left_in_the_end_or_there_is_a_reason() -> None:
    ends = {"done": 0, "stopped": 0}
    for first in sights():
        end, last, steps = walked(to_delete, first)
        if isinstance(end, Stop):
            ends["stopped"] += 1
            assert not any(isinstance(each, Remove) for each in steps), (first, steps)
            continue
        ends["done"] += 1
        assert last.ours == []
        changes = [type(each) for each in steps if not isinstance(each, Wait)]
        assert changes.count(Remove) == len(first.live)
        # Nothing is deleted before all may be.
        assert changes == sorted(changes, key=[Protect, Remove].index)
    assert min(ends.values()) > 100


def test_the_steps_from_nothing() -> None:
    end, last, steps = walked(to_create, sight())
    first, second = last.live
    assert steps == [
        Make(region=FIRST, peer=None),
        Make(region=SECOND, peer=first.arn),
        Peer(region=FIRST, identifier=first.identifier, peer=second.arn),
        Wait(until="both are ACTIVE"),
    ]
    assert end == Done()


def test_a_cluster_that_is_being_made_is_not_disturbed() -> None:
    for status in UNDER_WAY:
        seen = sight(replace(ONE, status=status))
        assert to_create(seen) == Wait(until=f"the cluster in {FIRST} can be peered")
        assert to_delete(seen) == Wait(until="AWS lets go of the cluster that it is at work on")


def test_a_cluster_that_waits_for_its_peer_is_told_again_only_once_and_late() -> None:
    one = replace(ONE, status="PENDING_SETUP", peers=(TWO.arn,))
    two = replace(TWO, status="PENDING_SETUP", peers=(ONE.arn,))
    seen = sight(one, two)
    assert to_create(seen) == Wait(until="both are ACTIVE")
    late = replace(seen, looks_unchanged=STUCK_LOOKS)
    assert to_create(late) == Peer(region=FIRST, identifier=one.identifier, peer=two.arn)
    late = replace(late, told=frozenset({one.identifier}))
    assert to_create(late) == Peer(region=SECOND, identifier=two.identifier, peer=one.arn)
    late = replace(late, told=frozenset({one.identifier, two.identifier}))
    assert to_create(late) == Wait(until="both are ACTIVE")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"status": "CREATING"}, "is CREATING"),
        ({"witness": None}, "has no witness, not us-west-2"),
        ({"witness": "us-west-1"}, "has its witness in us-west-1, not us-west-2"),
        ({"peers": ()}, "does not name the other Region's cluster as its peer"),
        ({"peers": (TWO.arn, GONE)}, f"is peered with {GONE}"),
    ],
)
def test_what_keeps_a_pair_from_being_used_is_said(words: dict[str, object], said: str) -> None:
    two = replace(TWO, peers=(ONE.arn,))
    assert problems(sight(replace(ONE, peers=(TWO.arn,)), two)) == []
    assert problems(sight(replace(ONE, **{"peers": (TWO.arn,), **words}), two)) == [  # type: ignore[arg-type]
        f"cluster {ONE.identifier} in {FIRST} {said}"
    ]
