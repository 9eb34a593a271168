"""One run, from the plan to the outcome, inside the engine's event loop.

    validate plan deploy attach start run drain analyse destroy

Whatever ends the body (its end, an error, a signal, its time limit) takes the same way out: the logs are
drained, the testnet is destroyed, and an error on that way is reported beside the test's, never instead of
it.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, field

from coda_executive.config.make_plan import make_plan
from coda_executive.config.plan import DeploymentPlan
from coda_executive.config.plan_document import plan_document
from coda_executive.config.roster import node_names
from coda_executive.config.validate import check
from coda_executive.dsl.dsl import Dsl, WaitSettings
from coda_executive.dsl.membership import Membership
from coda_executive.dsl.results import Results
from coda_executive.dsl.sections import FoundError, Sections, Severity, describe
from coda_executive.errors import (
    ConfigError,
    EngineError,
    ExecutiveError,
    HardLogError,
    InternalError,
    LeakError,
)
from coda_executive.events.event import ErrorLogged
from coda_executive.executive.integration_test import IntegrationTest
from coda_executive.executive.interrupts import Interruption, interruptible
from coda_executive.executive.judgement import errors_of, run_facts, run_panel, verdict_of
from coda_executive.executive.keeping import Keeping, Pause
from coda_executive.executive.log_policy import LogJudge
from coda_executive.executive.monitor import Monitor, RunView
from coda_executive.executive.outcome import Outcome, PhaseTime
from coda_executive.executive.run_directory import RunDirectory
from coda_executive.interfaces.engine import Session
from coda_executive.interfaces.keeping import Detachable
from coda_executive.interfaces.log_engine import Attachment, LogRecord, Queries
from coda_executive.interfaces.network_manager import DaemonBuild
from coda_executive.interfaces.testnet import Testnet
from coda_executive.nemesis.journal import JOURNAL_FILE
from coda_executive.observation.delivery import DeliveryDelay
from coda_executive.observation.history import (
    ErrorFound,
    GenesisSet,
    Measured,
    RunEnded,
    SectionBegan,
    SectionEnded,
    ValidationBegan,
)
from coda_executive.observation.router import Observation, Router
from coda_executive.validation.finding import Finding
from coda_executive.validation.panel import Panel
from coda_executive.wait_conditions.condition import NetworkFacts

DRAIN_SECONDS = 10.0
DESTROY_SECONDS = 60.0


@dataclass(slots=True)
class Failures:
    """Takes failures of the infrastructure that come outside of any call; the first one ends the test's body."""

    first: EngineError | None = None
    dsl: Dsl | None = None

    def report(self, error: EngineError) -> None:
        if self.first is None:
            self.first = error
            if self.dsl is not None:
                self.dsl.end_with(error)


@dataclass(slots=True)
class Execution:
    """The state of one run between its phases."""

    test: IntegrationTest
    session: Session
    router: Router
    sections: Sections
    directory: RunDirectory
    seed: int
    settings: WaitSettings
    monitor: Monitor
    view: RunView
    failures: Failures
    genesis_files: Mapping[str, bytes]
    keep_up: Keeping | None = None  # what becomes of the testnet of a test that passed, None: destroyed
    pause: Pause | None = None  # asked what becomes of that of a test that failed
    kept: Keeping | None = None  # what has become of it
    phases: list[PhaseTime] = field(default_factory=list)
    judge: LogJudge = field(init=False)
    delay: DeliveryDelay = field(default_factory=DeliveryDelay)
    doing: str | None = None
    infrastructure_failed: bool = False
    panel: Panel | None = None  # of validators, from the plan on
    findings: tuple[Finding, ...] = ()
    measurements: tuple[Measured, ...] = ()
    dsl: Dsl | None = None  # from the beginning of the body on
    early_errors: list[HardLogError] = field(default_factory=list)  # of before it

    def __post_init__(self) -> None:
        self.judge = LogJudge(self.test.log_policy)
        self.sections.on_found = self._note_error

    async def execute(self) -> Outcome:
        """Run everything; never raises for what the network, the test or the user did."""
        with interruptible(self.monitor.notice) as interruption:
            try:
                await self._run()
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if interruption.signal_name is None or task is None:
                    raise
                while task.uncancel():
                    pass
            except ConfigError as error:
                self._found(error)
                return self._outcome(interruption, bad_usage=True)
            except ExecutiveError as error:
                self._found(error)
            if self.failures.first is not None:
                self._found(self.failures.first)
            return self._outcome(interruption)

    async def _run(self) -> None:
        build, plan = await self._prepared()
        async with self._deployed(plan) as testnet:
            deliver = self._deliver
            queries = Queries(build.event_ids)
            self.router.subscribe(self._judge_line, (ErrorLogged,))
            async with self.session.log_engine.attach(testnet, queries, deliver) as attachment:
                with self._phase("start"):
                    began_ns = self.router.now_ns()
                    launch = await self.session.manager.launch()
                    genesis_ns = began_ns + round(launch.boot_allowance * 1e9)
                    self.router.record(GenesisSet(genesis_ns))
                facts = NetworkFacts(
                    constants=plan.constants,
                    stake={node.id: node.stake_share for node in plan.nodes if node.stake_share > 0},
                    boot_allowance=launch.boot_allowance,
                )
                async with self._drained(attachment):
                    with self._phase("run"):
                        await self._body(testnet, attachment, facts)
                    await self._pause_if_failed(testnet)
            with self._phase("analyse"):
                self._analyse()
            if not self._has_failed():
                self.kept = self.keep_up

    async def _prepared(self) -> tuple[DaemonBuild, DeploymentPlan]:
        with self._phase("validate"):
            check(self.test.network, self.test.runtime)
            build = await self.session.manager.handshake()
        with self._phase("plan"):
            sites = await self.session.manager.sites(node_names(self.test.network))
            plan = make_plan(
                self.test.network,
                self.test.runtime,
                sites,
                seed=self.seed,
                genesis_files=self.genesis_files,
            )
            document = plan_document(plan)
            self.directory.store_plan(document)
            self.panel = run_panel(run_facts(document))
            self.router.follow(self.panel.take)
        return build, plan

    def _deliver(self, records: Sequence[LogRecord]) -> None:
        self.delay.take(records, self.router.now_ns())
        self.router.deliver(records)

    def _store_plan(self, plan: DeploymentPlan) -> None:
        self.directory.store_plan(plan_document(plan))

    @asynccontextmanager
    async def _deployed(self, plan: DeploymentPlan) -> AsyncIterator[Testnet]:
        """Hold the testnet; it is destroyed whatever happens inside, and what it left behind is looked for."""
        try:
            with self._phase("deploy"):
                testnet = await self.session.manager.deploy(plan)
            yield testnet
        finally:
            try:
                if self.kept is not None:
                    await self._leave_up(self.kept)
            finally:
                if self.kept is None:
                    await self._destroy()

    async def _pause_if_failed(self, testnet: Testnet) -> None:
        """Hold a failed network for the user, whose answer is whether it shall stay up."""
        if self.pause is not None and self._has_failed() and self.failures.first is None:
            first = next(error for error in self.sections.errors if error.severity is not Severity.WARNING)
            with self._phase("pause"):
                self.monitor.notice(f"{first.kind}: {first.message}")
                self.kept = await self.pause(testnet, self.directory.path)

    async def _leave_up(self, keeping: Keeping) -> None:
        """Let go of the testnet. If that fails, it is destroyed as any other."""
        manager = self.session.manager
        assert isinstance(manager, Detachable)  # whoever asked for it has looked
        with self._phase("keep"):
            try:
                await manager.keep_up(keeping.name, keeping.lease)
            except BaseException as error:
                self.kept = None
                if not isinstance(error, ExecutiveError):
                    raise
                self._found(error)

    async def _destroy(self) -> None:
        with self._phase("destroy"):
            try:
                async with asyncio.timeout(DESTROY_SECONDS):
                    await self.session.manager.destroy()
                leaks = await self.session.manager.leaks()
                if leaks:
                    raise LeakError(
                        "the run left something behind: "
                        + "; ".join(leaks)
                        + ". `coda-executive cleanup` removes it."
                    )
            except TimeoutError:
                self._found(
                    EngineError(
                        f"the testnet was not destroyed within {DESTROY_SECONDS:g} s; see coda-executive cleanup"
                    )
                )
            except ExecutiveError as error:
                self._found(error)

    @asynccontextmanager
    async def _drained(self, attachment: Attachment) -> AsyncIterator[None]:
        """Read every node's last line after the block, also after an error."""
        try:
            yield
        finally:
            with self._phase("drain"):
                try:
                    async with asyncio.timeout(DRAIN_SECONDS):
                        await attachment.drain()
                except TimeoutError:
                    self.sections.found(
                        Severity.WARNING,
                        "LateLogs",
                        f"the nodes' last log lines were not read within {DRAIN_SECONDS:g} s",
                    )

    async def _body(self, testnet: Testnet, attachment: Attachment, facts: NetworkFacts) -> None:
        """Run the test's body; what it raises becomes an error of the run here, with the place in the user's
        file.
        """
        membership = Membership(
            testnet, self.session.manager, attachment, self.test.runtime, self.seed, self._store_plan
        )
        dsl = Dsl(
            membership,
            self.router,
            facts,
            self.sections,
            self.settings,
            nemesis_journal=self.directory.path / JOURNAL_FILE if self.directory.is_filled else None,
            delay=self.delay,
        )
        self.dsl = self.view.dsl = self.failures.dsl = dsl
        if self.failures.first is not None:
            raise self.failures.first
        limit = self.test.time_limit.in_seconds(facts.constants.slot_ms) * self.settings.timeout_factor
        for error in self.early_errors:
            dsl.end_with(error)
        try:
            async with asyncio.timeout(limit) as deadline:
                async with self._traffic(dsl):
                    await self.test.body(dsl)
            dsl.raise_if_ending()
            dsl.account_for_nodes()
        except TimeoutError as error:
            if not deadline.expired():
                self._found_in_test(error)
            else:
                self.sections.found(
                    Severity.HARD,
                    "TimeLimit",
                    f"the test did not end within its time limit of {self.test.time_limit} ({limit:g} s); "
                    f"it was {dsl.cut_short or 'outside of any section'}",
                )
        except asyncio.CancelledError:
            self.doing = dsl.cut_short or "outside of any section"
            raise
        except EngineError:
            raise
        except ExecutiveError as error:
            self._found(error)
        except Exception as error:  # the border: a test's own bug is a verdict on the test  # noqa: BLE001
            self._found_in_test(error)
        finally:
            self.measurements = tuple(dsl.measurements)
            self.view.dsl = self.failures.dsl = None

    def _traffic(self, dsl: Dsl) -> AbstractAsyncContextManager[None]:
        traffic = self.test.traffic
        return nullcontext() if traffic is None else dsl.task("traffic", lambda: traffic(dsl))

    def _judge_line(self, seen: Observation) -> None:
        """From the first line to the drained last one: what is read before or after the body was written for it too."""
        event = seen.event
        if not isinstance(event, ErrorLogged):
            return
        severity = self.judge.judge(seen.node, event)
        if severity is not Severity.HARD:
            if severity is not None:
                self.sections.found(
                    severity, "LogLine", f"{seen.node} logged at level {event.level}: {event.message}"
                )
            return
        if self.dsl is not None and self.dsl.is_crash_expected(seen.node):
            return  # a daemon that ends by itself says so at level Error or Fatal
        error = HardLogError(seen.node, event.level, event.message)
        if self.dsl is None:
            self.early_errors.append(error)
        elif self.view.dsl is not None:
            self.dsl.end_with(error)
        elif not self._has_failed():
            self._found(error)

    def _analyse(self) -> None:
        for missing in self.judge.missing():
            where = f" of {missing.node}" if missing.node else ""
            self.sections.found(
                Severity.SOFT,
                "MissingLogLine",
                f"the test expects a log line{where} of level Warn or above that matches {missing.pattern!r}, "
                f"and none came",
            )
        self._analyse_results()
        assert self.panel is not None, "what was deployed had a plan"
        required = self.test.exercises if self.settings.strict else ()
        self.router.record(ValidationBegan(required))
        self.findings = self.panel.findings()
        for error in errors_of(self.findings, required=required):
            self.sections.found(Severity.SOFT, type(error).__name__, describe(error))

    def _analyse_results(self) -> None:
        """Have the test judge what it collected, unless it was stopped early."""
        if self.test.analysis is None or any(
            error.severity is Severity.HARD for error in self.sections.errors
        ):
            return
        with self.sections.section("analysis", hard=False) as record:
            self.router.record(SectionBegan(record.path, False))
            try:
                self.test.analysis(Results(self.router.state, self.measurements))
            except (ExecutiveError, AssertionError):
                raise
            except Exception as error:  # noqa: BLE001  the border: a test's own bug is a verdict on the test
                self._found_in_test(error)
            finally:
                self.router.record(SectionEnded(record.path))

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        self.view.phase = name
        self.monitor.phase(name)
        try:
            yield
        except asyncio.CancelledError:
            self.doing = self.doing or f"phase {name}"
            raise
        finally:
            self.phases.append(PhaseTime(name, round(loop.time() - began, 6)))

    def _found(self, error: ExecutiveError) -> None:
        if error is self.failures.first:
            self.failures.first = None
        if isinstance(error, EngineError | InternalError):
            self.infrastructure_failed = True
        self.sections.found(Severity.HARD, type(error).__name__, describe(error), raised=error)

    def _found_in_test(self, error: Exception) -> None:
        """An exception of the test's own code: told with the line of the test that raised it."""
        if isinstance(error, AssertionError):
            self.sections.found(Severity.HARD, "AssertionError", describe(error), raised=error)
            return
        text = f"{describe(error)}\nnext: mend the test's own code, which raised this; no node is to blame"
        self.sections.found(Severity.HARD, type(error).__name__, text, raised=error)

    def _note_error(self, error: FoundError) -> None:
        self.router.note(ErrorFound(error.severity.value, error.kind, error.message, error.section))

    def _has_failed(self) -> bool:
        return any(error.severity is not Severity.WARNING for error in self.sections.errors)

    def _outcome(self, interruption: Interruption, *, bad_usage: bool = False) -> Outcome:
        end = RunEnded(
            interrupted=interruption.signal_name is not None,
            infrastructure_failed=self.infrastructure_failed,
            bad_usage=bad_usage,
        )
        self.router.note(end)
        return Outcome(
            verdict=verdict_of(end, has_errors=self._has_failed(), findings=self.findings),
            errors=tuple(self.sections.errors),
            sections=tuple(self.sections.sections),
            phases=tuple(self.phases),
            doing=self.doing,
            findings=self.findings,
            kept=self.kept.name if self.kept else None,
            measurements=self.measurements,
        )
