from hashlib import blake2b

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coda_daemon.digests import field_of
from coda_daemon.ledger import merkle
from coda_daemon.ledger.account import (
    MINA_TOKEN,
    Account,
    Address,
    Permissions,
    Timing,
    TokenId,
    leaf_hash,
    new_account,
)
from coda_daemon.ledger.coinbase import apply_coinbase, apply_fee_transfer
from coda_daemon.ledger.draft import Draft
from coda_daemon.ledger.ledger import LedgerFullError, build_ledger, total_currency
from coda_protocol.hash_text import ledger_hash
from coda_protocol.slots import GlobalSlot

FEE = 10


def account(name: str, balance: int = 100, token: TokenId = MINA_TOKEN) -> Account:
    return Account(Address(name), token, balance, delegate=Address(name))


@given(st.lists(st.sampled_from("abcdefgh"), unique=True), st.integers(3, 35))
def test_ledger_built_at_once_equals_one_grown_account_by_account(names: list[str], depth: int) -> None:
    accounts = [account(name, index) for index, name in enumerate(names)]
    grown = build_ledger(depth, [])
    for one in accounts:
        grown = grown.put(one)

    built = build_ledger(depth, accounts)

    assert built.hash == grown.hash
    assert list(built) == list(grown) == accounts
    assert len(built) == len(accounts)


def test_root_tells_balance_position_and_depth_apart() -> None:
    a, b = account("a"), account("b")
    hashes = {
        build_ledger(5, [a, b]).hash,
        build_ledger(5, [b, a]).hash,
        build_ledger(6, [a, b]).hash,
        build_ledger(5, [a]).hash,
        build_ledger(5, []).hash,
        build_ledger(5, [a, account("b", 101)]).hash,
    }

    assert len(hashes) == 6
    assert all(text.startswith("j") for text in hashes)


def test_put_changes_one_account_and_leaves_the_old_ledger() -> None:
    before = build_ledger(10, [account("a"), account("b")])

    after = before.put(account("b", 7))

    assert [one.balance for one in before] == [100, 100]
    assert [one.balance for one in after] == [100, 7]
    assert before.hash != after.hash
    assert after.put(account("b")).hash == before.hash


def test_key_has_an_account_for_each_token() -> None:
    other = TokenId("other")
    ledger = build_ledger(4, [account("a"), account("b")]).put(account("a", 5, other))

    assert ledger.account(Address("a"), other) == account("a", 5, other)
    assert ledger.accounts_of(Address("a")) == (account("a"), account("a", 5, other))
    assert ledger.accounts_of(Address("c")) == ()
    assert ledger.account(Address("b"), other) is None
    assert total_currency(ledger) == 200


def test_full_ledger_takes_no_new_account() -> None:
    ledger = build_ledger(1, [account("a"), account("b")])

    with pytest.raises(LedgerFullError, match="all 2 leaves"):
        ledger.put(account("c"))
    with pytest.raises(LedgerFullError, match="holds 2 accounts, got 3"):
        build_ledger(1, [account(name) for name in "abc"])
    assert ledger.put(account("a", 1)).account(Address("a")) == account("a", 1)


def test_versions_share_all_but_one_path() -> None:
    """A block's ledger costs its depth in nodes, however many accounts there are."""
    tree = merkle.build(10, [account(str(number)) for number in range(500)])

    after = merkle.put_all(tree, 10, {3: account("3", 1)})

    shared = _nodes(tree) & _nodes(after)
    assert len(_nodes(after)) - len(shared) == 11


def _nodes(tree: merkle.Node | None) -> set[int]:
    if tree is None:
        return set()
    if not isinstance(tree, merkle.Branch):
        return {id(tree)}
    return {id(tree)} | _nodes(tree.left) | _nodes(tree.right)


def test_get_of_an_empty_leaf_is_none() -> None:
    tree = merkle.build(3, [account("a")])

    assert merkle.get(tree, 3, 0) == account("a")
    assert merkle.get(tree, 3, 1) is None
    assert merkle.get(tree, 3, 7) is None


# ---- coinbase (I.7) ----


SLOT = GlobalSlot(7)


def test_coinbase_is_credited_to_an_account() -> None:
    draft = Draft(build_ledger(3, [account("a")]))

    assert apply_coinbase(draft, Address("a"), 50, SLOT, creation_fee=FEE) == (50, 0)
    assert draft.ledger().account(Address("a")) == account("a", 150)


def test_coinbase_to_a_new_key_makes_its_account_and_burns_the_creation_fee() -> None:
    draft = Draft(build_ledger(3, [account("a")]))

    assert apply_coinbase(draft, Address("b"), 50, SLOT, creation_fee=FEE) == (50, FEE)
    assert draft.ledger().account(Address("b")) == new_account(Address("b"), 40)


@pytest.mark.parametrize(
    ("depth", "balance", "receiver", "amount"),
    [
        pytest.param(3, 100, "b", FEE - 1, id="below the creation fee"),
        pytest.param(0, 100, "b", 100, id="no free leaf"),
        pytest.param(3, 2**64 - 50, "a", 100, id="over 64 bits"),
    ],
)
def test_coinbase_that_cannot_be_given_is_left_out_and_fees_are_burnt(
    depth: int, balance: int, receiver: str, amount: int
) -> None:
    ledger = build_ledger(depth, [account("a", balance)])
    draft = Draft(ledger)

    assert apply_coinbase(draft, Address(receiver), amount, SLOT, creation_fee=FEE) == (0, 0)
    assert apply_fee_transfer(draft, Address(receiver), amount, SLOT, creation_fee=FEE) == amount
    assert draft.ledger() is ledger


def test_what_an_account_may_not_receive_is_given_and_burnt() -> None:
    closed = msgspec.structs.replace(account("a"), permissions=Permissions(receive="impossible"))
    ledger = build_ledger(3, [closed])
    draft = Draft(ledger)

    assert apply_coinbase(draft, Address("a"), 50, SLOT, creation_fee=FEE) == (50, 50)
    assert apply_fee_transfer(draft, Address("a"), 5, SLOT, creation_fee=FEE) == 5
    assert draft.ledger() is ledger


def test_a_coinbase_frees_an_account_that_has_vested() -> None:
    """Once the minimum is 0 the account becomes untimed with its next transaction (I.8)."""
    timed = msgspec.structs.replace(account("a"), timing=Timing(10, 5, 10, 1, 0))
    for slot, expected in ((4, timed.timing), (5, None)):
        draft = Draft(build_ledger(3, [timed]))
        apply_coinbase(draft, Address("a"), 50, GlobalSlot(slot), creation_fee=FEE)
        after = draft.ledger().account(Address("a"))
        assert after is not None
        assert after.timing == expected


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 1000)), max_size=30))
def test_coinbases_conserve_currency(rewards: list[tuple[str, int]]) -> None:
    """All there is: what was there, plus coinbases, minus what was burnt."""
    draft, expected = Draft(build_ledger(2, [account("a")])), 100
    for name, amount in rewards:
        given_, burnt = apply_coinbase(draft, Address(name), amount, SLOT, creation_fee=FEE)
        expected += given_ - burnt

        assert total_currency(draft.ledger()) == expected


@given(
    st.dictionaries(st.integers(0, 40), st.integers(0, 1000), max_size=20),
    st.integers(0, 20),
)
def test_a_draft_hashes_to_what_single_changes_hash_to(changes: dict[int, int], size: int) -> None:
    start = build_ledger(6, [account(str(index)) for index in range(size)])
    draft, step_by_step = Draft(start), start
    for index, balance in changes.items():
        draft.put(account(str(index), balance))
        step_by_step = step_by_step.put(account(str(index), balance))

    assert draft.ledger().hash == step_by_step.hash
    assert list(draft.ledger()) == list(step_by_step)


# ---- accounts ----


def test_every_member_of_an_account_enters_its_leaf() -> None:
    plain = account("a")
    timing = Timing(10, 5, 4, 2, 1)
    changed = [
        msgspec.structs.replace(plain, **{name: value})
        for name, value in {
            "public_key": "x",
            "token": "t",
            "balance": 1,
            "nonce": 1,
            "delegate": None,
            "timing": timing,
            "token_symbol": "T",
            "receipt_chain_hash": "r",
            "voting_for": "v",
            "permissions": Permissions(send="impossible"),
        }.items()
    ]

    assert len({build_ledger(2, [one]).hash for one in [plain, *changed]}) == len(changed) + 1


@given(st.integers(1, 9), st.data())
def test_merkle_path_leads_from_each_leaf_to_the_root(size: int, data: st.DataObject) -> None:
    ledger = build_ledger(5, [new_account(Address(f"B62{index}"), index) for index in range(size)])
    position = data.draw(st.integers(0, size - 1))
    held = ledger.at(position)
    assert held is not None

    found = leaf_hash(held)
    for height, (beside, is_on_the_right) in enumerate(ledger.merkle_path(position), start=1):
        pair = found + beside if is_on_the_right else beside + found
        found = blake2b(pair, digest_size=32, salt=height.to_bytes(2, "big"), person=b"coda-merkle").digest()

    assert ledger_hash(field_of(found)) == ledger.hash
    assert ledger.position(held.public_key) == position
