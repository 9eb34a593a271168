"""What a block that a node just added did, for whoever stores it."""

from coda_daemon.announcements import Announcement, BlockAdded
from coda_daemon.archive.block_diff import BlockDiff, diff_of
from coda_daemon.blocks import Block
from coda_daemon.node import Node


def added_block(node: Node, announcement: Announcement) -> tuple[Block, BlockDiff] | None:
    """The block that an announcement tells of; None when it tells of something else. Call it at once."""
    if not isinstance(announcement, BlockAdded) or node.frontier is None:
        return None
    built = node.frontier.breadcrumb(announcement.block.state_hash)
    parent = node.frontier.breadcrumb(announcement.block.previous_state_hash)
    assert built is not None, "a block is announced when it was added"
    assert parent is not None, "a block that was just added is not the root"
    creation_fee = node.genesis.rules.body.commands.account_creation_fee
    return built.block, diff_of(built, parent.ledger, creation_fee=creation_fee)
