"""The configuration directory: one daemon at a time, and what stands in it beside the chain (daemon contract
A.7).
"""

import msgspec

from coda_daemon.ports import Host
from coda_daemon.user_error import UserError


class ConfigDirectory:
    """A daemon's directory, held by its lock file between `open` and `close`."""

    def __init__(self, path: str, host: Host) -> None:
        self.path = path
        self._host = host
        self._lock = f"{path}/.mina-lock"

    def open(self, commit: str) -> None:
        """Create what is missing, lock, and note the version. Raises UserError when a live daemon has the
        lock.
        """
        store = self._host.store
        try:
            store.make_directory(self.path, mode=0o700)
            self._check_lock()
            store.write(self._lock, f"{self._host.pid}\n".encode())
            store.write(f"{self.path}/mina.version", msgspec.json.encode({"commit": commit}))
        except OSError as error:
            raise UserError(
                f"cannot use the configuration directory {self.path}: {error}. "
                "Make it writable, or name another one with -config-directory."
            ) from error

    def close(self) -> None:
        """Remove the lock; a clean exit leaves none."""
        self._host.store.remove(self._lock)

    def _check_lock(self) -> None:
        try:
            text = self._host.store.read(self._lock)
        except FileNotFoundError:
            return
        # A lock that a crash cut short names nobody.
        owner = text.strip()
        # Our own id: we were restarted under the same one, as in a container.
        if not owner.isdigit() or int(owner) == self._host.pid:
            return
        if self._host.process_is_alive(int(owner)):
            raise UserError(
                f"A daemon (process id {int(owner)}) is already running "
                f"with the current configuration directory ({self.path})"
            )
