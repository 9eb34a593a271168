"""Signed commands of sample keys, for the tests of ledger, pool and GraphQL."""

from functools import cache

from tests.coda_daemon.chain_testbed import key

from coda_daemon.ledger.command import Command, command_of
from coda_protocol.commands import NEVER_EXPIRES, Delegation, Payment, UserCommand
from coda_protocol.currency import Amount, Fee
from coda_protocol.keys import PublicKey
from coda_protocol.memo import Memo
from coda_protocol.sample_keys import sample_keypair
from coda_protocol.signatures import TESTNET
from coda_protocol.signing import sign
from coda_protocol.slots import GlobalSlot

COIN = 10**9
FEE = 10**7


@cache  # signing takes milliseconds, and histories repeat themselves
def payment(
    sender: int,
    receiver: int,
    amount: int = COIN,
    *,
    nonce: int = 0,
    fee: int = FEE,
    until: int = NEVER_EXPIRES,
    memo: str = "",
) -> Command:
    """A payment between sample keys; `amount` and `fee` in nanomina."""
    return _signed(sender, Payment(_key(receiver), Amount(amount)), nonce, fee, until, memo)


@cache
def delegation(sender: int, delegate: int, *, nonce: int = 0, fee: int = FEE) -> Command:
    return _signed(sender, Delegation(_key(delegate)), nonce, fee, NEVER_EXPIRES, "")


def _signed(sender: int, body: Payment | Delegation, nonce: int, fee: int, until: int, memo: str) -> Command:
    command = UserCommand(_key(sender), Fee(fee), nonce, body, GlobalSlot(until), Memo.of_text(memo))
    return command_of(sign(command, sample_keypair(sender), TESTNET))


def _key(index: int) -> PublicKey:
    return PublicKey.parse(key(index))
