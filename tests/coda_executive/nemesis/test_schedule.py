"""Schedules are data: drawn from a seed, told in JSON, within what a network can bear."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from coda_executive.config.node_id import NodeId
from coda_executive.errors import ConfigError
from coda_executive.interfaces.capabilities import ABILITIES, DiskFault, Killable, LinkShape
from coda_executive.nemesis.faults import (
    GatedPartition,
    Kill,
    Partition,
    SkewClock,
    SlowCpu,
    SlowLinks,
    TroubleDisk,
)
from coda_executive.nemesis.schedule import (
    Drawing,
    PlannedFault,
    Schedule,
    decode_schedule,
    draw_schedule,
    encode_schedule,
)


def drawn(seed: int, **changes: Any) -> Schedule:
    drawing: dict[str, Any] = {
        "seconds": 3600.0,
        "slot_seconds": 20.0,
        "nodes": 5,
        "capabilities": ABILITIES,
        "longest_split": 120.0,
        "expendable": (NodeId("seed-1"), NodeId("block-producer-2")),
    }
    return draw_schedule(Random(f"{seed}:fault schedule"), Drawing(**{**drawing, **changes}))


def test_a_seed_repeats_its_schedule_and_another_does_not() -> None:
    assert drawn(1, most=50) == drawn(1, most=50)
    assert len({drawn(seed) for seed in range(20)}) == 20


def test_density_is_drawn_over_two_decades() -> None:
    """As many runs have one to five faults as have five to fifty; those below one round up to one."""
    counts = [len(drawn(seed, kinds=["Kill", "Stop", "Pause"]).faults) for seed in range(400)]

    assert min(counts) == 1
    assert 40 <= max(counts) <= 50
    assert 0.4 < sum(count <= 5 for count in counts) / 400 < 0.6


def test_every_fault_lies_within_the_schedule_s_time() -> None:
    for seed in range(50):
        schedule = drawn(seed)
        assert schedule.faults
        for planned in schedule.faults:
            assert 0 <= planned.start <= planned.start + planned.duration <= schedule.seconds + 0.01


def test_the_network_is_never_split_for_longer_than_it_can_bear() -> None:
    for seed in range(50):
        splits = [
            planned
            for planned in drawn(seed, most=200).faults
            if isinstance(planned.fault, Partition | SlowLinks | SkewClock | SlowCpu)
        ]
        began, until = 0.0, -100.0
        for planned in sorted(splits, key=lambda planned: planned.start):
            began = planned.start if planned.start > until + 30 else began
            until = max(until, planned.start + planned.duration)
            assert until - began <= 120.001


def test_only_what_the_nodes_are_capable_of_is_drawn() -> None:
    faults = {
        type(planned.fault).__name__
        for seed in range(30)
        for planned in drawn(seed, capabilities=[Killable]).faults
    }

    assert faults == {"Kill", "Stop"}


def test_all_kinds_are_drawn_where_nodes_can_all() -> None:
    faults = {type(planned.fault).__name__ for seed in range(60) for planned in drawn(seed).faults}

    assert faults == {
        *("Kill", "Stop", "Pause", "Partition", "SlowLinks", "ResetConnections", "SkewClock", "TroubleDisk"),
        "SlowCpu",
    }


def test_a_processor_is_slowed_such_that_a_block_costs_it_a_share_of_a_slot() -> None:
    """A block costs the reference daemon 0.26 ms, whatever the slots are."""
    for slot_seconds in (2.0, 180.0):
        shares = [
            planned.fault.factor * 0.000_26 / slot_seconds
            for seed in range(30)
            for planned in drawn(
                seed, slot_seconds=slot_seconds, longest_split=3600.0, kinds=["SlowCpu"]
            ).faults
            if isinstance(planned.fault, SlowCpu)
        ]
        assert min(shares) == pytest.approx(0.01, rel=0.2)
        assert max(shares) == pytest.approx(1, rel=0.2)


def test_kinds_that_there_are_not_are_told_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"none of Earthquake; there are Kill, Stop"):
        drawn(1, kinds=["Earthquake"])


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: SlowCpu(0), "expected how many times as long everything takes, above 0, found 0"),
        (lambda: SlowCpu(-3), "above 0, found -3"),
        (lambda: SkewClock(1, drift=-1), "a drift above -1, found -1"),
        (lambda: TroubleDisk(DiskFault(write_seconds=-2)), "at least 0 s longer, found -2"),
        (lambda: Partition("halvs"), "shape halves, isolated, deaf, mute, bridge, ring, found 'halvs'"),  # type: ignore[arg-type]
        (lambda: GatedPartition("mute"), "shape halves, isolated, bridge, ring, found 'mute'"),  # type: ignore[arg-type]
        (lambda: PlannedFault(-1, 2, Kill()), "at least 0 s, found -1 and 2"),
    ],
)
def test_a_fault_that_cannot_be_is_refused_where_it_is_written(make: Callable[[], Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        make()


def test_a_schedule_survives_json_and_its_repr_is_python() -> None:
    for schedule in (
        drawn(3, most=200),
        Schedule(60.0, (PlannedFault(1.5, 2.5, TroubleDisk(DiskFault(is_torn=True)), key=7),)),
    ):
        assert decode_schedule(encode_schedule(schedule)) == schedule
        names = {kind.__name__: kind for kind in (Schedule, PlannedFault, LinkShape, DiskFault)}
        kinds = {type(planned.fault).__name__: type(planned.fault) for planned in schedule.faults}
        assert eval(repr(schedule), {**names, **kinds}) == schedule


def wiped(schedule: Schedule) -> set[str]:
    kills = (planned.fault for planned in schedule.faults if isinstance(planned.fault, Kill))
    return {kill.target for kill in kills if kill.fresh_state}


def test_only_expendable_nodes_are_wiped_however_dense_the_faults() -> None:
    """A network that has lost all its state begins anew, and that is no defect."""
    assert set().union(*(wiped(drawn(seed, most=200)) for seed in range(60))) == {
        "seed-1",
        "block-producer-2",
    }
    assert not any(wiped(drawn(seed, most=200, expendable=())) for seed in range(60))
