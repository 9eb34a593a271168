"""The validators that judge every run."""

from coda_executive.validation.common_prefix import CommonPrefix
from coda_executive.validation.crashes import NoUndeclaredCrash
from coda_executive.validation.density import DensityCounted
from coda_executive.validation.finality import FinalityKept
from coda_executive.validation.growth import ChainGrowth
from coda_executive.validation.heal import SyncAfterHeal
from coda_executive.validation.observed_chain import ObservedChain
from coda_executive.validation.production import ChainLinks, OneBlockPerSlot
from coda_executive.validation.quality import ChainQuality
from coda_executive.validation.restart import RestartKeepsTip
from coda_executive.validation.selection import ChainSelection
from coda_executive.validation.timeliness import NoEarlyBlock
from coda_executive.validation.transactions import Conservation, NonceOrder
from coda_executive.validation.validator import RunFacts, Validator


def validators_in_the_box(facts: RunFacts, chain: ObservedChain) -> tuple[Validator, ...]:
    """One of each, fresh."""
    return (
        OneBlockPerSlot(facts),
        ChainLinks(facts),
        NoEarlyBlock(facts),
        DensityCounted(facts),
        CommonPrefix(facts, chain),
        ChainSelection(facts, chain),
        FinalityKept(facts, chain),
        ChainGrowth(facts, chain),
        ChainQuality(facts),
        Conservation(facts),
        NonceOrder(facts, chain),
        RestartKeepsTip(facts, chain),
        SyncAfterHeal(facts, chain),
        NoUndeclaredCrash(facts),
    )


NAMES = tuple(
    validator.name
    for validator in validators_in_the_box(RunFacts(k=1, slots_per_epoch=1, slot_ms=1), ObservedChain())
)
