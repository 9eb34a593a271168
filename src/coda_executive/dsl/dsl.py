"""The object that a test's body is given: it waits, structures the test, and hands out the testnet."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from coda_executive.config.node_id import NodeId
from coda_executive.dsl.sections import Sections, Severity
from coda_executive.errors import (
    CrashedNode,
    EngineError,
    ExecutiveError,
    HardLogError,
    WaitTimeout,
    WaitUnreachable,
)
from coda_executive.events.event import NodeCrashed
from coda_executive.interfaces.testnet import Testnet
from coda_executive.observation.history import SectionBegan, SectionEnded, WaitBegan, WaitEnded
from coda_executive.observation.network_state import NetworkState
from coda_executive.observation.router import Cursor, Observation, Router
from coda_executive.wait_conditions.condition import (
    NetworkFacts,
    NotYet,
    Reached,
    Unreachable,
    Verdict,
    WaitCondition,
)
from coda_executive.wait_conditions.limits import Limits


@dataclass(slots=True)
class WaitInProgress:
    """A wait that goes on: what for, since when (nanoseconds since the run began), its limits, and how far it
    got.
    """

    condition: WaitCondition
    began_ns: int
    limits: Limits
    progress: str = ""


@dataclass(slots=True)
class WaitSettings:
    """`timeout_factor` stretches every limit; `strict` makes overrunning a soft limit an error."""

    timeout_factor: float = 1.0
    strict: bool = False


class Dsl:
    """One test's view of its network. Everything in it belongs to one run and one event loop."""

    def __init__(
        self,
        testnet: Testnet,
        router: Router,
        facts: NetworkFacts,
        sections: Sections,
        settings: WaitSettings,
    ) -> None:
        self.testnet = testnet
        self.facts = facts
        self.waits: list[WaitInProgress] = []
        self.cut_short: str | None = None  # what a cancelled body was doing
        self._router = router
        self._sections = sections
        self._settings = settings
        self._cursor = router.cursor()
        self._ending: CrashedNode | HardLogError | EngineError | None = None
        self._expected_crashes: set[NodeId] = set()
        router.subscribe(self._watch_for_crashes)
        # A daemon may have died between the start of the nodes and this moment.
        for name in router.state.names:
            crash = router.state.node(name).crash
            if crash is not None:
                self._crashed(name, crash)

    @property
    def state(self) -> NetworkState:
        """What is known of the network now: a value, it does not change."""
        return self._router.state

    def cursor(self) -> Cursor:
        """This point in the history, for `wait_for(…, since=…)`."""
        return self._router.cursor()

    def expect_crash(self, node: NodeId) -> None:
        """From now on a crash of this node is no error; any other node's ends the test."""
        self._expected_crashes.add(node)

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

    async def wait_for(self, condition: WaitCondition, *, since: Cursor | None = None) -> None:
        """Return once the condition is true.

        It begins where the previous wait was satisfied, so nothing falls between two waits, or at `since`.
        Raises WaitTimeout at the hard limit, WaitUnreachable at once when it can no longer come true,
        CrashedNode at once when any node crashes that was not expected to, HardLogError at once when a node
        logs an error that the test does not expect.
        """
        self.raise_if_ending()
        start = since or self._cursor
        now = self._router.state
        limits = condition.limits(now, self.facts)
        wait = WaitInProgress(condition, self._router.now_ns(), limits)
        self.waits.append(wait)
        self._router.record(WaitBegan(condition.description, str(limits.soft), str(limits.hard)))
        result = "cancelled"
        try:
            self._cursor = await self._settle(wait, start)
            result = "reached"
        except asyncio.CancelledError:
            self._note_cancellation(wait)
            raise
        except ExecutiveError as error:
            result = type(error).__name__
            raise
        finally:
            self.waits.remove(wait)
            self._router.record(WaitEnded(condition.description, result, wait.progress))

    async def _settle(self, wait: WaitInProgress, start: Cursor) -> Cursor:
        """Follow the history until the wait is decided; answers the point where it was satisfied."""
        check = wait.condition.begin(start.state, self.facts)
        loop = asyncio.get_running_loop()
        decided: asyncio.Future[Cursor] = loop.create_future()

        def consider(_observation: Observation | None) -> None:
            if decided.done():
                return
            verdict = check(self._router.state)
            if isinstance(verdict, NotYet):
                wait.progress = verdict.progress
            if isinstance(verdict, Reached):
                decided.set_result(self._router.cursor())
            elif self._ending is not None:
                # A crash explains more than the wait that it makes impossible.
                decided.set_exception(
                    self._ending
                    if isinstance(self._ending, EngineError)
                    else self._ending.during(wait.condition.description, wait.progress)
                )
            elif isinstance(verdict, Unreachable):
                decided.set_exception(
                    WaitUnreachable(wait.condition.description, verdict.reason, wait.progress)
                )

        unsubscribe = self._router.subscribe(consider)
        began = loop.time()
        try:
            consider(None)
            soft = self._seconds(wait.limits.soft.in_seconds(self.facts.constants.slot_ms))
            hard = self._seconds(wait.limits.hard.in_seconds(self.facts.constants.slot_ms))
            try:
                async with asyncio.timeout_at(began + hard):
                    cursor = await decided
            except TimeoutError:
                raise self._timed_out(wait, check(self._router.state), hard) from None
            taken = loop.time() - began
            if taken > soft:
                self._overran(wait, taken, soft)
            return cursor
        finally:
            unsubscribe()

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

    def _timed_out(self, wait: WaitInProgress, verdict: Verdict, hard: float) -> WaitTimeout:
        if isinstance(verdict, NotYet):
            wait.progress = verdict.progress
        state = self._router.state
        nodes = tuple(f"{node.id}: {state.node(node.id).summary}" for node in self.testnet.nodes)
        return WaitTimeout(wait.condition.description, wait.limits.hard, hard, wait.progress, nodes)

    def _overran(self, wait: WaitInProgress, taken: float, soft: float) -> None:
        severity = Severity.SOFT if self._settings.strict else Severity.WARNING
        self._sections.found(
            severity,
            "SlowWait",
            f"waiting for {wait.condition.description} took {taken:.1f} s, beyond its soft limit of {wait.limits.soft} "
            f"({soft:.1f} s), which a healthy network overruns once in a thousand times",
        )

    def end_with(self, error: HardLogError | EngineError) -> None:
        """End the test with this error at its current or next wait; the first one counts."""
        if self._ending is None:
            self._ending = error
            self._router.touch()

    def _watch_for_crashes(self, observation: Observation) -> None:
        if isinstance(observation.event, NodeCrashed):
            self._crashed(observation.node, observation.event)

    def _crashed(self, node: NodeId, crash: NodeCrashed) -> None:
        if node not in self._expected_crashes and self._ending is None:
            self._ending = CrashedNode(node, crash.exit_code, crash.signal, crash.last_lines)

    def raise_if_ending(self) -> None:
        """Raise what ends the test, if something was found that no wait has raised yet."""
        if self._ending is not None:
            raise self._ending
