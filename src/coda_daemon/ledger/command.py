"""A user command as ledger and pool handle it: read once, with the texts that it is looked up by.

A command travels as its transaction id, which has one form only (daemon contract E.3). Reading one checks
three points of the curve and a signature costs milliseconds, so a process remembers both for the commands that
it met lately.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from coda_daemon.ledger.account import Address
from coda_protocol.commands import Delegation, Payment, SignedCommand
from coda_protocol.hashes import TransactionHash
from coda_protocol.signatures import SignatureKind
from coda_protocol.signing import is_signed
from coda_protocol.slots import GlobalSlot

_REMEMBERED: Final = 16_384  # above twice the size of a full pool and the commands of a frontier's tip


@dataclass(frozen=True, slots=True, eq=False)
class Command:
    """A signed command; `fee` and `amount` in nanomina, `amount` 0 for a delegation.

    `receiver` is the new delegate of a delegation. Whether the signature is right, `is_authorized` tells.
    """

    signed: SignedCommand
    id: str
    hash: TransactionHash
    fee_payer: Address
    receiver: Address
    fee: int
    amount: int
    nonce: int
    valid_until: GlobalSlot
    is_delegation: bool

    def __repr__(self) -> str:
        return f"<Command {self.hash} of {self.fee_payer} nonce {self.nonce}>"

    @property
    def cost(self) -> int:
        """Nanomina that it takes from its fee payer at most."""
        return self.fee + self.amount


def command_of(signed: SignedCommand) -> Command:
    return parse_command(signed.transaction_id())


@lru_cache(maxsize=_REMEMBERED)
def parse_command(transaction_id: str) -> Command:
    """Raises FormatError for what is no transaction id."""
    signed = SignedCommand.of_transaction_id(transaction_id)
    command = signed.command
    match command.body:
        case Payment(amount=paid):
            amount, is_delegation = int(paid), False
        case Delegation():
            amount, is_delegation = 0, True
    return Command(
        signed,
        transaction_id,
        command.hash(),
        Address(str(command.fee_payer)),
        Address(str(command.receiver)),
        int(command.fee),
        amount,
        command.nonce,
        command.valid_until,
        is_delegation,
    )


def is_authorized(command: Command, kind: SignatureKind) -> bool:
    """Whether the fee payer signed it for this kind of network."""
    return _is_authorized(command.id, kind)


@lru_cache(maxsize=_REMEMBERED)
def _is_authorized(transaction_id: str, kind: SignatureKind) -> bool:
    signed = parse_command(transaction_id).signed
    return signed.signer == signed.command.fee_payer and is_signed(signed, kind)
