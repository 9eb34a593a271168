from hypothesis import given
from hypothesis import strategies as st

from coda_daemon.ledger.persistent_map import PersistentMap


class Clumsy:
    """A key whose hash is chosen, so that hashes meet in full or in part."""

    def __init__(self, hash_: int, name: int) -> None:
        self.hash = hash_
        self.name = name

    def __hash__(self) -> int:
        return self.hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Clumsy) and (self.hash, self.name) == (other.hash, other.name)

    def __repr__(self) -> str:
        return f"Clumsy({self.hash}, {self.name})"


hashes = st.one_of(st.integers(-3, 3), st.sampled_from([1 << 60, (1 << 60) + 1, -(1 << 60), 16, 17, 256]))
keys = st.builds(Clumsy, hashes, st.integers(0, 2))


@given(st.lists(st.tuples(keys, st.integers())))
def test_map_holds_what_a_dict_would(entries: list[tuple[Clumsy, int]]) -> None:
    """Also for keys whose hashes share their beginning, are negative, or are equal."""
    model: dict[Clumsy, int] = {}
    mapped = PersistentMap[Clumsy, int]()
    for key, value in entries:
        mapped = mapped.insert(key, value)
        model[key] = value

    for hash_ in (-3, -2, -1, 0, 1, 2, 3, 1 << 60, (1 << 60) + 1, -(1 << 60), 16, 17, 256):
        for name in range(3):
            assert mapped.get(Clumsy(hash_, name)) == model.get(Clumsy(hash_, name))


def test_insert_leaves_the_old_map_as_it_was() -> None:
    before = PersistentMap[str, int]().insert("a", 1)

    after = before.insert("a", 2).insert("b", 3)

    assert (before.get("a"), before.get("b")) == (1, None)
    assert (after.get("a"), after.get("b")) == (2, 3)


def test_thousands_of_keys_are_found_again() -> None:
    mapped = PersistentMap[str, int]()
    for number in range(5000):
        mapped = mapped.insert(f"key {number}", number)

    assert all(mapped.get(f"key {number}") == number for number in range(5000))
    assert mapped.get("key 5000") is None
