"""The tree of errors, parted by who must act.

    ExecutiveError
    ├── ConfigError          the test's author: a configuration, a command line, a test that cannot be loaded
    ├── EngineError          the infrastructure: cannot deploy, disk full, leak after the run
    │   ├── DeployError      the testnet could not be put in place or started
    │   ├── LeakError        something outlived the run
    │   ├── FaultError       a fault had no effect, or could not be undone
    │   └── GenesisStoreError  genesis files could not be stored or fetched
    ├── DaemonError          the node under test: crashed, silent, refused a request
    │   ├── CrashedNode      its process ended without being asked
    │   ├── HardLogError     it logged an error that the test does not expect
    │   └── RequestFailed    it answered with an error, or the answer was lost
    ├── TestFailed           the network broke a promise
    │   ├── WaitTimeout      a wait overran its hard limit
    │   ├── WaitUnreachable  a wait can no longer come true
    │   ├── InvariantViolated  a validator found what may never be
    │   └── VacuousValidator   a validator that the test exercises had no chance to fail, in a strict run
    └── InternalError        us

An error's text names the thing, what was expected and found, and the next step. A subclass carries the values
as attributes too. A library's exception stops at the module that uses the library.
"""


def logs_of(node: str) -> str:
    """The command that shows a node's log; RUN stands for the run directory."""
    return f"coda-executive logs RUN --filter 'node == \"{node}\"'"


class ExecutiveError(Exception):
    """Any error that we raise on purpose."""


class ConfigError(ExecutiveError):
    """What the user wrote cannot be used; nothing was started."""


class EngineError(ExecutiveError):
    """The infrastructure failed; the network under test is not to blame."""


class DeployError(EngineError):
    """A testnet could not be put in place or started."""


class LeakError(EngineError):
    """Something that a run started was still there after its end."""


class FaultError(EngineError):
    """A fault that a test asked for had no effect, or was still there after it was undone."""


class GenesisStoreError(EngineError):
    """A store of genesis files cannot be reached, lacks a ledger or has a damaged file."""


class DaemonError(ExecutiveError):
    """A node under test misbehaved."""


class CrashedNode(DaemonError):
    """A node's process ended without being asked. Exactly one of `exit_code` and `signal` is set."""

    def __init__(
        self,
        node: str,
        exit_code: int | None,
        signal: str | None,
        last_lines: tuple[str, ...],
        waiting: str = "",
    ) -> None:
        how = f"was killed by {signal}" if signal else f"exited with code {exit_code}"
        text = "".join(f"\n    {line}" for line in last_lines)
        super().__init__(
            f"{node} crashed: it {how} and nobody asked it to{waiting}. "
            + (f"Its last lines:{text}" if last_lines else "It had written nothing.")
        )
        self.node, self.exit_code, self.signal, self.last_lines = node, exit_code, signal, last_lines
        self.add_note(f"next: {logs_of(node)}")

    def during(self, waiting_for: str, progress: str) -> "CrashedNode":
        """The same, told by a wait that it ended."""
        waiting = f", while the test waited for {waiting_for} (so far {progress or 'nothing'})"
        return CrashedNode(self.node, self.exit_code, self.signal, self.last_lines, waiting)


class HardLogError(DaemonError):
    """A node logged a line of level Error or Fatal that the test does not expect."""

    def __init__(self, node: str, level: str, line: str, waiting: str = "") -> None:
        super().__init__(
            f"{node} logged at level {level}{waiting}: {line}\n"
            f"If the test provokes this line, list it in its LogPolicy as an ExpectedLog."
        )
        self.node, self.level, self.line = node, level, line
        self.add_note(f"next: {logs_of(node)}")

    def during(self, waiting_for: str, progress: str) -> "HardLogError":
        """The same, told by a wait that it ended."""
        waiting = f" while the test waited for {waiting_for} (so far {progress or 'nothing'})"
        return HardLogError(self.node, self.level, self.line, waiting)


class RequestFailed(DaemonError):
    """A request to a daemon failed. `definite` tells whether it surely had no effect: a lost reply is neither
    done nor failed.
    """

    def __init__(self, message: str, *, definite: bool) -> None:
        super().__init__(message)
        self.definite = definite


class TestFailed(ExecutiveError):
    """The network broke a promise that the test makes about it."""

    __test__ = False


class WaitTimeout(TestFailed):
    """A wait overran its hard limit; `seconds` is that limit in time, `nodes` one line on each node, and
    `is_quantile` whether a healthy network overruns it once in a million times.
    """

    def __init__(
        self,
        waiting_for: str,
        limit: object,
        seconds: float,
        progress: str,
        nodes: tuple[str, ...],
        *,
        is_quantile: bool,
    ) -> None:
        table = "".join(f"\n    {line}" for line in nodes)
        rare = ", which a healthy network overruns once in a million times" if is_quantile else ""
        super().__init__(
            f"timed out waiting for {waiting_for} after {limit} ({seconds:.1f} s){rare}. "
            f"So far: {progress or 'nothing'}.{table}"
        )
        self.waiting_for, self.progress, self.seconds = waiting_for, progress, seconds


class WaitUnreachable(TestFailed):
    """A wait can no longer come true."""

    def __init__(self, waiting_for: str, reason: str, progress: str) -> None:
        super().__init__(f"stopped waiting for {waiting_for}: {reason} (so far {progress or 'nothing'})")
        self.waiting_for, self.reason, self.progress = waiting_for, reason, progress


class InvariantViolated(TestFailed):
    """An invariant of the protocol was broken; `witness` are the events that show it, one a line."""

    def __init__(self, validator: str, sentence: str, witness: tuple[str, ...]) -> None:
        events = "".join(f"\n    {event}" for event in witness)
        super().__init__(f"{validator}: {sentence}.{events}")
        self.validator, self.sentence, self.witness = validator, sentence, witness


class VacuousValidator(TestFailed):
    """A validator that the test names in `exercises` had no chance to fail, so the run says nothing of it."""

    def __init__(self, validator: str, reason: str) -> None:
        super().__init__(
            f"{validator} had no chance to fail: {reason}. The test names it in `exercises`: make the run show it, "
            f"or leave it out there."
        )
        self.validator, self.reason = validator, reason


class InternalError(ExecutiveError):
    """A bug of ours."""
