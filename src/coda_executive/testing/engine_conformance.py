"""The promises of an engine's front, manager, nodes and log engine, each as a test.

What the docstrings of `coda_executive.interfaces` promise is asserted here; `AbilityConformance` and
`KeepingConformance` do so for what only some engines can, `CompanionConformance` for what runs beside nodes.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any, get_args

import msgspec

from coda_executive.config.network import NetworkConfig, NodeSettings
from coda_executive.config.node_id import NodeId
from coda_executive.errors import DeployError, ExecutiveError, RequestFailed
from coda_executive.events.event import (
    LifecycleEvent,
    NodeCrashed,
    NodeStarted,
    NodeStopped,
)
from coda_executive.interfaces.capabilities import ABILITIES
from coda_executive.interfaces.engine import Engine
from coda_executive.interfaces.keeping import Cleanable
from coda_executive.interfaces.log_engine import LogRecord, Queries
from coda_executive.interfaces.node import Node
from coda_executive.testing.ability_conformance import AbilityConformance
from coda_executive.testing.bench import SEED, WAITING_NETWORK, Bench
from coda_executive.testing.companion_conformance import CompanionConformance
from coda_executive.testing.keeping_conformance import KeepingConformance
from coda_executive.testing.promises import clause, promise

_CREATE_ACCOUNT = 'mutation { createAccount(input: { password: "naughty blue worm" }) { publicKey } }'
_TRACKED_ACCOUNTS = "query { trackedAccounts { publicKey } }"
_GENESIS = "query { genesisConstants { genesisTimestamp } }"


class EngineConformance(AbilityConformance, CompanionConformance, KeepingConformance):
    """Inherit, say which engine, and pytest runs every clause.

    The daemon must keep the daemon contract: the kit asks it for its peers, its genesis time and its wallet.
    `seconds` is how long a clause may take on the engine's clock; `crash_arguments` make a daemon exit with a
    code above 0; `wrong_daemon` names one that there is not. Each may be overridden.
    """

    engine: Engine
    daemon: str | None = None
    seconds = 60.0
    crash_arguments: tuple[str, ...] = ("-no-such-flag",)
    wrong_daemon = "no-such-daemon"

    @property
    def capabilities(self) -> tuple[type, ...]:
        return self.engine.capabilities

    def make_options(self) -> msgspec.Struct:
        """The options that the clauses run with; the engine's defaults unless overridden."""
        return self.engine.options_type()

    async def leave_trace(self, node: Node) -> object:
        """Have the daemon put something into its state, and answer what `traces` will show of it."""
        return (await node.client.execute(_CREATE_ACCOUNT))["createAccount"]["publicKey"]

    async def traces(self, node: Node) -> list[object]:
        found = await node.client.execute(_TRACKED_ACCOUNTS)
        return [account["publicKey"] for account in found["trackedAccounts"]]

    def play(
        self, body: Callable[[Any, Bench], Awaitable[None]], directory: Path, needs: tuple[type, ...]
    ) -> None:
        """Run one clause on the engine's loop with a bench of its own, and destroy what it deployed."""
        __tracebackhide__ = True

        async def main() -> None:
            __tracebackhide__ = True
            bench = Bench(
                self.engine, self.make_options(), directory / "run", daemon=self.daemon, needs=needs
            )
            try:
                async with asyncio.timeout(self.seconds):
                    await body(self, bench)
            except BaseException as error:
                try:
                    await bench.aclose()
                except ExecutiveError as beside:
                    error.add_note(f"and then destroy failed: {beside}")
                if not isinstance(error, TimeoutError):
                    raise
                raise AssertionError(
                    f"the clause was not done within {self.seconds:g} s: {error.__cause__ or ''}"
                ) from error
            await bench.aclose()

        self.engine.run(main, seed=SEED)

    # ---- the engine itself ----

    def test_check_names_what_it_looked_at_and_what_to_do(self) -> None:
        findings = self.engine.check()
        promise(findings, "check looked at nothing")
        for finding in findings:
            promise(finding.subject and finding.detail, f"a finding must say what was found: {finding}")
            promise(finding.ok or finding.remedy, f"what is missing needs a remedy: {finding}")

    def test_options_have_defaults_and_descriptions(self) -> None:
        """Flags, help and validation are made from the model."""
        kind = self.engine.options_type
        for field in msgspec.structs.fields(kind):
            promise(not field.required, f"option {field.name} has no default")
            promise(_description(field.type), f"option {field.name} has no description: Meta(description=…)")
        again = msgspec.convert(msgspec.to_builtins(kind()), kind)
        promise(again == kind(), f"options do not survive being written down: {kind()} became {again}")

    def test_run_answers_what_the_coroutine_answers(self) -> None:
        async def answer() -> int:
            await asyncio.sleep(0)
            return 42

        async def fail() -> None:
            raise KeyError("mine")

        promise(self.engine.run(answer, seed=SEED) == 42, "run lost what the coroutine answered")
        try:
            self.engine.run(fail, seed=SEED)
        except KeyError:
            return
        promise(False, "run lost what the coroutine raised")

    @clause()
    async def test_nodes_have_every_ability_that_the_engine_claims(self, bench: Bench) -> None:
        for ability in self.capabilities:
            promise(ability in ABILITIES, f"{ability.__name__} is no ability that a test can ask for")
        bench = bench.another("able", needs=self.capabilities)
        try:
            for node in (await bench.deploy()).nodes:
                for ability in self.capabilities:
                    promise(isinstance(node, ability), f"{node!r} is not {ability.__name__}, as was claimed")
        finally:
            await bench.aclose()

    # ---- the manager ----

    @clause()
    async def test_handshake_tells_version_and_event_ids(self, bench: Bench) -> None:
        build = await bench.manager.handshake()
        promise(build.version, "the handshake told no version")
        promise(
            build.event_ids.get("Transition_frontier_controller")
            or any("frontier" in name.lower() for name in build.event_ids),
            f"the handshake told no ids of structured events by name, but {dict(build.event_ids)}",
        )

    @clause()
    async def test_each_node_gets_a_place_of_its_own(self, bench: Bench) -> None:
        names = [NodeId(f"node-{number}") for number in range(1, 4)]
        found = await bench.manager.sites(names)
        promise(list(found) == names, f"places were asked for {names}, got for {list(found)}")
        sites = list(found.values())
        for site in sites:
            promise(
                PurePosixPath(site.directory).is_absolute(), f"the directory {site.directory} is relative"
            )
        directories = {(site.host, site.directory) for site in sites}
        promise(len(directories) == len(sites), f"two nodes share a directory: {sites}")
        ports = [
            (site.host, port)
            for site in sites
            for port in (site.client_port, site.rest_port, site.external_port)
        ]
        promise(len(set(ports)) == len(ports), f"two nodes share a port: {ports}")

    @clause()
    async def test_deploy_puts_nodes_in_place_and_starts_nothing(self, bench: Bench) -> None:
        plan = await bench.plan()
        testnet = await bench.manager.deploy(plan)
        planned = [node.id for node in plan.nodes]
        promise(
            [node.id for node in testnet.nodes] == planned, f"deployed {testnet.nodes}, planned {planned}"
        )
        for node, asked in zip(testnet.nodes, plan.nodes, strict=True):
            promise(node.role is asked.role, f"{node.id} is a {node.role}, planned as a {asked.role}")
            promise(not node.is_running, f"deploy has started {node.id}: the log engine is not attached yet")
            promise(isinstance(json.loads(node.node_id_json), dict), f"{node.node_id_json} is no JSON object")
        promise(bench.told == [], f"before the launch there is nothing to tell, found {bench.told}")

    @clause()
    async def test_launch_starts_all_nodes_with_what_was_deployed(self, bench: Bench) -> None:
        """With their keys, peers, configuration and genesis time."""
        testnet = await bench.running()
        assert bench.launched is not None
        promise(bench.launched.boot_allowance >= 0, f"genesis was before the start: {bench.launched}")
        for node in testnet.nodes:
            told = bench.told_of(node)
            promise(node.is_running, f"{node.id} does not run after the launch")
            promise(
                told == [NodeStarted(fresh_state=False)], f"of {node.id}'s start was told {told}, not once"
            )
            genesis = (await node.client.execute(_GENESIS))["genesisConstants"]["genesisTimestamp"]
            found = round(datetime.fromisoformat(genesis).timestamp() * 1000)
            promise(
                found == bench.launched.genesis_ms,
                f"{node.id} has genesis at {found} ms, the launch said {bench.launched.genesis_ms}",
            )
        (seed,) = testnet.seeds
        (node,) = testnet.plain_nodes
        identity = {planned.id: planned.peer_address.rpartition("/")[2] for planned in testnet.plan.nodes}

        async def has_found_its_seed() -> bool:
            return identity[seed.id] in [peer.peer_id for peer in await node.client.peers()]

        await bench.until(
            has_found_its_seed, f"{node.id} never had {seed.id} (with its planned key) for a peer"
        )

    @clause()
    async def test_destroy_is_idempotent_at_every_stage(self, bench: Bench) -> None:
        stages: tuple[Callable[[Bench], Awaitable[object]], ...] = (
            lambda _bench: asyncio.sleep(0),
            lambda bench: bench.manager.handshake(),
            lambda bench: bench.plan(),
            lambda bench: bench.deploy(),
            lambda bench: bench.running(),
        )
        for number, reach in enumerate(stages):
            stage = bench.another(f"stage-{number}")
            await reach(stage)
            await stage.manager.destroy()
            told = list(stage.told)
            await stage.manager.destroy()
            promise(stage.told == told, f"the second destroy told {stage.told[len(told) :]}")
            leaks = await stage.manager.leaks()
            promise(not leaks, f"destroyed at stage {number}, it left {leaks}")

    @clause()
    async def test_destroy_clears_half_a_deploy(self, bench: Bench) -> None:
        wrong = NodeSettings(daemon=self.wrong_daemon)
        half = bench.another("half", replace(WAITING_NETWORK, nodes={"node-1": wrong}))
        try:
            await half.deploy()
        except DeployError:
            pass
        else:
            promise(
                False, f"deploy took {self.wrong_daemon!r} for the daemon of node-1: expected DeployError"
            )
        finally:
            await half.manager.destroy()
        leaks = await half.manager.leaks()
        promise(not leaks, f"half a deploy left {leaks}")

    @clause()
    async def test_destroy_clears_a_deploy_that_was_cancelled(self, bench: Bench) -> None:
        plan = await bench.plan()
        deploying = asyncio.ensure_future(bench.manager.deploy(plan))
        await asyncio.sleep(0)
        deploying.cancel()
        await asyncio.wait([deploying])
        await bench.manager.destroy()
        leaks = await bench.manager.leaks()
        promise(not leaks, f"a cancelled deploy left {leaks}")

    @clause()
    async def test_destroy_stops_all_and_leaves_evidence_only(self, bench: Bench) -> None:
        tasks = len(asyncio.all_tasks())
        testnet = await bench.running()
        await bench.manager.destroy()
        for node in testnet.nodes:
            promise(not node.is_running, f"{node.id} runs after destroy")
            promise(
                [type(event) for event in bench.told_of(node)] == [NodeStarted, NodeStopped],
                f"of {node.id} was told {bench.told_of(node)}: one start and one stop happened",
            )
            promise(bench.lines(node), f"the log of {node.id} is gone, and with it the evidence")
        leaks = await bench.manager.leaks()
        promise(not leaks, f"it left {leaks}")
        promise(len(asyncio.all_tasks()) <= tasks, f"tasks live on: {asyncio.all_tasks()}")
        promise(not bench.failures, f"a run without fault told failures: {bench.failures}")
        if isinstance(self.engine, Cleanable):
            left = [one for one in self.engine.find_leftovers(0) if one.directory == str(bench.directory)]
            promise(not left, f"cleanup would find {[one.label for one in left]}")

    @clause()
    async def test_two_testnets_do_not_disturb_each_other(self, bench: Bench) -> None:
        other = bench.another("other")
        try:
            mine, others = await bench.running(), await other.running()
            await others.seeds[0].stop()
            promise(mine.seeds[0].is_running, "a stop of one testnet's seed stopped the other's")
            await other.manager.destroy()
            for node in mine.nodes:
                promise(
                    node.is_running and await bench.answers(node), f"{node!r} went down with another testnet"
                )
            promise(
                all(type(event) is NodeStarted for _, event in bench.told),
                f"what happened to another testnet was told of this one: {bench.told}",
            )
        finally:
            await other.aclose()

    # ---- nodes ----

    @clause()
    async def test_stop_and_start_keep_state_and_are_told_once(self, bench: Bench) -> None:
        (seed,) = (await bench.running()).seeds
        trace = await self.leave_trace(seed)
        await seed.start()
        await seed.stop()
        promise(not seed.is_running, "stop returned before the daemon had ended")
        await seed.stop()
        await seed.start()
        promise(seed.is_running, "start returned before there was a process")
        await bench.until_it_answers(seed)
        promise(trace in await self.traces(seed), "the daemon's state did not outlive a stop and a start")
        told = bench.told_of(seed)
        expected: list[type[LifecycleEvent]] = [NodeStarted, NodeStopped, NodeStarted]
        promise(
            [type(event) for event in told] == expected, f"told was {told}, in place of each once, in order"
        )
        stopped = told[1]
        assert isinstance(stopped, NodeStopped)
        promise(not stopped.forced, f"a daemon that ends on request was stopped by force: {stopped}")

    @clause()
    async def test_start_with_fresh_state_wipes_it(self, bench: Bench) -> None:
        (seed,) = (await bench.running()).seeds
        trace = await self.leave_trace(seed)
        await seed.stop()
        await seed.start(fresh_state=True)
        await bench.until_it_answers(seed)
        promise(trace not in await self.traces(seed), "fresh_state left the daemon's state in place")
        told = bench.told_of(seed)[-1]
        promise(told == NodeStarted(fresh_state=True), f"a start with fresh state was told as {told}")

    @clause()
    async def test_request_to_a_stopped_node_surely_had_no_effect(self, bench: Bench) -> None:
        testnet = await bench.deploy()
        for node in testnet.nodes:
            try:
                await node.client.sync_status()
            except RequestFailed as failed:
                promise(failed.definite, f"nothing listened, yet the request may have arrived: {failed}")
            else:
                promise(False, f"{node.id} was not started, and answered")

    @clause()
    async def test_crash_is_told_once_with_its_reason(self, bench: Bench) -> None:
        settings = {"node-1": NodeSettings(arguments=self.crash_arguments)}
        crashing = bench.another("crashing", NetworkConfig(seeds=1, plain_nodes=1, nodes=settings))
        try:
            testnet = await crashing.deploy()
            await crashing.manager.launch()
            (node,) = testnet.plain_nodes
            await crashing.until(
                lambda: not node.is_running, f"{node.id} ended, and is_running still says yes"
            )
            told = crashing.told_of(node)
            promise(
                [type(event) for event in told] == [NodeStarted, NodeCrashed],
                f"told was {told}: a daemon that ends unasked has crashed, once",
            )
            crash = told[1]
            assert isinstance(crash, NodeCrashed)
            promise(
                crash.exit_code not in (None, 0) and crash.signal is None,
                f"the daemon exited with a code above 0, told was {crash}",
            )
            written = [line.decode(errors="replace").strip() for line in crashing.lines(node)]
            promise(
                crash.last_lines and crash.last_lines[-1].strip()[:100] in written[-1],
                f"the last lines told are {crash.last_lines[-1:]}, the log ends with {written[-1:]}",
            )
            promise(testnet.seeds[0].is_running, "a crash took another node with it")
        finally:
            await crashing.aclose()

    @clause()
    async def test_node_that_joins_is_followed_and_one_that_left_stays_away(self, bench: Bench) -> None:
        testnet = await bench.deploy()
        async with bench.attached(testnet) as attachment:
            await bench.launch(testnet)
            late = await bench.join(testnet, attachment)
            promise(not late.is_running, f"add has started {late.id}: it only puts a node in place")
            await late.start()
            await bench.until_it_answers(late)
            timestamps = [
                (await node.client.execute(_GENESIS))["genesisConstants"]["genesisTimestamp"]
                for node in (late, *testnet.seeds)
            ]
            promise(len(set(timestamps)) == 1, f"who joins has the others' genesis time, found {timestamps}")
            await bench.manager.remove(late)
            promise(not late.is_running, f"{late.id} runs after it was removed")
            try:
                await late.start()
            except DeployError:
                pass
            else:
                promise(False, f"{late.id} was removed, and started again")
            await attachment.drain()
        await bench.manager.destroy()
        bench.check_records(late)
        told = bench.told_of(late)
        promise([type(event) for event in told] == [NodeStarted, NodeStopped], f"of its life was told {told}")

    # ---- the log engine ----

    @clause()
    async def test_each_line_is_delivered_once_in_order_from_the_first_over_restarts(
        self, bench: Bench
    ) -> None:
        testnet = await bench.deploy()
        async with bench.attached(testnet) as attachment:
            await bench.launch(testnet)
            (seed,) = testnet.seeds
            await seed.stop()
            await seed.start(fresh_state=True)
            await bench.until_it_answers(seed)
            for node in testnet.nodes:
                await node.stop()
            await attachment.drain()
            drained = len(bench.records)
        await bench.manager.destroy()
        for node in testnet.nodes:
            bench.check_records(node)
        promise(drained == len(bench.records), "drain returned before what was written had been delivered")

    @clause()
    async def test_error_of_who_takes_records_ends_the_attachment(self, bench: Bench) -> None:
        testnet = await bench.deploy()
        assert bench.build is not None

        def refuse(_records: Sequence[LogRecord]) -> None:
            raise KeyError("the history is full")

        try:
            async with bench.log_engine.attach(testnet, Queries(bench.build.event_ids), refuse) as attachment:
                await bench.launch(testnet)
                await attachment.drain()
                await bench.until(lambda: False, "an error of deliver was lost, and records with it")
        except KeyError:
            return
        except BaseExceptionGroup as group:
            promise(group.subgroup(KeyError), f"deliver raised KeyError, the attachment {group!r}")


def _description(kind: Any) -> str:
    """What Annotated metadata say of a type, however deep in a union."""
    metadata = getattr(kind, "__metadata__", ())
    own = next((meta.description for meta in metadata if isinstance(meta, msgspec.Meta)), None)
    return own or next(filter(None, map(_description, get_args(kind))), "")
