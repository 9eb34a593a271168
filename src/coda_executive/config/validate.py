"""Every fault of a configuration at once, before anything starts. Typed configurations and files come through
here.
"""

from collections.abc import Iterator

from coda_executive.config.fault import Fault, FaultyConfigError
from coda_executive.config.key_allocation import allocated_key, ledger_keys
from coda_executive.config.ledger_accounts import resolved, stake_by_key
from coda_executive.config.network import NetworkConfig
from coda_executive.config.plan import Role
from coda_executive.config.roster import roster
from coda_executive.config.validate_network import network_faults
from coda_executive.config.validate_runtime import constants_faults, ledger_faults
from coda_protocol.runtime_config import RuntimeConfig


def validate(network: NetworkConfig, runtime: RuntimeConfig) -> tuple[Fault, ...]:
    """Faults in the order of the document; empty when a plan can be made. Paths begin with `network` or
    `runtime`.
    """
    shape = list(network_faults(network))
    ledger = list(ledger_faults(runtime))
    # Whose keys and stake they are can be asked only where nodes and accounts are sound.
    together = [] if shape or ledger else list(allocation_faults(network, runtime))
    return (*shape, *together, *constants_faults(runtime), *ledger)


def check(network: NetworkConfig, runtime: RuntimeConfig) -> None:
    """Raises FaultyConfigError with all of them."""
    if faults := validate(network, runtime):
        raise FaultyConfigError(faults)


def allocation_faults(network: NetworkConfig, runtime: RuntimeConfig) -> Iterator[Fault]:
    """Nodes without key, keys without secret, producers without stake; network and ledger are sound by
    themselves.
    """
    runtime = resolved(runtime)
    keys = ledger_keys(network, runtime)
    stakes = stake_by_key(runtime)
    missing_key = False
    for member in roster(network):
        try:
            key = allocated_key(network, runtime, member, keys)
        except FaultyConfigError as error:
            if not missing_key:
                yield from error.faults
            missing_key = True  # the others say the same
            continue
        if key is None or member.role is not Role.BLOCK_PRODUCER or stakes is None:
            continue
        flags = network.block_producers.flags
        may_lack = member.index <= len(flags) and flags[member.index - 1].may_lack_stake
        if not stakes.get(key.public) and not may_lack:
            yield Fault(
                ("network", "block_producers", "count"),
                "stake for every block producer",
                f"none delegated to {key.public}, the key of {member.id}",
                "Give its account a balance and no other delegate, or set the flag `may_lack_stake`.",
            )
