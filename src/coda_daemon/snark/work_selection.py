"""Which piece of open work a coordinator hands out next (daemon contract A.2 `-work-selection`, H).

`seq` takes the first, `rand` any. Coordinators do not talk to each other, so two that follow the same rule do
the same work twice, and one of them is not paid. `part` is ours: of each piece, one of the coordinators is the
leader, by a hash of the piece and their keys. They know each other's keys from the work that they sell. A
coordinator takes the first piece that it leads, or that its leader has left undone for as long as a reassignment
takes. Coordinators that share a key count as one, and do each other's work.
"""

from collections.abc import Callable, Collection, Sequence
from hashlib import blake2b
from random import Random
from typing import Final

from coda_daemon.snark.statement import Bundle

SELECTIONS: Final = ("rand", "seq", "part")


class UnknownSelectionError(ValueError):
    """A `-work-selection` that is none."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Invalid work selection: expected one of {', '.join(SELECTIONS)}, found {name!r}")


# Of candidates, which stand in the order in which they are wanted, one or none; given also the keys that sell
# work, and whether a piece has been open for too long.
Selection = Callable[[Sequence[Bundle], Collection[str], Callable[[Bundle], bool]], Bundle | None]


def make_selection(name: str, *, chance: Random, prover: str) -> Selection:
    """Raises UnknownSelectionError; `chance` serves `rand` only, `prover` is the coordinator's key."""

    def first(candidates: Sequence[Bundle], *_: object) -> Bundle | None:
        return candidates[0] if candidates else None

    def any_of(candidates: Sequence[Bundle], *_: object) -> Bundle | None:
        return chance.choice(candidates) if candidates else None

    def first_of_ours(
        candidates: Sequence[Bundle], rivals: Collection[str], is_overdue: Callable[[Bundle], bool]
    ) -> Bundle | None:
        coordinators = {prover, *rivals}
        ours = (each for each in candidates if leader(each, coordinators) == prover or is_overdue(each))
        return next(ours, None)

    selections: dict[str, Selection] = {"seq": first, "rand": any_of, "part": first_of_ours}
    if name not in selections:
        raise UnknownSelectionError(name)
    return selections[name]


def leader(bundle: Bundle, coordinators: Collection[str]) -> str:
    """Whose piece of work it is among them: the highest digest of piece and key together."""

    def weight(coordinator: str) -> tuple[bytes, str]:
        digest = blake2b(coordinator.encode(), digest_size=16, key=bundle.statements[0]).digest()
        return digest, coordinator

    return max(coordinators, key=weight)
