import pytest

from coda_executive.config.node_id import NodeId
from coda_executive.events.event import (
    BestTipFormed,
    BlockProduced,
    BlockReceived,
    CompanionCrashed,
    CompanionStarted,
    CompanionStopped,
    ErrorLogged,
    Event,
    FrontierChanged,
    FrontierLoading,
    NodeCrashed,
    NodeInitialized,
    NodeKilled,
    NodePaused,
    NodeResumed,
    NodeStarted,
    NodeStopped,
    SyncStatusChanged,
    UnreadableLine,
)
from coda_executive.observation.network_state import Condition, NetworkState, apply
from coda_protocol.hashes import StateHash
from coda_protocol.slots import BlockchainLength, Epoch, GlobalSlot

A, B = NodeId("node-1"), NodeId("node-2")
STARTED = NodeStarted(fresh_state=False)
STOPPED = NodeStopped(exit_code=0, forced=False)
CRASHED = NodeCrashed(exit_code=None, signal="SIGKILL", last_lines=("first", "second"))


def produced(name: str, height: int = 2) -> BlockProduced:
    return BlockProduced(
        state_hash=StateHash(name),
        parent=StateHash("3Nparent"),
        height=BlockchainLength(height),
        global_slot=GlobalSlot(height),
        epoch=Epoch(0),
        creator="B62",
        emitted_proof=False,
    )


def tip_changed(name: str) -> FrontierChanged:
    return FrontierChanged(None, StateHash(name), None, (), emitted_proof=False)


def tip_formed(name: str, height: int) -> BestTipFormed:
    return BestTipFormed(
        (StateHash(name),), (), BlockchainLength(height), GlobalSlot(height), reorganized=False
    )


def after(*observed: tuple[NodeId, Event]) -> NetworkState:
    state = NetworkState()
    for time_ns, (node, event) in enumerate(observed):
        state = apply(state, node, event, time_ns=time_ns)
    return state


def test_a_node_of_which_nothing_was_seen_is_not_started() -> None:
    node = NetworkState().node(A)

    assert (node.condition, node.started, node.running) == (Condition.NOT_STARTED, False, False)
    assert node.summary == "not started"


def test_a_started_node_runs_and_is_initialized_when_its_log_says_so() -> None:
    state = after((A, STARTED))
    assert state.node(A).running
    assert not state.node(A).initialized

    state = apply(state, A, NodeInitialized(), time_ns=7)
    assert state.node(A).initialized
    assert state.node(A).last_event_ns == 7


@pytest.mark.parametrize("end", [STOPPED, NodeKilled(), CRASHED])
def test_a_node_whose_process_ended_is_no_longer_initialized(end: Event) -> None:
    node = after((A, STARTED), (A, NodeInitialized()), (A, SyncStatusChanged("SYNCED")), (A, end)).node(A)

    assert (node.running, node.initialized, node.sync_status) == (False, False, None)
    assert node.started


def test_a_last_line_that_is_read_after_the_end_does_not_bring_a_node_back() -> None:
    node = after((A, STARTED), (A, STOPPED), (A, NodeInitialized()), (A, SyncStatusChanged("SYNCED"))).node(A)

    assert (node.initialized, node.sync_status) == (False, None)


def test_a_node_that_bootstraps_again_takes_no_part_until_it_is_initialized_again() -> None:
    state = after((A, STARTED), (A, NodeInitialized()), (A, FrontierLoading("Starting_bootstrap_controller")))
    assert not state.node(A).initialized

    state = apply(state, A, FrontierLoading("Bootstrap_complete"), time_ns=9)
    assert not state.node(A).initialized
    assert apply(state, A, NodeInitialized(), time_ns=10).node(A).initialized


def test_a_crash_is_told_with_signal_and_last_lines() -> None:
    node = after((A, STARTED), (A, CRASHED)).node(A)

    assert node.crash == CRASHED
    assert node.why_not_running == "crashed (SIGKILL); the end of its log:\n  first\n  second"
    assert node.summary == "crashed, SIGKILL"


def test_a_companion_that_crashed_is_missed_until_it_is_started_again() -> None:
    """Its node runs on without it."""
    lost = CompanionCrashed("node-1-worker-1", 1, None, ("no work",))
    seen = ((A, STARTED), (A, CompanionStarted("node-1-worker-1")), (A, lost))

    node = after(*seen).node(A)
    assert node.running
    assert node.lost_companions == {"node-1-worker-1": lost}
    assert node.summary == "running, not initialised, node-1-worker-1 crashed"
    assert after(*seen, (A, CompanionStarted("node-1-worker-1"))).node(A).lost_companions == {}
    stopped = CompanionStopped("node-1-worker-1", 0, forced=False)
    assert after(*seen[:2], (A, stopped)).node(A).lost_companions == {}


def test_a_restart_forgets_the_crash_and_the_old_tip() -> None:
    node = after((A, STARTED), (A, tip_formed("3Na", 4)), (A, CRASHED), (A, STARTED)).node(A)

    assert (node.crash, node.best_tip, node.height) == (None, None, None)
    assert node.summary == "running, not initialised"


def test_a_paused_node_exists_but_takes_no_part() -> None:
    state = after((A, STARTED), (A, NodeInitialized()), (A, NodePaused()))
    assert (state.node(A).running, state.node(A).takes_part, state.node(A).initialized) == (True, False, True)

    assert apply(state, A, NodeResumed(), time_ns=9).node(A).takes_part


def test_the_best_tip_comes_from_either_event() -> None:
    assert after((A, tip_formed("3Na", 4))).node(A).height == 4
    state = after((B, produced("3Nb", 5)), (A, tip_changed("3Nb")))
    assert (state.node(A).best_tip, state.node(A).height) == ("3Nb", 5)


def test_a_tip_whose_producer_is_read_later_gets_its_height_then() -> None:
    state = after((A, tip_changed("3Nb")))
    assert (state.node(A).best_tip, state.node(A).height) == ("3Nb", None)

    assert apply(state, B, produced("3Nb", 5), time_ns=9).node(A).height == 5


def test_a_repeated_tip_without_height_keeps_the_known_one() -> None:
    assert after((A, tip_formed("3Na", 4)), (A, tip_changed("3Na"))).node(A).height == 4


def test_a_node_keeps_its_last_tip_when_it_ends() -> None:
    assert after((A, STARTED), (A, tip_formed("3Na", 4)), (A, STOPPED)).node(A).best_tip == "3Na"


def test_totals_are_derived_from_the_nodes() -> None:
    state = after(
        (A, produced("3Na", 2)), (B, produced("3Nb", 3)), (A, tip_formed("3Na", 2)), (B, tip_formed("3Nb", 3))
    )

    assert (state.blocks_produced, state.best_height, state.names) == (2, 3, (A, B))
    assert [(block.producer, block.time_ns) for block in state.blocks] == [(A, 0), (B, 1)]
    assert NetworkState().best_height == 0


def test_equal_error_lines_are_kept_once_with_their_count() -> None:
    error = ErrorLogged("Error", "disk on fire", None)
    state = apply(after((A, error), (A, error)), A, error, time_ns=2, times=100_000)

    assert dict(state.node(A).errors) == {error: 100_002}


def test_different_error_lines_beyond_200_are_only_counted() -> None:
    state = after(*((A, ErrorLogged("Warn", f"number {n}", None)) for n in range(300)))

    assert len(state.node(A).errors) == 200
    assert state.node(A).errors_not_kept == 100


def test_unreadable_lines_are_counted() -> None:
    assert after((A, UnreadableLine("x", "y")), (A, UnreadableLine("z", "y"))).node(A).unreadable_lines == 2


def test_applying_leaves_the_state_before_as_it_was() -> None:
    before = after((A, STARTED), (A, produced("3Na")))
    same = after((A, STARTED), (A, produced("3Na")))
    apply(before, A, produced("3Nb"), time_ns=9)
    apply(before, B, BlockReceived(StateHash("3Nb"), "Local"), time_ns=9)

    assert before == same
