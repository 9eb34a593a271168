"""What must hold of a runtime configuration by itself, beyond its syntax (daemon contract B.1).

The daemon finds most of this when it boots, one fault at a time and a minute later; some of it never.
"""

from collections.abc import Iterator, Sequence

from coda_executive.config.fault import Fault, Path, did_you_mean, found
from coda_executive.config.ledger_accounts import genesis_winner
from coda_protocol.base58 import VersionByte, decode_check
from coda_protocol.constants import CompiledProfile, Constants, with_defaults
from coda_protocol.currency import MAXIMUM, Balance
from coda_protocol.format_error import FormatError
from coda_protocol.genesis_ledgers import LEDGER_NAMES
from coda_protocol.keys import refused_addresses
from coda_protocol.runtime_config import Account, DaemonSection, EpochLedger, GenesisLedger, RuntimeConfig

YEAR_MS = 365 * 24 * 60 * 60 * 1000
# Making a block, sending it and checking it takes a node some tens of milliseconds on a busy machine.
SHORTEST_SLOT_MS = 100
_SYMBOL_BYTES = 6


def constants_faults(runtime: RuntimeConfig, *, epoch_is_known: bool = True) -> Iterator[Fault]:
    """Faults of the sections `genesis`, `proof` and `daemon`.

    Where a number of slots could not be read, `epoch_is_known` is False and its default is not held against
    others.
    """
    constants = with_defaults(runtime, CompiledProfile.TEST)
    genesis: Path = ("runtime", "genesis")
    proof: Path = ("runtime", "proof")
    for path, value, least in (
        ((*genesis, "k"), constants.k, 1),
        ((*genesis, "delta"), constants.delta, 0),
        ((*genesis, "slots_per_epoch"), constants.slots_per_epoch, 3),
        ((*genesis, "slots_per_sub_window"), constants.slots_per_sub_window, 1),
        ((*genesis, "grace_period_slots"), constants.grace_period_slots, 0),
        ((*proof, "sub_windows_per_window"), constants.sub_windows_per_window, 1),
        ((*proof, "ledger_depth"), constants.ledger_depth, 1),
        ((*proof, "work_delay"), constants.work_delay, 0),
        ((*proof, "supercharged_coinbase_factor"), constants.supercharged_coinbase_factor, 1),
        ((*proof, "block_window_duration_ms"), constants.slot_ms, SHORTEST_SLOT_MS),
        (("runtime", "daemon", "txpool_max_size"), constants.txpool_max_size, 1),
    ):
        if value < least:
            slot = "A shorter slot cannot hold a block." if least == SHORTEST_SLOT_MS else None
            yield Fault(path, f"at least {least}", str(value), slot)
    yield from _epoch_faults(genesis, constants, epoch_is_known=epoch_is_known)
    if constants.slot_ms >= SHORTEST_SLOT_MS and not _divides_year(constants.slot_ms):
        yield Fault(
            (*proof, "block_window_duration_ms"),
            "a slot length of which a year of 365 days holds a multiple of 12",
            f"{constants.slot_ms}, of which it holds {YEAR_MS // constants.slot_ms}",
            f"The nearest that fits is {_nearest_slot_ms(constants.slot_ms)}.",
        )
    yield from _end_faults(constants)
    yield from _port_faults(runtime.daemon or DaemonSection())


def ledger_faults(runtime: RuntimeConfig) -> Iterator[Fault]:
    """Faults of the sections `ledger` and `epoch_data`."""
    path: Path = ("runtime", "ledger")
    ledger = runtime.ledger
    if ledger is None:
        yield Fault(
            path,
            "a genesis ledger",
            "none",
            "Add `ledger` with `accounts`, or with one of the names "
            + f"{', '.join(LEDGER_NAMES)}; a test in Python can use sample_ledger().",
        )
        return
    if ledger.accounts is not None:
        depth = with_defaults(runtime, CompiledProfile.TEST).ledger_depth
        yield from _account_list_faults((*path, "accounts"), ledger.accounts)
        yield from _size_faults(path, ledger, depth)
    elif ledger.name is not None:
        if ledger.name not in LEDGER_NAMES and ledger.hash is None:
            yield Fault(
                (*path, "name"),
                "the name of a built-in ledger",
                repr(ledger.name),
                did_you_mean(ledger.name, LEDGER_NAMES) or "Or give `accounts`; the name then is a label.",
            )
    elif ledger.hash is not None:
        yield from _text_faults((*path, "hash"), ledger.hash, VersionByte.LEDGER_HASH, 33)
    yield from _epoch_ledger_faults(runtime)


def _epoch_faults(genesis: Path, constants: Constants, *, epoch_is_known: bool) -> Iterator[Fault]:
    slots, grace = constants.slots_per_epoch, constants.grace_period_slots
    if slots >= 3 and slots % 3:
        yield Fault(
            (*genesis, "slots_per_epoch"),
            "a number divisible by 3",
            str(slots),
            f"The nearest are {slots - slots % 3} and {slots - slots % 3 + 3}.",
        )
    if epoch_is_known and slots >= 3 and grace * 3 >= slots:
        yield Fault(
            (*genesis, "grace_period_slots"),
            f"less than a third of slots_per_epoch, which is {slots}",
            str(grace),
            f"At most {(slots - 1) // 3} fits.",
        )


def _end_faults(constants: Constants) -> Iterator[Fault]:
    daemon: Path = ("runtime", "daemon")
    last_transactions, end = constants.slot_tx_end, constants.slot_chain_end
    if end is not None and end < 2:
        yield Fault((*daemon, "slot_chain_end"), "at least 2", str(end), "Else no slot can hold a block.")
    if last_transactions is not None and end is not None and last_transactions > end:
        yield Fault(
            (*daemon, "slot_tx_end"), f"at most slot_chain_end, which is {end}", str(last_transactions)
        )


def _divides_year(slot_ms: int) -> bool:
    return YEAR_MS // slot_ms % 12 == 0


def _nearest_slot_ms(slot_ms: int) -> int:
    distance = 0
    while True:  # ends: one second divides
        for candidate in (slot_ms - distance, slot_ms + distance):
            if candidate >= SHORTEST_SLOT_MS and _divides_year(candidate):
                return candidate
        distance += 1


def _port_faults(daemon: DaemonSection) -> Iterator[Fault]:
    ports = {
        "client-port": daemon.client_port,
        "rest-port": daemon.rest_port,
        "external-port": daemon.external_port,
        "metrics-port": daemon.metrics_port,
        "libp2p-metrics-port": daemon.libp2p_metrics_port,
        "limited-graphql-port": daemon.limited_graphql_port,
    }
    users: dict[int, str] = {}
    for name, port in ports.items():
        path: Path = ("runtime", "daemon", name)
        if port is None:
            continue
        if not 1 <= port <= 65535:
            yield Fault(path, "a port from 1 to 65535", str(port))
        elif port in users:
            yield Fault(path, "a port that nothing else uses", f"{port}, which is {users[port]}'s too")
        users.setdefault(port, name)


def _account_list_faults(path: Path, accounts: Sequence[Account]) -> Iterator[Fault]:
    if not accounts:
        yield Fault(path, "at least one account", "an empty list")
        return
    seen: dict[tuple[str, str | None], int] = {}
    keys = {account.pk for account in accounts}
    refused = refused_addresses(keys)
    for index, account in enumerate(accounts):
        here = (*path, index)
        if account.pk in refused:
            yield Fault((*here, "pk"), "an address (B62…)", found(account.pk), _refusal(refused[account.pk]))
        first = seen.setdefault((account.pk, account.token), index)
        if first != index:
            yield Fault(
                (*here, "pk"), "each account once", f"{account.pk} again", f"It is accounts[{first}] already."
            )
        if account.delegate is not None and account.delegate not in keys:
            yield Fault(
                (*here, "delegate"),
                "the address of an account in this ledger",
                found(account.delegate),
                f"It is none of the {len(keys)}; add it or leave it out.",
            )
        yield from _account_faults(here, account)
    if sum(account.balance for account in accounts) > MAXIMUM:
        yield Fault(path, f"balances of at most {Balance(MAXIMUM).coda} coda in all", "more than that")


def _account_faults(path: Path, account: Account) -> Iterator[Fault]:
    """Faults of an account by itself; cheap where there is nothing but key and balance."""
    balance: object = account.balance
    if not isinstance(balance, Balance):  # from Python without a type checker
        yield Fault((*path, "balance"), "a Balance", found(balance), 'Write Balance.of_coda("1000").')
        return
    timing = account.timing
    if timing is not None:
        if account.balance < timing.initial_minimum_balance:
            yield Fault(
                (*path, "balance"),
                f"at least the timing's initial_minimum_balance, {timing.initial_minimum_balance.coda}",
                account.balance.coda,
            )
        if timing.vesting_period < 1:
            yield Fault((*path, "timing", "vesting_period"), 'at least "1"', f'"{timing.vesting_period}"')
    if account.sk is not None:
        yield from _text_faults((*path, "sk"), account.sk, VersionByte.PRIVATE_KEY, 33)
    if account.token is not None:
        yield from _text_faults((*path, "token"), account.token, VersionByte.TOKEN_ID, 32)
    if account.token_symbol is not None and len(account.token_symbol.encode()) > _SYMBOL_BYTES:
        yield Fault((*path, "token_symbol"), f"at most {_SYMBOL_BYTES} bytes", found(account.token_symbol))


def _size_faults(path: Path, ledger: GenesisLedger, depth: int) -> Iterator[Fault]:
    count = max(len(ledger.accounts or ()), ledger.num_accounts or 0)
    if 1 <= depth < 64 and count > 2**depth:
        yield Fault(
            path,
            f"at most {2**depth} accounts, which is what proof.ledger_depth {depth} holds",
            str(count),
            f"Depth {(count - 1).bit_length()} holds them.",
        )


def _epoch_ledger_faults(runtime: RuntimeConfig) -> Iterator[Fault]:
    """A staking ledger is a prefix of the next one, and both of the genesis ledger: leaves are known by
    index.
    """
    if runtime.epoch_data is None:
        return
    path: Path = ("runtime", "epoch_data")
    ledger_accounts = runtime.ledger.accounts if runtime.ledger else None
    staking, following = runtime.epoch_data.staking, runtime.epoch_data.next
    for name, epoch_ledger, wholes in (
        ("staking", staking, [(following, "epoch_data.next")] if following else []),
        ("next", following, []),
    ):
        if epoch_ledger is None:
            continue
        here = (*path, name)
        if epoch_ledger.seed is not None:
            yield from _text_faults((*here, "seed"), epoch_ledger.seed, VersionByte.EPOCH_SEED, 33)
        if epoch_ledger.accounts is None:
            continue
        yield from _account_list_faults((*here, "accounts"), epoch_ledger.accounts)
        yield from _prefix_faults(here, epoch_ledger, ledger_accounts, "the genesis ledger")
        for whole, whole_name in wholes:
            yield from _prefix_faults(here, epoch_ledger, whole.accounts, whole_name)


def _prefix_faults(
    path: Path, epoch_ledger: EpochLedger, whole: Sequence[Account] | None, whole_name: str
) -> Iterator[Fault]:
    if whole is None:
        return  # a hash hides it
    winner = genesis_winner()
    ours = [
        (index, account.pk)
        for index, account in enumerate(epoch_ledger.accounts or ())
        if account.pk != winner
    ]
    theirs = [account.pk for account in whole if account.pk != winner]
    for place, (index, address) in enumerate(ours):
        if place >= len(theirs):
            yield Fault(
                (*path, "accounts", index),
                f"no more accounts than {whole_name} has, {len(theirs)}",
                f"{len(ours)}",
            )
            return
        if address != theirs[place]:
            yield Fault(
                (*path, "accounts", index, "pk"),
                f"{theirs[place]}, as {whole_name} has in this place",
                address,
                "Epoch ledgers list the first accounts in the same order; only balances may differ.",
            )
            return


_TEXTS = {
    VersionByte.PRIVATE_KEY: "a private key (EK…)",
    VersionByte.LEDGER_HASH: "a ledger hash (jw… or jx…)",
    VersionByte.EPOCH_SEED: "an epoch seed (2v…)",
    VersionByte.TOKEN_ID: "a token id (w…)",
}


_MISTYPED = "It is mistyped, cut, or something else."


def _refusal(error: FormatError) -> str:
    """A text that has its checksum was not mistyped: somebody made it up, or a program did."""
    if error.found.startswith("x = "):
        return "Its checksum is right, but no point of the curve has it: it was not made from a private key."
    return _MISTYPED


def _text_faults(path: Path, text: str, version: VersionByte, size: int) -> Iterator[Fault]:
    """`size` is the payload's, in bytes."""
    try:
        decode_check(version, text, size=size)
    except FormatError:
        secret = version is VersionByte.PRIVATE_KEY
        what = f"another text of {len(text)} characters" if secret else found(text)
        yield Fault(path, _TEXTS[version], what, _MISTYPED)
