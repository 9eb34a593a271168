"""What `archive replay` said, read from its log lines."""

from collections.abc import Sequence

import msgspec

from coda_executive.errors import RequestFailed
from coda_executive.interfaces.archive import Replay


class _Counts(msgspec.Struct):
    blocks: int = -1
    user_commands: int = -1
    internal_commands: int = -1
    error: str = ""


class _Line(msgspec.Struct):
    message: str
    metadata: _Counts


def replay_of(exit_code: int | None, lines: Sequence[str]) -> Replay:
    """Positive evidence only: a replay that ended well says what it replayed. Raises RequestFailed without it."""
    problem = None
    for line in lines:
        try:
            said = msgspec.json.decode(line, type=_Line)
        except msgspec.DecodeError:
            continue
        counts = said.metadata
        if exit_code == 0 and said.message.startswith("Replayed ") and counts.blocks >= 0:
            return Replay(counts.blocks, counts.user_commands, counts.internal_commands)
        problem = counts.error or problem
    if exit_code and problem:
        return Replay(0, 0, 0, problem)
    shown = "; ".join(lines[-3:]) or "nothing"
    raise RequestFailed(
        f"archive replay ended with {exit_code} and said: {shown[:500]}; expected what it had replayed",
        definite=True,
    )
