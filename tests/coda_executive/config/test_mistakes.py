"""Mistakes that newcomers make in their files, each with the message they get, to the letter."""

import json
from itertools import count
from pathlib import Path

import pytest
from tests.coda_executive.config.networks import sites_of

from coda_executive.config.fault import FaultyConfigError
from coda_executive.config.files import load_network
from coda_executive.config.make_plan import make_plan
from coda_executive.config.plan_document import plan_document
from coda_executive.errors import ConfigError
from coda_protocol.keys import PublicKey
from coda_protocol.pallas import has_point
from coda_protocol.sample_keys import sample_keypair

ONE, TWO, THREE = (str(sample_keypair(index).public) for index in (1, 2, 3))
NO_POINT = str(PublicKey(next(x for x in count() if not has_point(x)), is_odd=False))
SECRET = sample_keypair(1).private.reveal()

RIGHT = """\
network:
  block_producers: {count: 3}
  keyset: sample
runtime:
  ledger: {name: test_three_even_stakes}
"""


def accounts(*lines: str) -> str:
    """A network file whose ledger's accounts begin in line 7."""
    head = "network:\n  block_producers:\n    count: 1\n  keyset: sample\nruntime:\n  ledger: {accounts: [\n"
    return head + "".join(f"    {{{line}}},\n" for line in lines) + "  ]}\n"


def test_the_right_file_is_right(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(RIGHT)
    network, runtime = load_network(tmp_path / "net.yaml")
    assert network.block_producers.count == 3
    assert runtime.ledger is not None
    assert runtime.ledger.name == "test_three_even_stakes"


MISTAKES = {
    "a misspelt name": (
        RIGHT.replace("block_producers:", "block_producer:"),
        ":2:3: network.block_producer: expected a known name, found 'block_producer'. "
        "Did you mean 'block_producers'?",
    ),
    "a number in words": (
        RIGHT.replace("3}", "three}"),
        ":2:28: network.block_producers.count: expected a whole number, found 'three'.",
    ),
    "a number in quotes": (
        RIGHT.replace("3}", '"3"}'),
        ":2:28: network.block_producers.count: expected a whole number, found '3'. Write 3 without quotes.",
    ),
    "a count alone": (
        RIGHT.replace("{count: 3}", "3"),
        ":2:20: network.block_producers: expected a mapping of count, flags, found the number 3.",
    ),
    "no block producer": (
        RIGHT.replace("3}", "0}"),
        ":2:28: network.block_producers.count: expected at least 1, found 0. "
        "Without a block producer no block is made and no node ever is synced.",
    ),
    "more producers than keys": (
        RIGHT.replace("3}", "4}"),
        ":2:28: network.block_producers.count: expected a ledger key for each node, "
        "found none for block-producer-4: the ledger has 3. Add accounts to the ledger, or lower the count.",
    ),
    "no ledger": (
        RIGHT.replace("ledger: {name: test_three_even_stakes}", "genesis: {k: 3}"),
        ":4:1: runtime.ledger: expected a genesis ledger, found none. Add `ledger` with `accounts`, or with one "
        "of the names fuzz, release, test, test_delegation, test_five_even_stakes, test_split_two_stakers, "
        "test_three_even_stakes, testnet_postake, testnet_postake_many_producers; "
        "a test in Python can use sample_ledger().",
    ),
    "a misspelt ledger name": (
        RIGHT.replace("three_even", "tree_even"),
        ":5:18: runtime.ledger.name: expected the name of a built-in ledger, found 'test_tree_even_stakes'. "
        "Did you mean 'test_three_even_stakes'?",
    ),
    "a named ledger without its keys": (
        RIGHT.replace("  keyset: sample\n", "").replace("3}", "1}"),
        f":4:3: runtime.ledger.accounts[0]: expected the private key of {ONE}, which block-producer-1 holds, "
        "found none. Give the account an `sk`, or write `keyset: FILE` in `network`; `keyset: sample` is for "
        "ledgers of sample keys.",
    ),
    "a balance without quotes": (
        accounts(f"pk: {ONE}, balance: 1000"),
        ':7:76: runtime.ledger.accounts[0].balance: expected text of decimal coda such as "1000.5", '
        'found the number 1000. Write "1000", in quotes.',
    ),
    "a balance with separators": (
        accounts(f'pk: {ONE}, balance: "1,000"'),
        ":7:76: runtime.ledger.accounts[0].balance: expected decimal coda such as \"1000.5\", found '1,000'. "
        "Leave out the separators between the digits.",
    ),
    "an account without balance": (
        accounts(f"pk: {ONE}"),
        ":7:5: runtime.ledger.accounts[0]: expected a field 'balance', found none.",
    ),
    "a mistyped address": (
        accounts(f'pk: {ONE[:-1]}x, balance: "1"'),
        f":7:10: runtime.ledger.accounts[0].pk: expected an address (B62…), found '{ONE[:-1]}x'. "
        "It is mistyped, cut, or something else.",
    ),
    "an address that was made up": (
        accounts(f'pk: {NO_POINT}, balance: "1"'),
        f":7:10: runtime.ledger.accounts[0].pk: expected an address (B62…), found '{NO_POINT}'. "
        "Its checksum is right, but no point of the curve has it: it was not made from a private key.",
    ),
    "a delegate that does not exist": (
        accounts(f'pk: {ONE}, balance: "1"', f'pk: {TWO}, balance: "1", delegate: {THREE}'),
        f":8:91: runtime.ledger.accounts[1].delegate: expected the address of an account in this ledger, "
        f"found '{THREE}'. It is none of the 2; add it or leave it out.",
    ),
    "an account twice": (
        accounts(f'pk: {ONE}, balance: "1"', f'pk: {ONE}, balance: "1"'),
        f":8:10: runtime.ledger.accounts[1].pk: expected each account once, found {ONE} again. "
        "It is accounts[0] already.",
    ),
    "a balance below the vesting minimum": (
        accounts(
            f'pk: {ONE}, balance: "5", timing: {{initial_minimum_balance: "9", cliff_time: "1", '
            'cliff_amount: "1", vesting_period: "1", vesting_increment: "1"}'
        ),
        ":7:76: runtime.ledger.accounts[0].balance: "
        "expected at least the timing's initial_minimum_balance, 9, found 5.",
    ),
    "a producer without stake": (
        accounts(f'pk: {ONE}, balance: "5", delegate: {TWO}', f'pk: {TWO}, balance: "1"'),
        f":3:12: network.block_producers.count: expected stake for every block producer, found none delegated "
        f"to {ONE}, the key of block-producer-1. Give its account a balance and no other delegate, or set the "
        "flag `may_lack_stake`.",
    ),
    "the secret of another account": (
        accounts(f'pk: {TWO}, sk: {SECRET}, balance: "5"'),
        f":7:71: runtime.ledger.accounts[0].sk: expected the private key of {TWO}, "
        "found the private key of another address.",
    ),
    "an epoch that three does not divide": (
        RIGHT + "  genesis: {slots_per_epoch: 100, grace_period_slots: 20}\n",
        ":6:30: runtime.genesis.slots_per_epoch: expected a number divisible by 3, found 100. "
        "The nearest are 99 and 102.",
    ),
    "a grace period of a third": (
        RIGHT + "  genesis: {slots_per_epoch: 99, grace_period_slots: 33}\n",
        ":6:54: runtime.genesis.grace_period_slots: expected less than a third of slots_per_epoch, which is 99, "
        "found 33. At most 32 fits.",
    ),
    "slots too short for a block": (
        RIGHT + "  proof: {block_window_duration_ms: 2}\n",
        ":6:37: runtime.proof.block_window_duration_ms: expected at least 100, found 2. "
        "A shorter slot cannot hold a block.",
    ),
    "a slot that does not divide the year": (
        RIGHT + "  proof: {block_window_duration_ms: 700}\n",
        ":6:37: runtime.proof.block_window_duration_ms: expected a slot length of which a year of 365 days "
        "holds a multiple of 12, found 700, of which it holds 45051428. The nearest that fits is 696.",
    ),
    "a proof level in capitals": (
        RIGHT + "  proof: {level: None}\n",
        ':6:18: runtime.proof.level: expected "full" or "check" or "none", found \'None\'. '
        "Did you mean 'none'?",
    ),
    "a time without date": (
        RIGHT + "  genesis: {genesis_state_timestamp: tomorrow}\n",
        ":6:38: runtime.genesis.genesis_state_timestamp: expected date and time with a zone such as "
        "\"2024-05-01T12:00:00Z\", found 'tomorrow'.",
    ),
    "epoch accounts in another order": (
        RIGHT.replace("ledger: {name: test_three_even_stakes}", "ledger: {accounts: [")
        + f'    {{pk: {ONE}, balance: "1"}}, {{pk: {TWO}, balance: "1"}}, {{pk: {THREE}, balance: "1"}}]}}\n'
        + f'  epoch_data: {{staking: {{accounts: [{{pk: {TWO}, balance: "1"}}]}}}}\n',
        f":7:42: runtime.epoch_data.staking.accounts[0].pk: expected {ONE}, as the genesis ledger has in this "
        f"place, found {TWO}. Epoch ledgers list the first accounts in the same order; only balances may "
        "differ.",
    ),
    "two nodes of one name": (
        RIGHT.replace(
            "  keyset",
            "  nodes: {block-producer-1: {name: whale}, node-1: {name: whale}}\n  plain_nodes: 1\n  keyset",
        ),
        ":3:59: network.nodes.node-1.name: expected a name of its own, "
        "found 'whale', which is block-producer-1's too.",
    ),
    "settings of a node that is not there": (
        RIGHT.replace("  keyset", "  nodes: {block-producer-4: {daemon: mina}}\n  keyset"),
        ":3:11: network.nodes.block-producer-4: expected the usual name of a node, such as 'block-producer-1', "
        "found 'block-producer-4'. Did you mean 'block-producer-3'?",
    ),
    "a flag that the plan decides": (
        RIGHT.replace("  keyset", "  nodes: {seed-1: {arguments: [-rest-port, '3085']}}\n  keyset"),
        ":3:32: network.nodes.seed-1.arguments[0]: expected a flag that the plan leaves free, "
        "found -rest-port. The engine chooses ports.",
    ),
    "a port used twice": (
        RIGHT.replace(
            "  keyset",
            "  nodes:\n"
            "    seed-1: {arguments: [-metrics-port, '9000']}\n"
            "    block-producer-1: {arguments: [-metrics-port, '9000']}\n"
            "  keyset",
        ),
        ":5:51: network.nodes.block-producer-1.arguments[1]: expected a port that nothing else uses, "
        "found 9000, which is seed-1 -metrics-port's too.",
    ),
    "a name twice": (
        RIGHT.replace("  keyset", "  block_producers: {count: 2}\n  keyset"),
        ":3:3: network.block_producers: expected each name once, found 'block_producers' again. "
        "Remove one of them.",
    ),
    "a tab": (
        RIGHT.replace("  block", "\tblock"),
        ":2:1: expected YAML, found a mistake (found character that cannot start any token). "
        "Indent with spaces, not tabs.",
    ),
    "a ledger's name alone": (
        RIGHT.replace("{name: test_three_even_stakes}", "test_three_even_stakes"),
        ":5:11: runtime.ledger: expected a mapping of accounts, name, hash, num_accounts, …, "
        "found 'test_three_even_stakes'. Write {name: test_three_even_stakes}.",
    ),
    "a section in the wrong place": (
        RIGHT + "genesis: {k: 3}\n",
        ":6:1: genesis: expected `network` and `runtime` only, found 'genesis'. It belongs under `runtime`.",
    ),
    "a file that is not there": (
        RIGHT.replace("\n  ledger: {name: test_three_even_stakes}", " genesis.json"),
        ":4:10: runtime: expected the name of a file, found 'genesis.json'. "
        "DIRECTORY/genesis.json cannot be read: No such file or directory. Check the name.",
    ),
    "a misspelt keyset": (
        RIGHT.replace("keyset: sample", "keyset: sampel"),
        ":3:11: network.keyset: expected a keyset file, or `sample`, found 'sampel'. Did you mean 'sample'?",
    ),
    "a number in quotes, in a mapping": (
        RIGHT + '  proof: {transaction_capacity: {2_to_the: "3"}}\n',
        ':6:11: runtime.proof.transaction_capacity: expected {"2_to_the": n} or {"txns_per_second_x10": n}, '
        'found {"2_to_the": "3"}.',
    ),
    "nothing at all": ("", ":1:1: expected a mapping with `network` and `runtime`, found nothing."),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_place_and_remedy(mistake: str, tmp_path: Path) -> None:
    text, message = MISTAKES[mistake]
    file = tmp_path / "net.yaml"
    file.write_text(text)

    with pytest.raises(FaultyConfigError) as caught:
        load_network(file)

    told = [
        str(fault).removeprefix(str(file)).replace(str(tmp_path), "DIRECTORY")
        for fault in caught.value.faults
    ]
    assert told == [message]


def test_a_comma_too_many_in_json_is_named(tmp_path: Path) -> None:
    file = tmp_path / "net.json"
    file.write_text(
        '{"network": {"block_producers": {"count": 2}},\n "runtime": {"ledger": {"name": "test"},}}'
    )
    with pytest.raises(FaultyConfigError) as caught:
        load_network(file)
    [fault] = caught.value.faults
    assert str(fault).removeprefix(str(file)) == (
        ":2:41: expected JSON, found a mistake (expecting property name enclosed in double quotes). "
        "Remove the comma before it."
    )


def test_all_faults_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "net.yaml"
    file.write_text(
        "network:\n"
        "  block_producers: {count: three}\n"
        "  snark_coordinator: {count: 1}\n"
        "runtime:\n"
        "  genesis: {slots_per_epoch: 100, k: '20'}\n"
        "  ledger:\n"
        "    accounts:\n"
        f"      - {{pk: {ONE}, balance: 1000, token_id: 1}}\n"
    )

    with pytest.raises(FaultyConfigError) as caught:
        load_network(file)

    assert str(caught.value).replace(str(file), "net.yaml") == (
        "The configuration has 6 faults:\n"
        "  net.yaml:2:28: network.block_producers.count: expected a whole number, found 'three'.\n"
        "  net.yaml:3:3: network.snark_coordinator: expected a known name, found 'snark_coordinator'. "
        "Did you mean 'snark_coordinators'?\n"
        "  net.yaml:5:30: runtime.genesis.slots_per_epoch: expected a number divisible by 3, found 100. "
        "The nearest are 99 and 102.\n"
        "  net.yaml:5:38: runtime.genesis.k: expected a whole number, found '20'. Write 20 without quotes.\n"
        '  net.yaml:8:80: runtime.ledger.accounts[0].balance: expected text of decimal coda such as "1000.5", '
        'found the number 1000. Write "1000", in quotes.\n'
        "  net.yaml:8:96: runtime.ledger.accounts[0].token_id: expected a known name, found 'token_id'. "
        "Did you mean 'token'?"
    )


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"net\.yaml cannot be read: No such file or directory\. Check the name"
    ):
        load_network(tmp_path / "net.yaml")


def test_a_private_key_in_the_wrong_place_is_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "net.yaml"
    file.write_text(
        accounts(f'pk: {SECRET}, balance: "1"', f"pk: {ONE}, balance: {SECRET}, delegate: {SECRET}")
    )
    with pytest.raises(FaultyConfigError) as caught:
        load_network(file)
    assert SECRET not in str(caught.value)
    assert SECRET[3:20] not in str(caught.value)


def test_lenient_keeps_what_a_newer_daemon_may_know(tmp_path: Path) -> None:
    """At every level, and in the file that the daemons read."""
    file = tmp_path / "net.yaml"
    file.write_text(
        accounts(f'pk: {ONE}, balance: "1", zest: [1]', f'pk: {TWO}, balance: "1"')
        + "  genesis: {k: 3, kk: {a: 4}}\n  newer: {b: 5}\n  proof: {level: full}\n"
    )
    with pytest.raises(FaultyConfigError) as caught:
        load_network(file)
    assert len(caught.value.faults) == 3

    network, runtime = load_network(file, lenient=True)

    assert runtime.genesis is not None
    assert runtime.genesis.k == 3
    document = json.loads(plan_document(make_plan(network, runtime, sites_of(network), seed=1)))["runtime"]
    assert document["genesis"]["kk"] == {"a": 4}
    assert document["newer"] == {"b": 5}
    # Proof level full puts the genesis winner's account first.
    assert [account.get("zest") for account in document["ledger"]["accounts"]] == [None, [1], None]


def test_lenient_keeps_no_secret_and_nothing_that_no_daemon_reads(tmp_path: Path) -> None:
    file = tmp_path / "net.yaml"
    file.write_text(
        RIGHT.replace("  keyset", "  extra: 1\n  keyset")
        + f"  newer: {{keys: [{SECRET}]}}\n  other: {{db_password: x}}\n"
    )
    with pytest.raises(FaultyConfigError) as caught:
        load_network(file, lenient=True)
    assert [str(fault).removeprefix(str(file)) for fault in caught.value.faults] == [
        ":3:10: network.extra: expected a known name, found 'extra'. There are: archive_nodes, block_producers, "
        "keyset, nodes, plain_nodes, profile, seeds, snark_coordinators.",
        ":7:3: runtime.newer: expected no secret under an unknown name, found 'newer'. "
        "What --lenient keeps stands in the file of every node.",
        ":8:3: runtime.other: expected no secret under an unknown name, found 'other'. "
        "What --lenient keeps stands in the file of every node.",
    ]


def test_what_is_kept_of_a_ledger_goes_with_the_ledger_that_a_later_file_replaces(tmp_path: Path) -> None:
    (tmp_path / "base.json").write_text('{"ledger": {"name": "test", "a": 1}, "genesis": {"b": 1, "c": 1}}')
    (tmp_path / "late.json").write_text('{"ledger": {"name": "test_three_even_stakes"}, "genesis": {"b": 2}}')
    file = tmp_path / "net.yaml"
    file.write_text(RIGHT.replace("\n  ledger: {name: test_three_even_stakes}", " [base.json, late.json]"))

    network, runtime = load_network(file, lenient=True)

    document = json.loads(plan_document(make_plan(network, runtime, sites_of(network), seed=1)))["runtime"]
    assert "a" not in document["ledger"]
    assert (document["genesis"]["b"], document["genesis"]["c"]) == (2, 1)


def test_a_fault_of_merged_files_is_placed_where_the_winning_value_is(tmp_path: Path) -> None:
    (tmp_path / "base.json").write_text('{"ledger": {"name": "test_three_even_stakes"}, "genesis": {"k": 3}}')
    (tmp_path / "late.json").write_text('{"genesis":\n {"k": 0}}')
    file = tmp_path / "net.yaml"
    file.write_text(RIGHT.replace("\n  ledger: {name: test_three_even_stakes}", " [base.json, late.json]"))

    with pytest.raises(
        FaultyConfigError, match=r"late\.json:2:8: runtime\.genesis\.k: expected at least 1, found 0\."
    ):
        load_network(file)
