import pytest

from coda_daemon.gossip.peer import Peer, parse_multiaddress
from coda_protocol.format_error import FormatError
from coda_protocol.libp2p_keys import libp2p_keypair_from_seed

PEER_ID = libp2p_keypair_from_seed("node").peer_id


@pytest.mark.parametrize("host", ["/ip4/10.0.0.1", "/ip6/::1", "/dns4/seed.example", "/dns6/seed"])
def test_multiaddresses_of_the_contract_are_read(host: str) -> None:
    peer = parse_multiaddress(f"{host}/tcp/8302/p2p/{PEER_ID}")

    assert (peer.host, peer.port, peer.peer_id) == (host.split("/")[2], 8302, PEER_ID)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10.0.0.1:8302",
        f"/ip4/10.0.0.1/tcp/0/p2p/{PEER_ID}",
        f"/ip4/10.0.0.1/tcp/65536/p2p/{PEER_ID}",
        f"/ip4/10.0.0.1/udp/8302/p2p/{PEER_ID}",
        "/ip4/10.0.0.1/tcp/8302",
        "/ip4/10.0.0.1/tcp/8302/p2p/",
        "/ip4/10.0.0.1/tcp/8302/p2p/12D3KooWnonsense",
        f"/ip4/10.0.0.1/tcp/8302/p2p/{PEER_ID}/",
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(FormatError):
        parse_multiaddress(text)


def test_a_peer_prints_as_its_multiaddress() -> None:
    for text in (f"/ip4/10.0.0.1/tcp/8302/p2p/{PEER_ID}", f"/ip6/::1/tcp/8302/p2p/{PEER_ID}"):
        assert str(parse_multiaddress(text)) == text
    assert str(Peer("seed", 1, PEER_ID)).startswith("/dns4/seed/tcp/1/")
