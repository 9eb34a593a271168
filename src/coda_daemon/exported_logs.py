"""Logs of a configuration directory in one tar file, to be sent to somebody else (daemon contract J)."""

import gzip
import io
import re
import tarfile

from coda_daemon.ports import Store
from coda_protocol.log_message import format_timestamp

_LOG = re.compile(r".*\.log(\.\d+)?|mina\.version")
_BASENAME = re.compile(r"[\w.@+ -]{1,100}", re.ASCII)


def report_crash(store: Store, directory: str, *, time_ns: int) -> str:
    """Write `coda_crash_report_TIME.tar.gz` in the directory and return its path (contract A.7). Raises OSError."""
    path = f"{directory}/coda_crash_report_{_time(time_ns)}.tar.gz"
    store.write(path, _packed(store, directory, time_ns))
    return path


def export_logs(store: Store, directory: str, basename: str | None, *, time_ns: int) -> str:
    """Write `exported_logs/BASENAME.tar.gz` in the directory and return its path; without a name it is the time.

    Raises ValueError for a name that is none, OSError as the disk does.
    """
    if basename is None:
        basename = _time(time_ns)
    if not _BASENAME.fullmatch(basename) or basename.startswith("."):
        raise ValueError(f"expected the plain name of a file, found {basename!r}")
    content = _packed(store, directory, time_ns)
    target = f"{directory}/exported_logs"
    store.make_directory(target)
    path = f"{target}/{basename}.tar.gz"
    store.write(path, content)
    return path


def _time(time_ns: int) -> str:
    """An instant as the name of a file."""
    return re.sub(r"[ :]", "-", format_timestamp(time_ns).partition(".")[0])


def _packed(store: Store, directory: str, time_ns: int) -> bytes:
    names = [name for name in store.list_directory(directory) if _LOG.fullmatch(name)]
    if not names:
        raise FileNotFoundError(f"no logs in {directory}")
    return _tarred({name: store.read(f"{directory}/{name}") for name in names}, time_ns // 1_000_000_000)


def _tarred(files: dict[str, bytes], seconds: int) -> bytes:
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=seconds) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as tar,
    ):
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = len(content), seconds
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
