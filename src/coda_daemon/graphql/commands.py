"""User commands as GraphQL shows them, and where one stands (daemon contract D.3, D.4)."""

from typing import TYPE_CHECKING, Any

from coda_daemon.blocks import Block
from coda_daemon.graphql.accounts import account_of
from coda_daemon.graphql.request_error import RequestError
from coda_daemon.ledger.account import MINA_TOKEN, Address
from coda_daemon.ledger.command import Command, parse_command
from coda_protocol.format_error import FormatError
from coda_protocol.hashes import TransactionHash

if TYPE_CHECKING:
    from coda_daemon.rest import DaemonView


def command_fields(view: "DaemonView", command: Command, failure: str | None = None) -> dict[str, Any]:
    """A `UserCommandPayment` or `UserCommandDelegation`; accounts are the best tip's."""

    def fee_payer(_info: object) -> dict[str, Any]:
        return account_of(view, command.fee_payer)

    def receiver(_info: object) -> dict[str, Any]:
        return account_of(view, command.receiver)

    kind = "Delegation" if command.is_delegation else "Payment"
    return {
        "__typename": f"UserCommand{kind}",
        "id": command.id,
        "hash": command.hash,
        "kind": "STAKE_DELEGATION" if command.is_delegation else "PAYMENT",
        "nonce": command.nonce,
        "source": fee_payer,
        "receiver": receiver,
        "feePayer": fee_payer,
        "validUntil": str(command.valid_until),
        "token": MINA_TOKEN,
        "amount": str(command.amount),
        "feeToken": MINA_TOKEN,
        "fee": str(command.fee),
        "memo": str(command.signed.command.memo),
        "isDelegation": command.is_delegation,
        "from": command.fee_payer,
        "fromAccount": fee_payer,
        "to": command.receiver,
        "toAccount": receiver,
        "failureReason": failure,
        "delegator": fee_payer,
        "delegatee": receiver,
    }


def commands_of_block(view: "DaemonView", block: Block) -> list[dict[str, Any]]:
    """In the order of application."""
    return [
        command_fields(view, parse_command(included.id), included.failure) for included in block.body.commands
    ]


def pooled_commands(
    view: "DaemonView",
    public_key: str | None = None,
    hashes: list[str] | None = None,
    ids: list[str] | None = None,
) -> list[dict[str, Any]]:
    """Of the pool, those with one of the hashes or ids, of one sender; what is not there is skipped."""
    pool = view.node.pool.commands
    if hashes is None and ids is None:
        found = list(pool) if public_key is None else list(pool.queue_of(Address(public_key)))
    else:
        wanted = [pool.find(TransactionHash(name)) for name in hashes or ()]
        wanted += [_read(name) for name in ids or ()]
        found = list(dict.fromkeys(command for command in wanted if command is not None and command in pool))
        if public_key is not None:
            found = [command for command in found if command.fee_payer == public_key]
    return [command_fields(view, command) for command in found]


def transaction_status(view: "DaemonView", payment: str | None, zkapp: str | None) -> str:
    """`INCLUDED`, `PENDING` or `UNKNOWN`. Raises RequestError."""
    if (payment is None) == (zkapp is None):
        raise RequestError("Invalid query: Specify either a payment ID or a zkApp transaction ID")
    command = None if payment is None else _read(payment)
    if command is None:
        raise RequestError("Invalid transaction provided")
    node = view.node
    if any(_holds(block, command) for block in node.best_path()):
        return "INCLUDED"
    frontier = node.frontier
    on_a_branch = frontier is not None and any(
        _holds(built.block, command) for built in frontier.breadcrumbs()
    )
    return "PENDING" if on_a_branch or command in node.pool.commands else "UNKNOWN"


def _holds(block: Block, command: Command) -> bool:
    return any(included.id == command.id for included in block.body.commands)


def _read(transaction_id: str) -> Command | None:
    try:
        return parse_command(transaction_id)
    except FormatError:
        return None
