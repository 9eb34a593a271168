from dataclasses import fields

import pytest

from coda_daemon.profile import UnknownProfile, dev, mainnet, profile_of


def test_mainnet_has_the_contracts_values() -> None:
    profile = mainnet()

    assert (profile.initial_peers, profile.initial_peers_cap, profile.first_peer_limit) == (5, 60, 60)
    assert (profile.offline_slots, profile.catchup_gap) == (8, 5)
    assert (profile.offline_restart, profile.offline_shutdown) == (300, 1500)
    assert (profile.no_gossip_warning, profile.bootstrap_limit) == (900, 7200)


@pytest.mark.parametrize("slot_ms", [50, 500, 2_000, 20_000, 120_000, 180_000])
def test_dev_waits_no_longer_than_mainnet_where_a_test_waits(slot_ms: int) -> None:
    profile, real = dev(slot_ms), mainnet()

    assert profile.initial_peers is None
    for name in ("initial_peers_cap", "peers_quiet", "catchup_retry", "redial_most"):
        assert 0 < getattr(profile, name) <= getattr(real, name), name
    assert profile.peers_quiet < profile.initial_peers_cap < profile.first_peer_limit
    assert all(getattr(profile, field.name) != 0 for field in fields(profile))


def test_the_environment_chooses() -> None:
    assert profile_of({}, slot_ms=2_000) == mainnet()
    assert profile_of({"CODA_PROFILE": "dev"}, slot_ms=2_000) == dev(2_000)
    with pytest.raises(UnknownProfile, match="expected mainnet or dev"):
        profile_of({"CODA_PROFILE": "fast"}, slot_ms=2_000)
