"""Defects of the archive, and of what the daemon sends it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.coda_executive.catalogue.planted import Defect
from tests.coda_executive.planting import Original

ARCHIVE, ROWS, SIMULATED = (
    "coda_daemon.archive",
    "coda_daemon.archive.rows",
    "coda_executive.engines.simulation",
)


def rows_with(**changed: Any) -> Callable[..., Any]:
    """All rows of a kind with the same fields changed."""

    def plant(original: Original, *given: Any) -> Any:
        rows = original(*given)
        if isinstance(rows, tuple | list) or not hasattr(rows, "__dataclass_fields__"):
            return [replace(row, **changed) for row in rows]
        return replace(rows, **changed)

    return plant


def with_slot_1(original: Original, self: Any, table: str, columns: Any, rows: Any) -> Any:
    if table == "blocks":
        at = columns.index("global_slot_since_genesis")
        rows = [(*row[:at], 1, *row[at + 1 :]) for row in rows]
    return original(self, table, columns, rows)


async def never_stopped(_original: Original, _self: Any) -> None:
    return


def without_block(height: int) -> Any:
    def heard(original: Original, self: Any, announcement: Any) -> None:
        block = getattr(announcement, "block", None)
        if block is None or block.blockchain_length != height:
            original(self, announcement)

    return heard


async def replaying_less(original: Original, *given: Any) -> Any:
    return replace(await original(*given), blocks=0)


DEFECTS = {
    "a block is not sent to the archive": Defect(
        "archive-node",
        "archived",
        f"{ARCHIVE}.feed:ArchiveFeed._heard",
        without_block(2),
        "the archive misses 3N",
    ),
    "the archive has a slot wrong": Defect(
        "archive-node",
        "archived",
        f"{SIMULATED}.archives:SimulatedArchiveStore.insert",
        with_slot_1,
        "archived is [",
    ),
    "genesis is not final": Defect(
        "archive-node",
        "archived",
        f"{ARCHIVE}.archive:rows_of",
        rows_with(is_genesis=False),
        "genesis is pending",
    ),
    "the archive has an amount wrong": Defect(
        "archive-node",
        "archived",
        f"{ROWS}:_user_commands",
        rows_with(amount="4"),
        "the archive tells of the commands [(4, None)",
    ),
    "the archive takes failed commands for applied": Defect(
        "archive-node",
        "archived",
        f"{ROWS}:_user_commands",
        rows_with(failure_reason=None),
        "(1, None)]",
    ),
    "the archive has coinbases wrong": Defect(
        "archive-node",
        "archived",
        f"{ROWS}:_internal",
        rows_with(fee="1"),
        "the archive tells of the coinbases {",
    ),
    "an archive that is stopped goes on": Defect(
        "archive-node",
        "hole",
        f"{SIMULATED}.node_archive:SimulatedNodeArchive.stop",
        never_stopped,
        "the archive was down, and misses nothing",
    ),
    "a block that nobody sends is never archived": Defect(
        "archive-node",
        "filled",
        f"{ARCHIVE}.feed:ArchiveFeed._heard",
        without_block(3),
        "the archive misses 3N",
    ),
    "the archive has a nonce wrong": Defect(
        "archive-node",
        "replay",
        f"{ROWS}:_user_commands",
        rows_with(nonce=7),
        "the replay does not add up: ",
    ),
    "the replay leaves blocks out": Defect(
        "archive-node", "replay", f"{ARCHIVE}.process:replayed", replaying_less, "the replay had "
    ),
}
