"""`coda client` commands that send and cancel transactions, over GraphQL (daemon contract D.4, J)."""

from typing import Any, Final

from coda_daemon.client_commands.command import (
    REST_SERVER,
    CommandFailed,
    Values,
    client_command,
)
from coda_daemon.client_commands.graphql import ask_graphql
from coda_daemon.command_line import Flag, Kind
from coda_protocol.currency import Amount, Fee

_DEFAULT_FEE: Final = "0.25"  # MINA, contract I.7
_COMMON: Final = (
    Flag("receiver", Kind.TEXT, "public key of the receiver", is_required=True),
    Flag("sender", Kind.TEXT, "public key of the sender, unlocked in the daemon", is_required=True),
    Flag("fee", Kind.TEXT, f"fee in MINA (default {_DEFAULT_FEE})"),
    Flag("nonce", Kind.INTEGER, "nonce (default: the next one)"),
    Flag("memo", Kind.TEXT, "at most 32 bytes"),
    Flag("valid-until", Kind.INTEGER, "last global slot in which it may be included (default: any)"),
    REST_SERVER,
)
_PAY: Final = "mutation($input: SendPaymentInput!) { sendPayment(input: $input) { payment { id } } }"
_DELEGATE: Final = """mutation($input: SendDelegationInput!) {
  sendDelegation(input: $input) { delegation { id } } }"""
_PENDING: Final = """query($ids: [ID!]) { pooledUserCommands(ids: $ids) {
  nonce fee source { publicKey } receiver { publicKey } } }"""


def _send_payment(values: Values) -> None:
    amount = str(values.money("amount", Amount))
    sent = ask_graphql(values, _PAY, input={**_input(values), "amount": amount})
    print(f"Dispatched payment with ID {sent['sendPayment']['payment']['id']}")


def _delegate_stake(values: Values) -> None:
    sent = ask_graphql(values, _DELEGATE, input=_input(values))
    print(f"Dispatched stake delegation with ID {sent['sendDelegation']['delegation']['id']}")


def _cancel(values: Values) -> None:
    """Replace the pending command by a payment of nothing: same nonce, one nanomina more of fee."""
    name = values.text("id")
    found = ask_graphql(values, _PENDING, ids=[name])["pooledUserCommands"]
    if not found:
        raise CommandFailed("Error: no transaction with this ID is pending in the daemon's pool")
    (pending,) = found
    fee = Fee(int(pending["fee"]) + 1)
    print(f"Fee to cancel transaction is {fee.coda} coda.")
    replacement = {
        "from": pending["source"]["publicKey"],
        "to": pending["receiver"]["publicKey"],
        "amount": "0",
        "fee": str(fee),
        "nonce": str(pending["nonce"]),
    }
    sent = ask_graphql(values, _PAY, input=replacement)
    print(f"Cancelled transaction! Cancel ID: {sent['sendPayment']['payment']['id']}")


def _input(values: Values) -> dict[str, Any]:
    fee = values.money("fee", Fee) if "fee" in values else Fee.of_coda(_DEFAULT_FEE)
    given = {
        "from": values.public_key("sender"),
        "to": values.public_key("receiver"),
        "fee": str(fee),
        "nonce": values.optional("nonce"),
        "memo": values.optional("memo"),
        "validUntil": values.optional("valid-until"),
    }
    return {name: value for name, value in given.items() if value is not None}


COMMANDS: Final = (
    client_command(
        "client send-payment",
        "Send a payment",
        _send_payment,
        Flag("amount", Kind.TEXT, "MINA to pay", is_required=True),
        *_COMMON,
    ),
    client_command("client delegate-stake", "Delegate the sender's stake", _delegate_stake, *_COMMON),
    client_command(
        "client cancel-transaction",
        "Replace a pending transaction by one that pays nothing",
        _cancel,
        Flag("id", Kind.TEXT, "transaction ID, as it was printed when it was sent", is_required=True),
        REST_SERVER,
    ),
)
