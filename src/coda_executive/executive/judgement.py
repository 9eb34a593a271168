"""From what a history holds to the verdict of its run: while it runs, and at any time later, the same.

Waits, sections and errors are taken as they were recorded. Only the validators look at the events again.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from coda_executive.config.node_id import NodeId
from coda_executive.dsl.sections import Severity
from coda_executive.errors import EngineError, InvariantViolated, TestFailed, VacuousValidator
from coda_executive.executive.outcome import Verdict
from coda_executive.observation.history import ErrorFound, HistoryReader, RunEnded, ValidationBegan
from coda_executive.support.clock import monotonic
from coda_executive.validation.finding import Finding, Validity, worst
from coda_executive.validation.in_the_box import validators_in_the_box
from coda_executive.validation.panel import Panel
from coda_executive.validation.validator import RunFacts

# Errors that follow from findings: judging again finds them again.
_OF_FINDINGS = frozenset((InvariantViolated.__name__, VacuousValidator.__name__))


_CLOCK_VARIABLES = ("MINA_TIME_OFFSET", "CODA_TIME_OFFSET")  # daemon contract A.5


class _Constants(msgspec.Struct, frozen=True):
    k: int
    slots_per_epoch: int
    slot_ms: int
    slots_per_sub_window: int = 0
    grace_period_slots: int | None = None
    genesis_slot: int = 0


class _Node(msgspec.Struct, frozen=True):
    stake_share: float
    environment: dict[str, str] = {}


class _Plan(msgspec.Struct, frozen=True):
    """What validators need of plan.json."""

    constants: _Constants
    nodes: dict[NodeId, _Node]
    joined: tuple[NodeId, ...] = ()


def run_facts(plan_document: str | bytes) -> RunFacts:
    """What validators must know of a run, from the text of its plan. Raises ValueError if it is damaged."""
    plan = msgspec.json.decode(plan_document, type=_Plan)
    return RunFacts(
        k=plan.constants.k,
        slots_per_epoch=plan.constants.slots_per_epoch,
        slot_ms=plan.constants.slot_ms,
        slots_per_sub_window=plan.constants.slots_per_sub_window,
        grace_period_slots=plan.constants.grace_period_slots,
        genesis_slot=plan.constants.genesis_slot,
        wrong_clocks=frozenset(
            name
            for name, node in plan.nodes.items()
            if any(node.environment.get(variable, "0") != "0" for variable in _CLOCK_VARIABLES)
        ),
        # Of those that joined later the run's own validators were not told.
        stake={
            name: node.stake_share
            for name, node in plan.nodes.items()
            if node.stake_share > 0 and name not in plan.joined
        },
    )


def run_panel(facts: RunFacts) -> Panel:
    """A panel of all validators that judge every run."""
    return Panel(validators_in_the_box, facts, clock=monotonic)


def errors_of(findings: Iterable[Finding], *, required: Collection[str]) -> list[TestFailed]:
    """The errors of the run that findings are: violations, and validators with no chance to fail that are
    `required` to have had one.
    """
    errors: list[TestFailed] = []
    for finding in findings:
        if finding.validity is Validity.INVALID:
            errors.append(InvariantViolated(finding.validator, finding.sentence, finding.witness))
        elif finding.validity is Validity.VACUOUS and finding.validator in required:
            errors.append(VacuousValidator(finding.validator, finding.sentence))
    return errors


def verdict_of(end: RunEnded, *, has_errors: bool, findings: Iterable[Finding]) -> Verdict:
    """The verdict of a run that came to its end. `has_errors` tells whether any counts against it, those of
    the findings included.
    """
    if end.bad_usage:
        return Verdict.USAGE
    if end.interrupted:
        return Verdict.INTERRUPTED
    if end.infrastructure_failed:
        return Verdict.INFRASTRUCTURE
    if has_errors:
        return Verdict.FAILED
    is_unknown = worst(finding.validity for finding in findings) is Validity.UNKNOWN
    return Verdict.INCONCLUSIVE if is_unknown else Verdict.PASSED


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a history says of its run. `errors` are told as "kind: message"; `remark` says why a verdict is
    less than it could be, None when nothing was in the way.
    """

    verdict: Verdict
    errors: tuple[str, ...]
    findings: tuple[Finding, ...]
    remark: str | None = None


def judge_run(directory: Path) -> Judgement:
    """Judge a run from its history. One that was killed before its end is inconclusive, unless it had failed.

    Raises EngineError if there is no history or it is damaged.
    """
    reader = HistoryReader(directory / "history")
    panel = _panel_of(directory)
    recorded: list[ErrorFound] = []
    validation: ValidationBegan | None = None
    end: RunEnded | None = None
    for entry in reader:
        if panel is not None:
            panel.take(entry.time_ns, (entry.record,))
        match entry.record:
            case ErrorFound() as error if error.error not in _OF_FINDINGS:
                recorded.append(error)
            case ValidationBegan() as began:
                validation = began
            case RunEnded() as ended:
                end = ended
    findings = panel.findings() if panel is not None else ()
    # A run that was cut short was not validated: what its validators say now does not change its verdict.
    counted = findings if validation is not None else ()
    found = errors_of(counted, required=() if validation is None else validation.required)
    errors = [f"{error.error}: {error.message}" for error in recorded]
    errors += [f"{type(error).__name__}: {error}" for error in found]
    has_errors = bool(found) or any(error.severity != Severity.WARNING for error in recorded)
    if end is not None:
        remark = None if validation or has_errors else "the run was cut short before its validation"
        verdict = verdict_of(end, has_errors=has_errors, findings=counted)
        return Judgement(verdict, tuple(errors), findings, remark)
    verdict = Verdict.FAILED if has_errors else Verdict.INCONCLUSIVE
    return Judgement(
        verdict, tuple(errors), findings, "the history has no end: the run goes on, or was killed"
    )


def _panel_of(directory: Path) -> Panel | None:
    """None for a run that ended before it had a plan: there is nothing to validate."""
    path = directory / "plan.json"
    try:
        return run_panel(run_facts(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise EngineError(f"{path} cannot be read: {error}; is this the directory of a run?") from error
