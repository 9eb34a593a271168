"""What the room offers is a short list, and it is true."""

from coda_executive import testing


def test_every_public_name_is_there_and_has_one_home() -> None:
    names = [name for group in testing._HOMES.values() for name in group]

    assert sorted(names) == sorted(testing.__all__)
    for name in testing.__all__:
        assert getattr(testing, name) is not None
