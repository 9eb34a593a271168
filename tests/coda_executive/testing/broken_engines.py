"""Engines that break one promise each, made from the fake one: a table of clause, engine, and what the kit must say."""

import asyncio
import shutil
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Annotated, Any

import msgspec
from msgspec.structs import replace as changed

from coda_executive.config.node_id import NodeId
from coda_executive.config.plan import Role
from coda_executive.errors import RequestFailed
from coda_executive.events.event import (
    ErrorLogged,
    NodeCrashed,
    NodeKilled,
    NodeStarted,
    NodeStopped,
)
from coda_executive.interfaces.capabilities import LinkShape
from coda_executive.interfaces.engine import Finding, Session
from coda_executive.interfaces.log_engine import Coverage
from coda_executive.interfaces.network_manager import DaemonBuild, Launch
from coda_executive.testing import FakeEngine, FakeNode, FakeProcess, idle
from coda_executive.testing.fake_engine import FakeNetworkManager

Mutant = tuple[str, FakeEngine, str]


def broken(
    *,
    engine: dict[str, Any] | None = None,
    manager: dict[str, Any] | None = None,
    node: dict[str, Any] | None = None,
    deliver: Callable[..., Any] | None = None,
    conduct: Any = idle,
) -> FakeEngine:
    """A fake engine with these attributes in place of its own, its manager's and its nodes'.

    `deliver` makes of the true `deliver` another one.
    """
    node_type = type("BrokenNode", (FakeNode,), node or {})
    manager_type = type("BrokenManager", (FakeNetworkManager,), {"node_type": node_type, **(manager or {})})
    attributes: dict[str, Any] = {"make_manager": manager_type, **(engine or {})}
    if deliver is not None:
        attributes["open"] = lambda self, *given: _with_log(FakeEngine.open(self, *given), deliver)
    made: FakeEngine = type("BrokenEngine", (FakeEngine,), attributes)(conduct)
    return made


def _with_log(session: Session, deliver: Callable[..., Any]) -> Session:
    return Session(session.manager, BrokenLog(session.log_engine, deliver))


class BrokenLog:
    coverage = Coverage.ALL

    def __init__(self, inner: Any, make_deliver: Callable[..., Any]) -> None:
        self._inner, self._make_deliver = inner, make_deliver

    def attach(self, testnet: Any, queries: Any, deliver: Any) -> Any:
        take = self._make_deliver(lambda record: deliver((record,)))

        def deliver_broken(records: Any) -> None:
            for record in records:
                take(record)

        return self._inner.attach(testnet, queries, deliver_broken)


class MatchingLog(BrokenLog):
    """Says that it delivers what was asked for only."""

    coverage = Coverage.MATCHING


# ---- what breaks ----


class Undescribed(msgspec.Struct):
    colour: str = "red"


class Required(msgspec.Struct):
    colour: Annotated[str, msgspec.Meta(description="of the bike shed")]


def swallowing_run(self: FakeEngine, main: Any, *, seed: int) -> Any:
    async def caught() -> Any:
        try:
            return await main()
        except KeyError:
            return None

    return FakeEngine.run(self, caught, seed=seed)


async def nameless(self: Any) -> DaemonBuild:
    return DaemonBuild("fake", "", {"Block_produced_at_the_frontier": "x"})


async def without_ids(self: Any) -> DaemonBuild:
    return DaemonBuild("fake", "1", {})


def sites_with(**changes: Any) -> Any:
    async def sites(self: Any, names: Any) -> Any:
        found = await FakeNetworkManager.sites(self, names)
        return {name: replace(site, **changes) for name, site in found.items()}

    return sites


async def starting_deploy(self: Any, plan: Any) -> Any:
    testnet = await FakeNetworkManager.deploy(self, plan)
    await testnet.nodes[0].start()
    return testnet


async def deploy_without_the_last(self: Any, plan: Any) -> Any:
    return await FakeNetworkManager.deploy(self, replace(plan, nodes=plan.nodes[:-1]))


async def telling_deploy(self: Any, plan: Any) -> Any:
    self._publish(plan.nodes[0].id, NodeStarted(False))
    return await FakeNetworkManager.deploy(self, plan)


async def wrong_genesis(self: Any) -> Launch:
    launch = await FakeNetworkManager.launch(self)
    return replace(launch, genesis_ms=launch.genesis_ms + 1000)


async def launch_told_twice(self: Any) -> Launch:
    for node in self.nodes:
        self._publish(node, NodeStarted(False))
    return await FakeNetworkManager.launch(self)


async def failing_second_destroy(self: Any) -> None:
    if getattr(self, "destroyed", False) and self.nodes:
        self._publish(next(iter(self.nodes)), NodeStopped(0, False))
    self.destroyed = True
    await FakeNetworkManager.destroy(self)


async def leaking(self: Any) -> tuple[str, ...]:
    return ("port 1",)


async def leaking_without_nodes(self: Any) -> tuple[str, ...]:
    return () if self.nodes else ("port 1",)


async def slow_deploy(self: Any, plan: Any) -> Any:
    await asyncio.sleep(1)
    return await FakeNetworkManager.deploy(self, plan)


async def destroy_with_evidence(self: Any) -> None:
    await FakeNetworkManager.destroy(self)
    shutil.rmtree(self.context.directory / "nodes", ignore_errors=True)


async def destroy_leaving_a_task(self: Any) -> None:
    await FakeNetworkManager.destroy(self)
    if self.nodes:
        self.left = asyncio.ensure_future(asyncio.sleep(1e6))


async def no_more(self: Any) -> None:
    """Destroys for everybody."""
    for node in self.everybody:
        await node.stop()
    await FakeNetworkManager.destroy(self)


def node_for_everybody(self: Any, planned: Any) -> FakeNode:
    node = FakeNetworkManager._node(self, planned)
    self.everybody.append(node)
    return node


async def kill_like_a_crash(self: Any) -> None:
    if self.is_running:
        await FakeNode.kill(self)
        self._publish(self.id, NodeCrashed(None, "SIGKILL", ()))


async def twice(self: Any) -> None:
    await FakeNode.kill(self)
    self._publish(self.id, NodeKilled())


async def nothing(self: Any, *_: Any, **__: Any) -> None:
    pass


async def start_over_and_over(self: Any, *, fresh_state: bool = False) -> None:
    if self.is_running:
        self._publish(self.id, NodeStarted(fresh_state))
    await FakeNode.start(self, fresh_state=fresh_state)


async def forgetful_start(self: Any, *, fresh_state: bool = False) -> None:
    self.state.clear()
    await FakeNode.start(self, fresh_state=fresh_state)


async def remembering_start(self: Any, *, fresh_state: bool = False) -> None:
    kept = dict(self.state)
    await FakeNode.start(self, fresh_state=fresh_state)
    self.state.update(kept)


async def unfresh_start(self: Any, *, fresh_state: bool = False) -> None:
    if fresh_state:
        self.state.clear()
    await FakeNode.start(self)


async def impatient_stop(self: Any) -> None:
    if self.is_running:
        self._stopping = asyncio.ensure_future(FakeNode.stop(self))


async def forced_stop(self: Any) -> None:
    await self._end_by_force("forced")


async def unsure(self: Any) -> None:
    raise RequestFailed("no answer", definite=False)


async def always_there(self: Any) -> None:
    pass


def crash_event(make: Callable[[Any], Any]) -> dict[str, Any]:
    def last(self: Any, code: int | None) -> Any:
        event = FakeNode._last_event(self, code)
        return make(event) if isinstance(event, NodeCrashed) else event

    return {"_last_event": last}


def end_told_twice(self: Any, living: Any) -> None:
    FakeNode._ended(self, living)
    self._publish(self.id, self._last_event(living.result()))


async def cut_both(self: Any, to: Any) -> None:
    await FakeNode.cut_links(self, to)
    for other in to:
        EVERYBODY[other]._cut.add(self.id)


EVERYBODY: dict[NodeId, FakeNode] = {}


def remembered_node(self: Any, planned: Any) -> FakeNode:
    node = EVERYBODY[planned.id] = FakeNetworkManager._node(self, planned)
    return node


async def shape_both(self: Any, to: NodeId, shape: LinkShape | None) -> None:
    await FakeNode.shape_link(self, to, shape)
    await FakeNode.shape_link(EVERYBODY[to], self.id, shape)


async def shape_once(self: Any, to: NodeId, shape: LinkShape | None) -> None:
    if shape is None or to not in self._shapes:
        await FakeNode.shape_link(self, to, shape)


async def shape_for_ever(self: Any, to: NodeId, shape: LinkShape | None) -> None:
    if shape is not None:
        await FakeNode.shape_link(self, to, shape)


async def probe_ignoring_shapes(self: Any, to: NodeId, *, seconds: float) -> bool:
    return to not in self._cut


async def reset_by_ending(self: Any, to: Any) -> None:
    self._process.asked.set()
    await asyncio.sleep(0.1)
    await self.start()
    self._unpaused.clear()


async def set_clock_never_right(self: Any, *, ahead: float, drift: float = 0.0) -> None:
    if ahead:
        await FakeNode.set_clock(self, ahead=ahead, drift=drift)


async def fault_for_ever(self: Any, fault: Any) -> None:
    self._disk_fault = fault or self._disk_fault


async def no_fault(self: Any) -> None:
    return None


async def slower_for_ever(self: Any, factor: float) -> None:
    self._slowdown = max(factor, self._slowdown)


def dropping_the_first(deliver: Any) -> Any:
    def drop(record: Any) -> None:
        if record.number > 2:
            deliver(record)

    return drop


def repeating(deliver: Any) -> Any:
    return lambda record: (deliver(record), deliver(record))


def renumbering(deliver: Any) -> Any:
    return lambda record: deliver(changed(record, number=record.number - 1))


def misplacing(deliver: Any) -> Any:
    return lambda record: deliver(changed(record, offset=record.offset + 1))


def reordering(deliver: Any) -> Any:
    held: list[Any] = []

    def swap(record: Any) -> None:
        held.append(record)
        if len(held) == 2:
            deliver(held.pop())
            deliver(held.pop())

    return swap


def late(deliver: Any) -> Any:
    """Each record one after its time: the last of all is never drained."""
    held: list[Any] = []

    def hold(record: Any) -> None:
        held.append(record)
        if len(held) > 1:
            deliver(held.pop(0))

    return hold


def swallowing(deliver: Any) -> Any:
    def swallow(record: Any) -> None:
        with suppress(KeyError):
            deliver(record)

    return swallow


async def tolerant_upgrade(self: Any, daemon: str | None) -> None:
    pass


def tolerant_conduct_of(self: Any, daemon: str | None) -> Any:
    return self._conducts[None]


async def deaf(process: FakeProcess) -> int:
    """A daemon that ignores a broken configuration."""
    process.log("up")
    process.listen()
    await process.asked.wait()
    return 0


async def half_done_deploy(self: Any, plan: Any) -> Any:
    self.half = True
    return await FakeNetworkManager.deploy(self, plan)


async def leaks_after_half(self: Any) -> tuple[str, ...]:
    return ("a directory",) if getattr(self, "half", False) else ()


def plain_role(self: Any) -> Role:
    return Role.PLAIN


def silently(self: Any) -> None:
    pass


async def starting_add(self: Any, planned: Any) -> Any:
    node = await FakeNetworkManager.add(self, planned)
    await node.start()
    return node


async def add_with_another_genesis(self: Any, planned: Any) -> Any:
    self._genesis_ms += 1
    return await FakeNetworkManager.add(self, planned)


async def remove_for_a_while(self: Any, node: Any) -> None:
    await node.stop()


def for_those_who_asked(deliver: Any) -> Any:
    """As the log of a cloud may: numbered by what it found."""
    numbers: Counter[str] = Counter()

    def found(record: Any) -> None:
        numbers[record.node] += 1
        deliver(changed(record, number=numbers[record.node], offset=0))

    return found


def without_warnings(deliver: Any) -> Any:
    return lambda record: None if isinstance(record.event, ErrorLogged) else deliver(record)


def matching(make_deliver: Callable[..., Any]) -> FakeEngine:
    """An engine whose log engine does not see all lines."""

    def open_(self: Any, *given: Any) -> Session:
        session = FakeEngine.open(self, *given)
        return Session(session.manager, MatchingLog(session.log_engine, make_deliver))

    return broken(engine={"open": open_})


def deaf_to_newcomers(deliver: Any) -> Any:
    return lambda record: deliver(record) if record.node != "node-2" else None


MUTANTS: list[Mutant] = [
    # the engine itself
    (
        "check_names_what",
        broken(engine={"check": lambda self: (Finding("disk", False, "full"),)}),
        "needs a remedy",
    ),
    ("check_names_what", broken(engine={"check": lambda self: ()}), "looked at nothing"),
    ("options_have", broken(engine={"options_type": Undescribed}), "colour has no description"),
    ("options_have", broken(engine={"options_type": Required}), "colour has no default"),
    (
        "run_answers",
        broken(engine={"run": lambda self, main, seed: None}),
        "lost what the coroutine answered",
    ),
    ("run_answers", broken(engine={"run": swallowing_run}), "lost what the coroutine raised"),
    ("nodes_have_every", broken(node={"kill": None}), "is not Killable"),
    ("nodes_have_every", broken(engine={"capabilities": (int,)}), "int is no ability"),
    # the manager
    ("handshake_tells", broken(manager={"handshake": nameless}), "no version"),
    ("handshake_tells", broken(manager={"handshake": without_ids}), "no ids of structured events"),
    ("each_node_gets", broken(manager={"sites": sites_with(host="10.0.0.1")}), "share a port"),
    ("each_node_gets", broken(manager={"sites": sites_with(directory="x")}), "directory x is relative"),
    (
        "each_node_gets",
        broken(manager={"sites": sites_with(host="10.0.0.1", directory="/nodes")}),
        "share a directory",
    ),
    ("deploy_puts", broken(manager={"deploy": starting_deploy}), "deploy has started seed-1"),
    (
        "deploy_puts",
        broken(manager={"deploy": deploy_without_the_last}),
        "deployed .*planned",
    ),
    ("deploy_puts", broken(manager={"deploy": telling_deploy}), "nothing to tell"),
    ("deploy_puts", broken(node={"role": property(plain_role)}), "planned as a seed"),
    ("deploy_puts", broken(node={"node_id_json": "[]"}), "no JSON object"),
    ("launch_starts", broken(manager={"launch": wrong_genesis}), "genesis at"),
    ("launch_starts", broken(manager={"launch": launch_told_twice}), "not once"),
    ("launch_starts", broken(manager={"_peers_of": lambda self, node: ()}), "never had seed-1"),
    ("destroy_is_idempotent", broken(manager={"destroy": failing_second_destroy}), "second destroy told"),
    ("destroy_is_idempotent", broken(manager={"leaks": leaking}), "destroyed at stage 0, it left .*port 1"),
    ("destroy_clears_half", broken(manager={"_conduct_of": tolerant_conduct_of}), "expected DeployError"),
    (
        "destroy_clears_half",
        broken(manager={"deploy": half_done_deploy, "leaks": leaks_after_half}),
        "half a deploy left",
    ),
    (
        "destroy_clears_a_deploy",
        broken(manager={"deploy": slow_deploy, "leaks": leaking_without_nodes}),
        "a cancelled deploy left",
    ),
    ("destroy_stops_all", broken(node={"is_running": True}), "seed-1 runs after destroy"),
    ("destroy_stops_all", broken(manager={"destroy": destroy_with_evidence}), "is not in nodes/seed-1"),
    ("destroy_stops_all", broken(manager={"destroy": destroy_leaving_a_task}), "tasks live on"),
    ("destroy_stops_all", broken(manager={"leaks": leaking}), "it left .*port 1"),
    (
        "two_testnets",
        broken(manager={"destroy": no_more, "_node": node_for_everybody, "everybody": []}),
        "went down with another testnet",
    ),
    # nodes
    ("stop_and_start", broken(node={"start": start_over_and_over}), "each once, in order"),
    ("stop_and_start", broken(node={"start": forgetful_start}), "did not outlive a stop"),
    ("stop_and_start", broken(node={"stop": impatient_stop}), "stop returned before"),
    ("stop_and_start", broken(node={"stop": forced_stop}), "stopped by force"),
    ("start_with_fresh", broken(node={"start": remembering_start}), "fresh_state left"),
    ("start_with_fresh", broken(node={"start": unfresh_start}), "was told as"),
    ("request_to_a_stopped", broken(node={"_reached": unsure}), "may have arrived"),
    ("request_to_a_stopped", broken(node={"_reached": always_there}), "was not started, and answered"),
    ("crash_is_told", broken(node=crash_event(lambda crash: NodeStopped(1, False))), "has crashed, once"),
    ("crash_is_told", broken(node=crash_event(lambda crash: changed(crash, exit_code=0))), "code above 0"),
    (
        "crash_is_told",
        broken(node=crash_event(lambda crash: changed(crash, last_lines=()))),
        "last lines told",
    ),
    ("crash_is_told", broken(node={"_ended": end_told_twice}), "has crashed, once"),
    ("crash_is_told", broken(conduct=deaf), "still says yes"),
    ("node_that_joins", broken(manager={"add": starting_add}), "add has started node-2"),
    ("node_that_joins", broken(manager={"add": add_with_another_genesis}), "the others' genesis time"),
    ("node_that_joins", broken(manager={"remove": nothing}), "runs after it was removed"),
    ("node_that_joins", broken(manager={"remove": remove_for_a_while}), "was removed, and started again"),
    ("node_that_joins", broken(deliver=deaf_to_newcomers), "of node-2, record 1 .* found none"),
    # the log engine
    ("each_line_is", broken(deliver=dropping_the_first), "each line once, in order"),
    ("each_line_is", broken(deliver=repeating), "each line once, in order"),
    ("each_line_is", broken(deliver=renumbering), "number=2"),
    ("each_line_is", broken(deliver=misplacing), "offset="),
    ("each_line_is", broken(deliver=reordering), "each line once, in order"),
    ("each_line_is", broken(deliver=late), "found none"),
    ("each_line_is", matching(without_warnings), "should be ErrorLogged"),
    ("error_of_who_takes", broken(deliver=swallowing), "deliver was lost"),
    # abilities
    ("kill_ends", broken(node={"kill": kill_like_a_crash}), "told was .*NodeCrashed"),
    ("kill_ends", broken(node={"kill": twice}), "for one start and one kill"),
    ("kill_ends", broken(node={"kill": nothing}), "before the process was gone"),
    ("pause_freezes", broken(node={"pause": nothing}), "a paused node answered"),
    ("pause_freezes", broken(node={"pause": FakeNode.kill}), "still has a process"),
    ("pause_freezes", broken(node={"resume": nothing}), "never answered"),
    ("cut_link", broken(node={"cut_links": nothing}), r"there and back: \(True, True\)"),
    (
        "cut_link",
        broken(node={"cut_links": cut_both}, manager={"_node": remembered_node}),
        r"there and back: \(False, False\)",
    ),
    ("cut_link", broken(node={"mend_links": nothing}), "a mended link lets nothing"),
    (
        "shape_of_a_link",
        broken(node={"shape_link": shape_both}, manager={"_node": remembered_node}),
        "other direction was shaped",
    ),
    ("shape_of_a_link", broken(node={"shape_link": shape_once}), "does not replace"),
    ("shape_of_a_link", broken(node={"shape_link": shape_for_ever}), "was not taken away"),
    ("shape_of_a_link", broken(node={"probe_link": probe_ignoring_shapes}), "within 0.1 s"),
    ("connections_that", broken(node={"reset_connections": reset_by_ending}), "never were peers again"),
    ("skewed_clock", broken(node={"set_clock": nothing}), "ahead, the clock is 0"),
    ("skewed_clock", broken(node={"clock_ns": lambda self: self._true_ns()}), "did not jump"),
    ("skewed_clock", broken(node={"set_clock": set_clock_never_right}), "was set right, and is wrong"),
    ("full_disk", broken(node={"disk_is_full": False}), "stored something"),
    ("full_disk", broken(node={"disk_fault": no_fault}), "cannot be asked after"),
    ("full_disk", broken(node={"set_disk_fault": fault_for_ever}), "not taken away"),
    ("slowdown_is", broken(node={"set_slowdown": nothing}), "cannot be asked after"),
    ("slowdown_is", broken(node={"set_slowdown": slower_for_ever}), "was not undone"),
    ("upgrade_to", broken(node={"upgrade": tolerant_upgrade}), "the upgrade took it"),
]
