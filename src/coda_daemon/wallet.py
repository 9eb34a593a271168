"""The daemon's own keys: files in `wallets/store`, some of them unlocked (daemon contract A.7, D.5, E.4).

Each key is a secret box named after its address, mode 0600, beside `<address>.pub`. Which keys there are is
known from the start or from `reload`; unlocked keys live in memory only.
"""

from coda_daemon.ledger.account import Address
from coda_daemon.ports import Chance, Store
from coda_protocol.format_error import FormatError
from coda_protocol.key_files import read_private_key, write_private_key
from coda_protocol.keys import Keypair, PrivateKey, PublicKey
from coda_protocol.pallas import GROUP_ORDER
from coda_protocol.secret_box import ENTROPY_BYTES, WrongPasswordError


class UnknownKeyError(Exception):
    """The wallet has no such key."""


def store_path(directory: str) -> str:
    """Where a configuration directory keeps its keys."""
    return f"{directory}/wallets/store"


def key_path(directory: str, address: str) -> str:
    return f"{store_path(directory)}/{address}"


class Wallet:
    """The keys of one configuration directory. File operations raise OSError as the disk does."""

    def __init__(self, store: Store, chance: Chance, directory: str) -> None:
        self._store = store
        self._chance = chance
        self._directory = directory
        self._tracked: tuple[Address, ...] = ()
        self._unlocked: dict[Address, Keypair] = {}
        self.reload()

    def __repr__(self) -> str:
        return f"<Wallet {len(self._tracked)} keys, {len(self._unlocked)} unlocked>"

    @property
    def tracked(self) -> tuple[Address, ...]:
        """Addresses of all keys, sorted."""
        return self._tracked

    def path_of(self, address: Address) -> str:
        """The path that a key would have in the store, whether or not it is there."""
        return key_path(self._directory, address)

    def is_locked(self, address: Address) -> bool | None:
        """None when the wallet does not track the key."""
        return address not in self._unlocked if address in self._tracked else None

    def unlocked(self, address: Address) -> Keypair | None:
        return self._unlocked.get(address)

    def reload(self) -> None:
        """Look for key files again; keys whose files are gone are forgotten."""
        names = self._store.list_directory(store_path(self._directory))
        self._tracked = tuple(Address(name) for name in sorted(names) if _is_address(name))
        self._unlocked = {
            address: pair for address, pair in self._unlocked.items() if address in self._tracked
        }

    def create(self, password: str) -> Address:
        """Make a key, store it under the password and leave it unlocked."""
        scalar = 0
        while not 0 < scalar < GROUP_ORDER:
            scalar = int.from_bytes(self._chance.token_bytes(32), "little") & ((1 << 255) - 1)
        keypair = Keypair.of(PrivateKey(scalar))
        address = Address(str(keypair.public))
        entropy = self._chance.token_bytes(ENTROPY_BYTES)
        self._write(address, write_private_key(keypair.private, password, entropy=entropy))
        self._unlocked[address] = keypair
        return address

    def import_file(self, path: str, password: str) -> tuple[Address, bool]:
        """Take over a key file, by its content and password, left locked; also tell whether it was here already.

        Raises OSError, FormatError and WrongPasswordError.
        """
        content = self._store.read(path)
        address = Address(str(Keypair.of(read_private_key(content, password)).public))
        if address in self._tracked:
            return address, True
        self._write(address, content)
        return address, False

    def unlock(self, address: Address, password: str) -> None:
        """Raises UnknownKeyError and WrongPasswordError; a damaged file is a wrong password."""
        if address not in self._tracked:
            raise UnknownKeyError(address)
        try:
            keypair = Keypair.of(read_private_key(self._store.read(self.path_of(address)), password))
        except FormatError:
            raise WrongPasswordError from None
        if str(keypair.public) != address:
            raise WrongPasswordError
        self._unlocked[address] = keypair

    def lock(self, address: Address) -> None:
        """Raises UnknownKeyError."""
        if address not in self._tracked:
            raise UnknownKeyError(address)
        self._unlocked.pop(address, None)

    def delete(self, address: Address) -> None:
        """Remove a key with its files. Raises UnknownKeyError."""
        if address not in self._tracked:
            raise UnknownKeyError(address)
        self._store.remove(self.path_of(address))
        self._store.remove(f"{self.path_of(address)}.pub")
        self.reload()

    def _write(self, address: Address, content: bytes) -> None:
        self._store.make_directory(store_path(self._directory), mode=0o700)
        self._store.write(self.path_of(address), content, mode=0o600)
        self._store.write(f"{self.path_of(address)}.pub", f"{address}\n".encode())
        self.reload()


def _is_address(name: str) -> bool:
    try:
        PublicKey.parse(name)
    except FormatError:
        return False
    return True
