"""The panel: each validator on its own."""

from collections.abc import Mapping, Sequence

from tests.coda_executive.validation.stories import FACTS, A, B, Story, judged, wrong

from coda_executive.events.event import BlockProduced, NodeCrashed
from coda_executive.observation.history import ValidationBegan
from coda_executive.validation.finding import Sighting, Validity, worst
from coda_executive.validation.in_the_box import validators_in_the_box
from coda_executive.validation.observed_chain import ObservedChain
from coda_executive.validation.panel import Budget, Panel
from coda_executive.validation.validator import Handler, RunFacts, Validator


class Stumbling(Validator):
    name = "stumbling"
    about = "nothing"

    def handlers(self) -> Mapping[type, Handler]:
        return {BlockProduced: self._on_block}

    def _on_block(self, _seen: Sighting, block: BlockProduced) -> None:
        raise KeyError(block.state_hash)


def _with_one_more(facts: RunFacts, chain: ObservedChain) -> Sequence[Validator]:
    return (Stumbling(facts), *validators_in_the_box(facts, chain))


def test_a_validator_that_fails_is_unknown_and_hides_nothing() -> None:
    story = Story()
    story.chain("abc", adopters=[B])
    story.chain("x", on="a", by=A)  # in the slot of b
    panel = Panel(_with_one_more, FACTS, clock=lambda: 0.0)
    for entry in story.entries:
        panel.take(entry.time_ns, (entry.record,))

    stumbling, one_block, *_ = panel.findings()

    assert (stumbling.validity, stumbling.sentence) == ("unknown", "the validator failed: KeyError: 'a'")
    assert one_block.validity == "invalid"


def test_a_validator_that_is_too_slow_or_holds_too_much_is_unknown_with_its_cause() -> None:
    story = Story()
    story.chain("abcdef", adopters=[B])
    ticks = iter(range(10**6))
    slow = Panel(validators_in_the_box, FACTS, clock=lambda: next(ticks) * 50.0)
    greedy = Panel(validators_in_the_box, FACTS, clock=lambda: 0.0, budget=Budget(held=5))
    for entry in story.entries:
        slow.take(entry.time_ns, (entry.record,))
        greedy.take(entry.time_ns, (entry.record,))

    assert {finding.validity for finding in slow.findings()} == {"unknown"}
    causes = [finding.sentence for finding in greedy.findings()]
    assert causes[0] == "it holds 6 things; its budget is 5"
    # The shared chain itself is too large, too: nobody can say that all is well.
    assert causes[-1] == "the run has more than 5 blocks to be held in memory"


def test_what_a_validator_found_before_it_gave_up_stays_found() -> None:
    story = Story()
    story.produce(A, "a", "genesis", 1)
    story.produce(A, "b", "genesis", 1)
    panel = Panel(validators_in_the_box, FACTS, clock=lambda: 0.0, budget=Budget(held=0))
    for entry in story.entries:
        panel.take(entry.time_ns, (entry.record,))

    assert panel.findings()[0].validity == "invalid"


def test_what_comes_after_the_validation_began_is_not_the_network_s_doing() -> None:
    story = Story()
    story.chain("a")
    story.note(ValidationBegan())
    story.see(A, NodeCrashed(exit_code=1, signal=None, last_lines=()))

    assert wrong(story.entries) == []


def test_an_empty_history_gives_nobody_a_chance() -> None:
    assert {finding.validity for finding in judged([]).values()} == {"vacuous"}


def test_the_worst_of_several_validities_wins() -> None:
    assert worst([Validity.VALID, Validity.UNKNOWN, Validity.VACUOUS]) is Validity.UNKNOWN
    assert worst([Validity.UNKNOWN, Validity.INVALID]) is Validity.INVALID
    assert worst([Validity.VACUOUS, Validity.VALID]) is Validity.VALID
    assert worst([]) is Validity.VACUOUS
