"""Payments and delegations that the test signs itself: no node's wallet needs the key."""

from coda_executive.errors import RequestFailed
from coda_executive.interfaces.client import NodeClient, SentCommand
from coda_protocol.commands import Delegation, Payment, UserCommand
from coda_protocol.currency import Amount, Fee
from coda_protocol.keys import Keypair, PublicKey
from coda_protocol.signatures import TESTNET, Signature
from coda_protocol.signing import sign


def sign_payment(sender: Keypair, receiver: str, *, amount: Amount, fee: Fee, nonce: int) -> Signature:
    """The sender's signature of exactly this payment, without memo, on a test network."""
    payment = Payment(PublicKey.parse(receiver), amount)
    return sign(UserCommand(sender.public, fee, nonce, payment), sender, TESTNET).signature


async def send_signed_payment(
    client: NodeClient,
    sender: Keypair,
    receiver: str,
    *,
    amount: Amount,
    fee: Fee,
    nonce: int | None = None,
) -> SentCommand:
    """Sign and send a payment; without a nonce, with the next one that this node knows of. Raises
    RequestFailed.
    """
    if nonce is None:
        nonce = await _next_nonce(client, sender)
    signature = sign_payment(sender, receiver, amount=amount, fee=fee, nonce=nonce)
    return await client.send_payment(
        str(sender.public), receiver, amount=amount, fee=fee, nonce=nonce, signature=signature
    )


async def send_signed_delegation(
    client: NodeClient, sender: Keypair, delegate: str, *, fee: Fee
) -> SentCommand:
    """As `send_signed_payment`: the sender's stake counts for `delegate`."""
    nonce = await _next_nonce(client, sender)
    command = UserCommand(sender.public, fee, nonce, Delegation(PublicKey.parse(delegate)))
    signature = sign(command, sender, TESTNET).signature
    return await client.send_delegation(
        str(sender.public), delegate, fee=fee, nonce=nonce, signature=signature
    )


async def _next_nonce(client: NodeClient, sender: Keypair) -> int:
    account = await client.account(str(sender.public))
    if account is None:
        raise RequestFailed(f"the ledger has no account {sender.public}, which is to send", definite=True)
    return account.inferred_nonce
