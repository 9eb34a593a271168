"""The object that a test's body is given: it waits, structures the test, and hands out the testnet."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from msgspec.structs import replace

from coda_executive.config.network import NodeSettings
from coda_executive.config.node_id import NodeId
from coda_executive.config.one_more_node import Flags
from coda_executive.config.plan import Role
from coda_executive.dsl.explanation import Around, Scenery, WaitInProgress, timed_out, unreachable
from coda_executive.dsl.membership import Membership
from coda_executive.dsl.payment_load import PaymentLoad, tell
from coda_executive.dsl.sections import Sections, Severity, describe
from coda_executive.errors import (
    ConfigError,
    CrashedNode,
    EngineError,
    ExecutiveError,
    HardLogError,
    RequestFailed,
    TestFailed,
)
from coda_executive.events.event import CompanionCrashed, NodeCrashed
from coda_executive.events.log_ending import readable_ending
from coda_executive.interfaces.host import HostLoad, HostObserver
from coda_executive.interfaces.node import Node
from coda_executive.nemesis.nemesis import Nemesis
from coda_executive.observation.delivery import DeliveryDelay
from coda_executive.observation.history import (
    CrashExpected,
    Measured,
    NodeJoined,
    NodeLeft,
    SectionBegan,
    SectionEnded,
    WaitBegan,
    WaitEnded,
)
from coda_executive.observation.network_state import NetworkState
from coda_executive.observation.router import Cursor, Observation, Router
from coda_executive.wait_conditions.condition import (
    NetworkFacts,
    NotYet,
    Reached,
    Unreachable,
    WaitCondition,
)
from coda_protocol.currency import Amount, Fee
from coda_protocol.keys import Keypair

_LONGEST_POLL = 1.0  # seconds between two requests to a node about one thing; in short slots a quarter of one
_SHORTEST_TIMER = 0.001  # seconds; a clock that is read as a float may be that much early


@dataclass(slots=True)
class WaitSettings:
    """`timeout_factor` stretches every limit; `strict` makes overrunning a soft limit an error."""

    timeout_factor: float = 1.0
    strict: bool = False


class Dsl:
    """One test's view of its network. Everything in it belongs to one run and one event loop."""

    def __init__(
        self,
        membership: Membership,
        router: Router,
        facts: NetworkFacts,
        sections: Sections,
        settings: WaitSettings,
        *,
        nemesis_journal: Path | None,
        delay: DeliveryDelay | None = None,
    ) -> None:
        self.testnet = testnet = membership.testnet
        self.facts = facts
        self.waits: list[WaitInProgress] = []
        self.measurements: list[Measured] = []
        self.loads: list[PaymentLoad] = []
        self.cut_short: str | None = None  # what a cancelled body was doing
        self._membership = membership
        self._delay = delay
        self._router = router
        self._sections = sections
        self._settings = settings
        self._start = router.cursor()
        self._ending: CrashedNode | HardLogError | EngineError | None = None
        self._expected_crashes: set[NodeId] = set()
        self.nemesis = Nemesis(testnet, router, seed=membership.seed, journal=nemesis_journal, crashes=self)
        router.subscribe(self._watch_for_crashes, (NodeCrashed, CompanionCrashed))
        # A daemon may have died between the start of the nodes and this moment.
        for name in router.state.names:
            node = router.state.node(name)
            if node.crash is not None:
                self._crashed(name, name, node.crash)
            for companion, lost in node.lost_companions.items():
                self._crashed(name, companion, lost)

    @property
    def state(self) -> NetworkState:
        """What is known of the network now: a value, it does not change."""
        return self._router.state

    @property
    def seconds(self) -> float:
        """Seconds since the run began, on the engine's clock."""
        return self._router.now_ns() / 1e9

    def cursor(self) -> Cursor:
        """This point in the history, for `wait_for(…, since=…)`."""
        return self._router.cursor()

    def expect_crash(self, node: NodeId) -> None:
        """From now on a crash of this node or of what runs beside it is no error; any other node's ends the
        test.
        """
        self._expected_crashes.add(node)
        self._router.note(CrashExpected(node, expected=True))

    def forbid_crash(self, node: NodeId) -> None:
        """From now on a crash of this node is an error again."""
        self._expected_crashes.discard(node)
        self._router.note(CrashExpected(node, expected=False))

    def is_crash_expected(self, node: NodeId) -> bool:
        """Whether `expect_crash` holds for it now."""
        return node in self._expected_crashes

    async def spawn(
        self,
        role: Role | str = Role.PLAIN,
        settings: NodeSettings | None = None,
        *,
        flags: Flags | None = None,
        key: Keypair | None = None,
    ) -> Node:
        """Add a node to the running testnet, and start it; returns once its process exists.

        `role` is such as "block producer"; `settings` its name, daemon, arguments, peers. A producer or coordinator
        holds `key`, or else the first ledger key that is left. Raises ConfigError, and DeployError when it cannot
        be put in place. What a test spawns it must `destroy`.
        """
        self.raise_if_ending()
        if role not in list(Role):
            raise ConfigError(f"expected a role ({', '.join(map(repr, map(str, Role)))}), found {role!r}")
        node, planned = await self._membership.add(Role(role), settings or NodeSettings(), flags, key)
        if planned.stake_share > 0:
            self.facts = dataclasses.replace(
                self.facts, stake={**self.facts.stake, node.id: planned.stake_share}
            )
        self._router.record(NodeJoined(node.id, node.role))
        await node.start()
        return node

    async def destroy(self, node: Node) -> None:
        """Stop a node for good and take it out of the testnet; its evidence stays.

        That it was destroyed before, or had crashed and nobody expected it to, is an error of the run.
        """
        if node.id in self._membership.gone:
            self._sections.found(Severity.SOFT, "DestroyedTwice", f"{node.id} was destroyed before")
            return
        if self.state.node(node.id).crash is not None and node.id not in self._expected_crashes:
            self._sections.found(
                Severity.SOFT,
                "DestroyedCrashedNode",
                f"{node.id} had crashed before it was destroyed, and the test does not expect it: "
                f"{self.state.node(node.id).why_not_running}",
            )
        self.nemesis.forget(node.id)
        await self._membership.remove(node)
        self._router.record(NodeLeft(node.id))

    def account_for_nodes(self) -> None:
        """At the body's end: nodes that it spawned and did not destroy, and crashed ones that nobody expected
        and no wait has told of, are errors of the run.
        """
        for name in self._membership.spawned:
            self._sections.found(
                Severity.SOFT, "LeftoverNode", f"the test spawned {name} and did not destroy it"
            )
        for node in self.testnet.nodes:
            state = self.state.node(node.id)
            told = isinstance(self._ending, CrashedNode) and self._ending.node == node.id
            if state.crash is not None and not told and node.id not in self._expected_crashes:
                self._sections.found(
                    Severity.SOFT, "CrashedNode", f"{node.id} was left behind {state.why_not_running}"
                )

    @contextmanager
    def section(self, name: str, *, hard: bool = False) -> Iterator[None]:
        """Name why the steps inside are taken. An error inside ends the section; with `hard`, the test."""
        with self._sections.section(name, hard=hard) as record:
            self._router.record(SectionBegan(record.path, hard))
            try:
                yield
            except asyncio.CancelledError:
                self._note_cancellation(None)
                raise
            finally:
                # Whether it passed is known only outside; the history says when the block was left.
                self._router.record(SectionEnded(record.path))

    @contextmanager
    def refusal(self, reason: str) -> Iterator[None]:
        """What is asked of a node inside must be refused, with this in the error's text, whatever its case.

        Raises TestFailed if it is not, RequestFailed as it came if the answer was lost.
        """
        try:
            yield
        except RequestFailed as error:
            if not error.definite:
                raise
            if reason.lower() not in str(error).lower():
                raise TestFailed(f"expected a refusal that tells {reason!r}, found: {error}") from error
        else:
            raise TestFailed(f"expected a refusal that tells {reason!r}, but the node did what it was asked")

    @asynccontextmanager
    async def task(self, name: str, work: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
        """Do something beside the test for the length of a block, at whose end it is cancelled.

        Its waits begin where the body's did, its sections lie in one called `name`. Its error ends the block;
        where several went wrong, each is an error of the run, and the gravest is raised.
        """
        cut_short = self.cut_short

        branch = self._sections.strands.branch(name)

        async def run() -> None:
            with branch:
                await work()

        try:
            async with asyncio.TaskGroup() as group:
                job = group.create_task(run(), name=name)
                yield
                job.cancel()
        except BaseExceptionGroup as errors:
            # The block was cancelled by the error of its task, not from outside.
            self.cut_short = cut_short
            self._raise_joined(_leaves(errors))

    @asynccontextmanager
    async def payments(
        self,
        senders: Sequence[Keypair],
        receiver: str,
        *,
        per_slot: float = 1.0,
        amount: Amount | None = None,
        fee: Fee | None = None,
        nodes: Sequence[Node] = (),
        most_pending: int = 100,
        name: str = "payments",
    ) -> AsyncIterator[PaymentLoad]:
        """Make payments beside the test for the length of a block: so many a slot, by all senders together.

        Each sender uses one of `nodes`, by default the block producers. While `most_pending` are in no block, none
        is made. The defaults are a payment of 1 nanomina for a fee of 0.01. At the end the account is told as
        measurements; that no payment was accepted is a warning.
        """
        load = PaymentLoad(
            name,
            senders,
            receiver,
            nodes or self.testnet.block_producers or self.testnet.nodes,
            per_slot=per_slot,
            slot_seconds=self.facts.constants.slot_ms / 1000,
            amount=Amount(1) if amount is None else amount,
            fee=Fee.of_coda("0.01") if fee is None else fee,
            most_pending=most_pending,
        )
        unsubscribe = self._router.subscribe(load.see)
        self.loads.append(load)
        try:
            async with self.task(name, load.run):
                yield load
                load.stop()
                await load.ended()
        finally:
            unsubscribe()
            self.loads.remove(load)
            tell(load, self.collect)
            if not load.account.accepted:
                self._sections.found(
                    Severity.WARNING, "IdleLoad", f"no payment of {name} was accepted: {load.trouble}"
                )

    async def together(self, **works: Callable[[], Awaitable[object]]) -> None:
        """Do several things at once, each to its end; errors are told as `task` does."""
        errors: list[BaseException] = []

        async def run(
            branch: AbstractContextManager[None], name: str, work: Callable[[], Awaitable[object]]
        ) -> None:
            with branch:
                try:
                    await work()
                except (ExecutiveError, AssertionError) as error:
                    error.add_note(f"(in {name})")
                    errors.append(error)

        async with asyncio.TaskGroup() as group:
            for name, work in works.items():
                group.create_task(run(self._sections.strands.branch(name), name, work), name=name)
        if errors:
            self._raise_joined(errors)

    def collect(self, name: str, value: float, unit: str, node: Node | None = None) -> None:
        """Keep a measurement, such as ("bootstrap", 3.2, "s"), of a node or of the network. It is in the outcome
        and the reports of the run.
        """
        measured = Measured(name, value, unit, None if node is None else node.id)
        self.measurements.append(measured)
        self._router.record(measured)

    async def wait_for(self, condition: WaitCondition, *, since: Cursor | None = None) -> Any:
        """Return once the condition is true, with its answer, if it has one.

        It begins where the previous wait was satisfied, so nothing falls between two waits, or at `since`.
        Raises WaitTimeout at the hard limit, WaitUnreachable at once when it can no longer come true,
        CrashedNode at once when any node crashes that was not expected to, HardLogError at once when a node
        logs an error that the test does not expect.
        """
        self.raise_if_ending()
        strand = self._sections.strands.current
        start = since or strand.cursor or self._start
        now = self._router.state
        limits = condition.limits(now, self.facts)
        wait = WaitInProgress(condition, self._router.now_ns(), limits)
        self.waits.append(wait)
        soft, hard = (
            self._seconds(span.in_seconds(self.facts.constants.slot_ms))
            for span in (limits.soft, limits.hard)
        )
        words = str(limits.soft), str(limits.hard)
        self._router.record(WaitBegan(condition.description, *words, soft, hard, self._sections.path))
        result = "cancelled"
        try:
            strand.cursor, answer = await self._settle(wait, start, soft, hard)
            result = "reached"
        except asyncio.CancelledError:
            self._note_cancellation(wait)
            raise
        except Exception as error:
            result = type(error).__name__
            raise
        finally:
            self.waits.remove(wait)
            self._router.record(WaitEnded(condition.description, result, wait.progress))
        return answer

    async def _settle(
        self, wait: WaitInProgress, start: Cursor, soft: float, hard: float
    ) -> tuple[Cursor, Any]:
        """Follow the history until the wait is decided; answers the point where it was satisfied, and the
        condition's answer. The limits are in seconds.
        """
        check = wait.condition.begin(start.state, self.facts)
        loop = asyncio.get_running_loop()
        decided: asyncio.Future[tuple[Cursor, Any]] = loop.create_future()
        timer: asyncio.TimerHandle | None = None

        def consider(_observation: Observation | None) -> None:
            nonlocal timer
            if decided.done():
                return
            now = self._now()
            try:
                verdict = check(now)
            except Exception as error:  # noqa: BLE001  a test's own predicate: it fails the wait, not who delivers lines
                decided.set_exception(error)
                return
            if isinstance(verdict, NotYet):
                wait.note(verdict.progress, now.time_ns)
            if isinstance(verdict, Reached):
                decided.set_result((self._router.cursor(), verdict.value))
            elif self._ending is not None:
                # A crash explains more than the wait that it makes impossible.
                decided.set_exception(self._ended_by(self._ending, wait))
            elif isinstance(verdict, Unreachable):
                decided.set_exception(unreachable(wait, verdict.reason, self._scenery(start)))
            elif verdict.look_again_ns is not None:
                if timer is not None:
                    timer.cancel()
                left = max(_SHORTEST_TIMER, (verdict.look_again_ns - now.time_ns) / 1e9)
                timer = loop.call_later(left, consider, None)

        unsubscribe = self._router.subscribe(consider)
        began = loop.time()
        try:
            consider(None)
            try:
                async with asyncio.timeout_at(began + hard):
                    while wait.condition.refresh is not None and not decided.done():
                        await wait.condition.refresh()
                        consider(None)
                        await asyncio.wait([decided], timeout=self._poll_seconds)
                    found = await decided
            except TimeoutError:
                now = self._now()
                last = check(now)
                if isinstance(last, NotYet):
                    wait.note(last.progress, now.time_ns)
                raise timed_out(wait, hard, self._scenery(start)) from None
            taken = loop.time() - began
            if taken > soft:
                self._overran(wait, taken, soft)
            return found
        finally:
            unsubscribe()
            if timer is not None:
                timer.cancel()

    def _now(self) -> NetworkState:
        """The state, as of this moment."""
        return replace(self._router.state, time_ns=self._router.now_ns())

    def _host_load(self) -> HostLoad | None:
        manager = self._membership.manager
        return manager.host_load() if isinstance(manager, HostObserver) else None

    @property
    def _poll_seconds(self) -> float:
        return min(_LONGEST_POLL, self.facts.constants.slot_ms / 4000)

    def _note_cancellation(self, wait: WaitInProgress | None) -> None:
        """Keep what the body was doing when it was cut short: the innermost wait or section is left first."""
        if self.cut_short is not None:
            return
        section = " / ".join(self._sections.path)
        place = f"in section {section}" if section else "outside of any section"
        waiting = (
            f"waiting for {wait.condition.description} (so far {wait.progress or 'nothing'})"
            if wait
            else "not waiting for anything"
        )
        self.cut_short = f"{place}, {waiting}"

    def _seconds(self, seconds: float) -> float:
        return seconds * self._settings.timeout_factor

    def _scenery(self, start: Cursor) -> Scenery:
        around = Around(
            tuple(map(str, self.nemesis.active)),
            tuple(f"{load.name}: {load.account}" for load in self.loads),
            self._delay,
            self._host_load(),
        )
        names = [node.id for node in self.testnet.nodes]
        return Scenery(names, start.state, self._now(), self.facts, around)

    def _ended_by(
        self, ending: CrashedNode | HardLogError | EngineError, wait: WaitInProgress
    ) -> ExecutiveError:
        if isinstance(ending, EngineError):
            return ending
        error = ending.during(wait.condition.description, wait.progress)
        for effect in self.nemesis.active:
            error.add_note(f"at work: {effect}")
        return error

    def _raise_joined(self, errors: list[BaseException]) -> NoReturn:
        """Raise the gravest of several errors and tell the others as errors of the run."""
        gravest, *others = sorted(errors, key=_gravity)
        for error in others:
            # A crash or a log line ends every wait that goes on: it is one error all the same.
            if not isinstance(error, CrashedNode | HardLogError | EngineError):
                self._sections.found(Severity.HARD, type(error).__name__, describe(error), raised=error)
        raise gravest from None

    def _overran(self, wait: WaitInProgress, taken: float, soft: float) -> None:
        severity = Severity.SOFT if self._settings.strict else Severity.WARNING
        rare = ", which a healthy network overruns once in a thousand times"
        self._sections.found(
            severity,
            "SlowWait",
            f"waiting for {wait.condition.description} took {taken:.1f} s, beyond its soft limit of "
            f"{wait.limits.soft} ({soft:.1f} s){rare if wait.limits.are_quantiles else ''}",
        )

    def end_with(self, error: HardLogError | EngineError) -> None:
        """End the test with this error at its current or next wait; the first one counts."""
        if self._ending is None:
            self._ending = error
            self._router.touch()

    def _watch_for_crashes(self, observation: Observation) -> None:
        match observation.event:
            case NodeCrashed() as crash:
                self._crashed(observation.node, observation.node, crash)
            case CompanionCrashed() as crash:
                self._crashed(observation.node, crash.companion, crash)

    def _crashed(self, node: NodeId, process: str, crash: NodeCrashed | CompanionCrashed) -> None:
        if node not in self._expected_crashes and self._ending is None:
            self._ending = CrashedNode(
                process, crash.exit_code, crash.signal, readable_ending(crash.last_lines)
            )

    def raise_if_ending(self) -> None:
        """Raise what ends the test, if something was found that no wait has raised yet."""
        if self._ending is not None:
            raise self._ending


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    """The errors of a group, whatever groups it is made of."""
    leaves: list[BaseException] = []
    for error in group.exceptions:
        leaves += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return leaves


def _gravity(error: BaseException) -> int:
    """The graver, the smaller: what is no error of ours, the infrastructure's, a node's, the test's."""
    if not isinstance(error, ExecutiveError | AssertionError):
        return 0
    if isinstance(error, EngineError):
        return 1
    return 2 if isinstance(error, CrashedNode | HardLogError) else 3
