"""Which ledger key each node holds (spec; design section 4).

Keys are numbered as in the ledger. Key 0 is the genesis winner (daemon contract B.1): it belongs to no node,
and wherever its account stands in a list of accounts it is passed over. So the others, in their order, are
keys 1, 2, …: block producers hold 1 to n, coordinators the next ones or their own `worker_key`.

A coordinator sells under a public key only. A producer signs, so its private key must be known: from the
account's `sk`, or from the keyset, by public key. A ledger by hash shows no accounts here; the keyset then is
the numbered list.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from coda_executive.config.fault import Fault, FaultyConfigError, Path
from coda_executive.config.ledger_accounts import genesis_winner
from coda_executive.config.network import NetworkConfig
from coda_executive.config.node_id import NodeId
from coda_executive.config.plan import Role
from coda_executive.config.roster import Member, roster
from coda_protocol.format_error import FormatError
from coda_protocol.keys import Keypair, PrivateKey
from coda_protocol.runtime_config import RuntimeConfig
from coda_protocol.sample_keys import SAMPLE_KEYPAIRS, sample_keypair


@dataclass(frozen=True, slots=True)
class AllocatedKey:
    """A node's key. `private` is there for block producers only."""

    public: str
    private: PrivateKey | None = None


def sample_keyset() -> tuple[Keypair, ...]:
    """All sample keys but the genesis winner, as a keyset: it fits the shipped named ledgers."""
    return tuple(sample_keypair(index) for index in range(1, SAMPLE_KEYPAIRS))


def allocate_keys(network: NetworkConfig, runtime: RuntimeConfig) -> Mapping[NodeId, AllocatedKey]:
    """The key of every block producer and coordinator; `runtime` is a `resolved` one.

    Raises FaultyConfigError when a key is missing or its secret is not known.
    """
    keys = ledger_keys(network, runtime)
    allocated = {member.id: allocated_key(network, runtime, member, keys) for member in roster(network)}
    return {id: key for id, key in allocated.items() if key is not None}


def ledger_keys(network: NetworkConfig, runtime: RuntimeConfig) -> tuple[str, ...]:
    """The addresses of keys 1, 2, …: element 0 is key 1. An address with several tokens counts once."""
    accounts = runtime.ledger.accounts if runtime.ledger else None
    if accounts is not None:
        addresses = [account.pk for account in accounts]
    else:
        addresses = [str(pair.public) for pair in network.keyset or ()]
    winner = genesis_winner()
    return tuple(address for address in dict.fromkeys(addresses) if address != winner)


def allocated_key(
    network: NetworkConfig, runtime: RuntimeConfig, member: Member, keys: tuple[str, ...]
) -> AllocatedKey | None:
    """One node's key among `ledger_keys`, None for a role without one. Raises FaultyConfigError as
    `allocate_keys` does.
    """
    if member.role is Role.SNARK_COORDINATOR:
        flags = network.snark_coordinators.flags
        own = flags[member.index - 1].worker_key if member.index <= len(flags) else None
        if own is not None:
            return AllocatedKey(own)
        unique = network.snark_coordinators.with_unique_keys
        place = member.index if unique is None else min(member.index, unique + 1)
        number = network.block_producers.count + place
    elif member.role is Role.BLOCK_PRODUCER:
        number = member.index
    else:
        return None
    if number > len(keys):
        raise FaultyConfigError([_missing_key(network, runtime, member, len(keys))])
    address = keys[number - 1]
    if member.role is Role.SNARK_COORDINATOR:
        return AllocatedKey(address)
    return AllocatedKey(address, _private_key(network, runtime, member, address))


def _missing_key(network: NetworkConfig, runtime: RuntimeConfig, member: Member, keys: int) -> Fault:
    kind = "snark_coordinators" if member.role is Role.SNARK_COORDINATOR else "block_producers"
    if runtime.ledger is not None and runtime.ledger.accounts is not None:
        source, remedy = "the ledger has", "Add accounts to the ledger, or lower the count."
    elif network.keyset is None:
        source, remedy = (
            "without a keyset there are",
            "A ledger by hash needs a keyset file: write `keyset: FILE`.",
        )
    else:
        source, remedy = "the keyset has", "Add key pairs to the keyset, or lower the count."
    return Fault(
        ("network", kind, "count"),
        "a ledger key for each node",
        f"none for {member.id}: {source} {keys}",
        remedy,
    )


def known_key(network: NetworkConfig, runtime: RuntimeConfig, address: str) -> PrivateKey | None:
    """The private key of a ledger key, from the account's `sk` or the keyset; None if neither has it. Raises
    FaultyConfigError for an `sk` of another address.
    """
    accounts = (runtime.ledger.accounts if runtime.ledger else None) or ()
    for index, account in enumerate(accounts):
        if account.pk == address and account.sk is not None:
            return _checked(account.sk, address, ("runtime", "ledger", "accounts", index, "sk"))
    return next((pair.private for pair in network.keyset or () if str(pair.public) == address), None)


def _private_key(network: NetworkConfig, runtime: RuntimeConfig, member: Member, address: str) -> PrivateKey:
    private = known_key(network, runtime, address)
    if private is not None:
        return private
    accounts = (runtime.ledger.accounts if runtime.ledger else None) or ()
    index = next(index for index, account in enumerate(accounts) if account.pk == address)
    raise FaultyConfigError(
        [
            Fault(
                ("runtime", "ledger", "accounts", index),
                f"the private key of {address}, which {member.id} holds",
                "none",
                "Give the account an `sk`, or write `keyset: FILE` in `network`; "
                "`keyset: sample` is for ledgers of sample keys.",
            )
        ]
    )


def _checked(secret: str, address: str, path: Path) -> PrivateKey:
    expected = f"the private key of {address}"
    try:
        private = PrivateKey.parse(secret)
    except FormatError as error:
        raise FaultyConfigError([Fault(path, expected, f"no private key: {error}")]) from None
    if str(private.public_key()) != address:
        raise FaultyConfigError([Fault(path, expected, "the private key of another address")])
    return private
