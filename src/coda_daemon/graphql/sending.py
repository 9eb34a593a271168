"""Sending payments and delegations: the checks of daemon contract D.4 in its order, in its words."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from coda_daemon.graphql.commands import command_fields
from coda_daemon.graphql.request_error import RequestError
from coda_daemon.ledger.account import Address
from coda_daemon.ledger.command import Command, command_of, is_authorized
from coda_daemon.mempool import RejectedError, View
from coda_daemon.node import BootstrappingError
from coda_protocol.commands import NEVER_EXPIRES, Delegation, Payment, SignedCommand, UserCommand
from coda_protocol.currency import Amount, Fee
from coda_protocol.format_error import FormatError
from coda_protocol.keys import Keypair, PrivateKey, PublicKey
from coda_protocol.memo import Memo
from coda_protocol.signatures import Signature
from coda_protocol.signing import sign
from coda_protocol.slots import GlobalSlot

if TYPE_CHECKING:
    from coda_daemon.rest import DaemonView

_FAILED = "Couldn't send user command: "
_CREATING = f"{_FAILED}Error creating user command: "


def send(view: "DaemonView", input: dict[str, Any], signature: dict[str, Any] | None) -> dict[str, Any]:
    """`sendPayment`, or `sendDelegation` of an input without amount: the command's fields. Raises RequestError."""
    view.node.pool.commands_sent += 1
    keypair = None if signature is not None else _unlocked(view, input["from"])
    memo = _memo(input)
    _check_fee(view, input["fee"])
    given = None if signature is None else _signature(signature)
    if (pool_view := view.node.pool_view) is None:
        raise RequestError("Daemon is bootstrapping")
    nonce = _nonce(view, pool_view, Address(input["from"]), input.get("nonce"))
    unsigned = _command(input, memo, nonce)
    if given is not None:
        signed = SignedCommand(unsigned, unsigned.fee_payer, given)
    else:
        assert keypair is not None
        signed = sign(unsigned, keypair, view.genesis.rules.body.commands.signature_kind)
    command = command_of(signed)
    if not is_authorized(command, view.genesis.rules.body.commands.signature_kind):
        raise RequestError(f"{_CREATING}Error: Invalid_signature")
    _submit(view, command)
    return command_fields(view, command)


def is_valid_payment(view: "DaemonView", input: dict[str, Any], signature: dict[str, Any] | None) -> bool:
    """`validatePayment`: whether the signature is right for exactly these fields. Raises RequestError."""
    if signature is None:
        raise RequestError("Signature field is missing")
    memo, given = _memo(input), _signature(signature)
    nonce = input.get("nonce")
    if nonce is None:
        if (pool_view := view.node.pool_view) is None:
            raise RequestError("Daemon is bootstrapping")
        nonce = _nonce(view, pool_view, Address(input["from"]), None)
    unsigned = _command(input, memo, nonce)
    signed = command_of(SignedCommand(unsigned, unsigned.fee_payer, given))
    return is_authorized(signed, view.genesis.rules.body.commands.signature_kind)


def send_test_payments(
    view: "DaemonView",
    senders: Sequence[str],
    receiver: str,
    amount: int,
    fee: int,
    repeat_count: int,
    repeat_delay_ms: int,
) -> int:
    """Sign and send payments, senders in rotation: the first now, the others in the background (D.4)."""
    try:
        keypairs = [Keypair.of(PrivateKey.parse(text)) for text in senders]
    except FormatError as error:
        raise RequestError(f"Invalid sender key: {error}") from error
    if not keypairs or not repeat_count:
        return 0
    pay = {"to": receiver, "amount": amount, "fee": fee}
    _send_from(view, keypairs[0], pay)

    async def send_others() -> None:
        for count in range(1, repeat_count):
            await asyncio.sleep(repeat_delay_ms / 1000)
            keypair = keypairs[count % len(keypairs)]
            try:
                _send_from(view, keypair, pay)
            except RequestError as error:
                view.log.info(  # noqa: PLE1205  not a logger of `logging`
                    "Mina_graphql",
                    "A test payment of $sender was not sent: $error",
                    sender=str(keypair.public),
                    error=str(error),
                )

    view.node.in_background(send_others(), "test payments")
    return 0


def _send_from(view: "DaemonView", keypair: Keypair, pay: dict[str, Any]) -> None:
    view.node.pool.commands_sent += 1
    _check_fee(view, pay["fee"])
    if (pool_view := view.node.pool_view) is None:
        raise RequestError("Daemon is bootstrapping")
    sender = str(keypair.public)
    nonce = _nonce(view, pool_view, Address(sender), None)
    unsigned = _command({**pay, "from": sender}, Memo(), nonce)
    _submit(view, command_of(sign(unsigned, keypair, view.genesis.rules.body.commands.signature_kind)))


def _unlocked(view: "DaemonView", sender: str) -> Keypair:
    keypair = view.wallet.unlocked(Address(sender))
    if keypair is None:
        raise RequestError(
            "Couldn't find an unlocked key for specified `sender`. "
            "Did you unlock the account you're making a transaction from?"
        )
    return keypair


def _memo(input: dict[str, Any]) -> Memo:
    try:
        return Memo.of_text(input.get("memo") or "")
    except FormatError:
        raise RequestError("Invalid `memo` provided.") from None


def _check_fee(view: "DaemonView", fee: int) -> None:
    least = view.genesis.constants.minimum_transaction_fee
    if fee < least:
        raise RequestError(
            f"Invalid user command. Fee {Fee(fee).coda} is less than the minimum fee, {least.coda}."
        )


def _signature(given: dict[str, Any]) -> Signature:
    raw, field, scalar = given.get("rawSignature"), given.get("field"), given.get("scalar")
    if raw is not None:
        try:
            return Signature.of_raw(raw)
        except FormatError:
            raise RequestError("rawSignature decoding error") from None
    if field is None or scalar is None:
        raise RequestError("Either field+scalar or rawSignature must by non-null")
    try:
        numbers = [_decimal(text).to_bytes(32, "little") for text in (field, scalar)]
        return Signature.of_bytes(b"".join(numbers))
    except (FormatError, ValueError, OverflowError):
        raise RequestError("Signature field is missing") from None


def _decimal(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 80):
        raise ValueError(text)
    return int(text)


def _nonce(view: "DaemonView", pool_view: View, sender: Address, given: int | None) -> int:
    """The nonce given, if it may be used, or the inferred one."""
    inferred = view.node.pool.commands.inferred_nonce(sender, pool_view.ledger)
    least = pool_view.nonce(sender)
    if given is None:
        if inferred is None:
            raise RequestError(
                f"{_CREATING}Couldn't infer nonce for transaction from specified `sender` since `sender` "
                "is not in the ledger or sent a transaction in transaction pool."
            )
        return inferred
    if inferred is not None and least is not None and not least <= given <= inferred:
        raise RequestError(
            f"{_CREATING}Input nonce {given} either different from inferred nonce {inferred} "
            f"or below minimum_nonce {least}"
        )
    return given


def _command(input: dict[str, Any], memo: Memo, nonce: int) -> UserCommand:
    receiver = PublicKey.parse(input["to"])
    amount = input.get("amount")
    valid_until = input.get("validUntil")
    return UserCommand(
        PublicKey.parse(input["from"]),
        Fee(input["fee"]),
        nonce,
        Delegation(receiver) if amount is None else Payment(receiver, Amount(amount)),
        NEVER_EXPIRES if valid_until is None else GlobalSlot(valid_until),
        memo,
    )


def _submit(view: "DaemonView", command: Command) -> None:
    try:
        view.node.submit(command)
    except BootstrappingError:
        raise RequestError("Daemon is bootstrapping") from None
    except RejectedError as error:
        raise RequestError(f'{_FAILED}["{error.reason}"]') from error
