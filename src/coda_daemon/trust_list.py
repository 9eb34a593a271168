"""Who may call the client port: this machine, and networks that the user lists (daemon contract A.6)."""

import ipaddress
import re
from collections.abc import Mapping
from typing import Final

from coda_daemon.ports import Store
from coda_daemon.user_error import UserError

_THIS_MACHINE: Final = ipaddress.ip_network("127.0.0.0/8")
ALL_ADDRESSES: Final = "0.0.0.0"  # noqa: S104  the contract's; the trust list guards the port

IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


class TrustList:
    """This machine, the networks of `MINA_CLIENT_TRUSTLIST`, and those of the file `client_trustlist` in the
    configuration directory, which holds what is added at run time.
    """

    def __init__(
        self, environment: Mapping[str, str], store: Store, directory: str | None, *, own: str
    ) -> None:
        """`own` is this machine's address; without a directory there is no file.

        Raises UserError for what is no network in CIDR notation.
        """
        self._store = store
        self._path = f"{directory}/client_trustlist"
        given = environment.get("MINA_CLIENT_TRUSTLIST") or environment.get("CODA_CLIENT_TRUSTLIST", "")
        listed: list[str] = []
        if directory is not None and store.exists(self._path):
            listed = re.findall(r"[^\s()]+", store.read(self._path).decode(errors="replace"))
        try:
            self._fixed = (_THIS_MACHINE, *_network_of(own), *_networks(given.split(",")))
            self._listed = _networks(listed)
        except ValueError as error:
            raise UserError(
                f"The client trust list (MINA_CLIENT_TRUSTLIST, {self._path}) must hold networks such as "
                f"10.0.0.0/8: {error}"
            ) from error

    def __contains__(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self.networks)

    @property
    def networks(self) -> tuple[IpNetwork, ...]:
        return tuple(dict.fromkeys((*self._fixed, *self._listed)))

    def add(self, text: str) -> None:
        """Raises ValueError for what is no network or listed already, OSError as the disk does."""
        network = ipaddress.ip_network(text)
        if network in self.networks:
            raise ValueError(f"{network} is on the list already")
        self._write((*self._listed, network))

    def remove(self, text: str) -> None:
        """Raises ValueError for what was not added, OSError as the disk does."""
        network = ipaddress.ip_network(text)
        if network not in self._listed:
            raise ValueError(f"{network} is not among the networks that were added")
        self._write(tuple(known for known in self._listed if known != network))

    def _write(self, listed: tuple[IpNetwork, ...]) -> None:
        self._store.write(self._path, f"({' '.join(map(str, listed))})\n".encode())
        self._listed = listed


def listening_address(bind_ip: str) -> str:
    """All addresses, as the contract has it, unless the node keeps to this machine for its peers too."""
    try:
        return bind_ip if ipaddress.ip_address(bind_ip) in _THIS_MACHINE else ALL_ADDRESSES
    except ValueError:
        return ALL_ADDRESSES


def _networks(texts: list[str]) -> tuple[IpNetwork, ...]:
    return tuple(ipaddress.ip_network(text.strip()) for text in texts if text.strip())


def _network_of(address: str) -> tuple[IpNetwork, ...]:
    """The network of one address; none for a name, or the address that means any."""
    try:
        return () if address == ALL_ADDRESSES else (ipaddress.ip_network(address),)
    except ValueError:
        return ()
