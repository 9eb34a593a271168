"""The guardian of one run: parent and subreaper of everything that the run starts; it outlives the executive by
the stop limit.

It is run as a script, `python -I -S -E guardian.py CHANNEL JOURNAL GRACE`, and imports little: it stays small
and sleeps in one `poll`. CHANNEL and JOURNAL are inherited descriptors, GRACE is the seconds between SIGTERM
and SIGKILL at the end.

Requests and answers are JSON lines on CHANNEL. Each request carries an `id` and gets one answer with that
`id`, with `error` in it when it failed:

    do         with                                   answer   what
    spawn      key, argv, env, cwd, output, errors    pid      start a program in a session of its own
    signal     key, signal                            count    to all processes of the child
    stop       key, limit                             forced   SIGTERM, and SIGKILL after `limit` seconds, null: GRACE
    kill       key                                    forced   SIGKILL
    temporary  path                                            to be removed at the end
    last       argv, env                                       a program that undoes the rest then; [] for none
    keep       name, lease, socket                             outlive the asker, see below
    start      key                                    pid      spawn again what was last spawned under `key`
    status                                            nodes    pid by key, null for those that have ended; grace;
                                                               lease, left: seconds of the lease, and of it left
    renew      lease                                           the lease begins anew, with this length if not null
    close                                             none     end everything, then itself
    force                                             none     the same without grace, and nobody will ask again

`stop` and `kill` are answered when all processes of the child are gone. After `close` the journal is left
to the asker.

The end of a child is told once: {"exit": key, "pid", "code", "signal", "asked", "forced", "cpu"}. When nobody
asked for it that is at once, and what it left behind is killed; else when all its processes are gone, and
`asked` is the first of "stop" and "kill".

When the channel closes, its other end's process ends, or SIGTERM arrives, everything is stopped as by
`close`, and the journal is removed. The terminal's signals are ignored. What must be undone is in the journal
before it is done, so that a later clean-up can finish the work of a guardian that was killed.

After `keep` there is a lease in place of an owner: whoever connects to the Unix socket `socket` has the
channel, one after the other, and may hang up. Everything is stopped when the lease runs out, or at SIGTERM.
"""

# No pathlib here: it would bring urllib and more into memory.
import contextlib
import ctypes
import errno
import json
import os
import select
import signal
import sys
import time
from typing import Any, NoReturn

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
NODE_LABEL = "CODA_EXECUTIVE_NODE"
RESCAN_SECONDS = 0.02  # a process may fork between being seen and being killed
LONGEST_POLL_SECONDS = 86_400.0  # `poll` takes no more than 24 days
LAST_SECONDS = 15.0
UNKILLABLE_SECONDS = 20.0  # a process in uninterruptible sleep is left to the journal


class ProcessEntry:
    """One row of the process table; `start` is in clock ticks since boot and tells two users of a pid apart."""

    __slots__ = ("parent", "pid", "session", "start", "state")

    def __init__(self, pid: int, fields: list[bytes]) -> None:
        self.pid = pid
        self.state = fields[0].decode()
        self.parent = int(fields[1])
        self.session = int(fields[3])
        self.start = int(fields[19])


def process_entry(pid: int) -> ProcessEntry | None:
    """The process of that pid, zombies included, or None."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            text = file.read()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return ProcessEntry(pid, text[text.rindex(b")") + 2 :].split())  # the name before may hold anything


def process_table() -> dict[int, ProcessEntry]:
    """All processes that are not zombies."""
    entries = (process_entry(int(name)) for name in os.listdir("/proc") if name.isdigit())  # noqa: PTH208
    return {entry.pid: entry for entry in entries if entry is not None and entry.state not in "ZX"}


def environment_value(pid: int, name: str) -> str | None:
    """A variable of the environment that a process was started with; None also when it may not be read."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123
            variables = file.read().split(b"\0")
    except OSError:
        return None
    prefix = f"{name}=".encode()
    for variable in variables:
        if variable.startswith(prefix):
            return os.fsdecode(variable[len(prefix) :])
    return None


def output_of(pid: int) -> list[str]:
    """The files that a process has for standard output and error; none when they may not be looked at."""
    found = []
    for descriptor in (1, 2):
        with contextlib.suppress(OSError):
            found.append(os.readlink(f"/proc/{pid}/fd/{descriptor}"))  # noqa: PTH115
    return found


def subtree(table: dict[int, ProcessEntry], roots: list[int]) -> list[int]:
    """The pids of `roots` that are in the table and of all their descendants."""
    children: dict[int, list[int]] = {}
    for entry in table.values():
        children.setdefault(entry.parent, []).append(entry.pid)
    found: dict[int, None] = {}
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        if pid in table:
            found[pid] = None
        waiting.extend(children.pop(pid, ()))
    return list(found)


def remove_tree(path: str) -> None:
    """Remove a file or directory and all below it, symbolic links themselves. Nothing there is no error."""
    try:
        if os.path.isdir(path) and not os.path.islink(path):  # noqa: PTH112, PTH114
            for directory, directories, files in os.walk(path, topdown=False):
                for name in files:
                    os.unlink(os.path.join(directory, name))  # noqa: PTH108, PTH118
                for name in directories:
                    inner = os.path.join(directory, name)  # noqa: PTH118
                    (os.unlink if os.path.islink(inner) else os.rmdir)(inner)  # noqa: PTH114
            os.rmdir(path)  # noqa: PTH106
        else:
            os.unlink(path)  # noqa: PTH108
    except FileNotFoundError:
        pass


class Child:
    """What was spawned under one key. It is forgotten once it and everything that it started are gone."""

    def __init__(self, key: str, pid: int, output: str, failure: int) -> None:
        self.key = key
        self.output = output
        self.pid = pid
        self.failure: int | None = (
            failure  # read end of the pipe that tells why exec failed; None once it is known
        )
        self.spawn_id: int | None = None  # id of the request that is to be answered once it runs
        self.exited = False
        self.end: dict[str, Any] | None = None  # to be told once all is gone
        self.asked: str | None = None
        self.terminate = False
        self.deadline: float | None = None
        self.forced = False
        self.waiting: list[int] = []  # ids of the requests to be answered when it is gone


class Kept:
    """The lease of a testnet that outlives who deployed it: `lease` in seconds, until `end`."""

    def __init__(self, lease: float, path: str) -> None:
        import socket  # a run that is not kept does without it

        self.lease = lease
        self.end = time.monotonic() + lease
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # By way of its directory: the path of a Unix socket may have 107 bytes only.
        directory = os.open(os.path.dirname(path), os.O_RDONLY)  # noqa: PTH120
        try:
            self.listener.bind(f"/proc/self/fd/{directory}/{os.path.basename(path)}")  # noqa: PTH119
        finally:
            os.close(directory)
        self.listener.listen()


class Guardian:
    """The state of the program: its children, and whether it is closing."""

    def __init__(self, channel: int, journal: int, grace: float) -> None:
        self.channel = channel  # -1 while nobody is connected to a kept testnet
        self.journal = journal
        self.grace = grace
        self.libc = ctypes.CDLL(None)
        self.children: dict[str, Child] = {}
        self.spawned: dict[str, dict[str, Any]] = {}  # the last request of each key
        self.kept: Kept | None = None
        self.temporary: list[str] = []
        self.last: tuple[list[str], dict[str, str]] = ([], {})
        self.unread = b""
        self.closing = False
        self.keeps_journal = False
        self.deadline = 0.0
        self.poller = select.poll()
        self.wake_read, self.wake_write = os.pipe()

    def run(self) -> None:
        """Serve until closed and nothing is left: no temporary files, no journal if all is undone and none asked."""
        self.prepare()
        while not (self.closing and not self.end_everything()):
            ready = self.poller.poll(self.wait_milliseconds())
            self.reap()  # before requests are read: what died by itself did not die by a request
            for descriptor, _ in ready:
                if descriptor == self.channel:
                    self.receive()
                elif descriptor == self.wake_read:
                    if signal.SIGTERM in os.read(self.wake_read, 4096):
                        self.close()
                elif descriptor == self.owner:
                    self.close()
                elif self.kept is not None and descriptor == self.kept.listener.fileno():
                    self.accept()
                else:  # nobody's by now, if its child has just been reaped
                    for child in [c for c in self.children.values() if c.failure == descriptor]:
                        self.settle(child)
            self.advance()
            if self.kept is not None and time.monotonic() >= self.kept.end:
                self.close()
        for path in self.temporary:
            remove_tree(path)
        if self.undo_the_rest() and (not self.keeps_journal or self.is_alone()):
            remove_tree(os.readlink(f"/proc/self/fd/{self.journal}"))  # noqa: PTH115

    def undo_the_rest(self) -> bool:
        """Run the last program, if any; whether it succeeded. If not, a later clean-up reads the journal."""
        argv, environment = self.last
        if not argv:
            return True
        import subprocess  # most runs do without it

        return subprocess.run(argv, env=environment, timeout=LAST_SECONDS, check=False).returncode == 0

    def is_alone(self) -> bool:
        """Whether whoever asked us to close has gone meanwhile."""
        poller = select.poll()
        poller.register(self.channel, 0)  # a hang-up is told without being asked for
        return bool(poller.poll(0))

    def prepare(self) -> None:
        self.libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(ignored, signal.SIG_IGN)
        for handled in (signal.SIGTERM, signal.SIGCHLD):
            signal.signal(handled, lambda *_: None)
        os.set_blocking(self.wake_read, False)
        os.set_blocking(self.wake_write, False)
        signal.set_wakeup_fd(self.wake_write, warn_on_full_buffer=False)
        for descriptor in (self.channel, self.journal):
            os.set_inheritable(descriptor, False)
        # A copy of the channel in some other process would keep it open: watch the owner itself as well.
        self.owner = os.pidfd_open(os.getppid())
        for descriptor in (self.channel, self.wake_read, self.owner):
            self.poller.register(descriptor, select.POLLIN)
        entry = process_entry(os.getpid())
        assert entry is not None
        self.note({"guardian": [entry.pid, entry.start]})
        self.send({"ready": entry.pid, "start": entry.start})

    def wait_milliseconds(self) -> int | None:
        deadlines = [c.deadline for c in self.children.values() if c.deadline is not None]
        if self.kept is not None:
            deadlines.append(self.kept.end)
        if self.closing:
            deadlines = [self.deadline]
        if not deadlines:
            return None
        # A deadline that has passed means that killed processes are still on their way out.
        seconds = max(min(deadlines) - time.monotonic(), RESCAN_SECONDS)
        return int(min(seconds, LONGEST_POLL_SECONDS) * 1000) + 1

    def note(self, record: dict[str, Any]) -> None:
        os.write(self.journal, json.dumps(record).encode() + b"\n")

    def send(self, message: dict[str, Any]) -> None:
        if self.channel < 0:
            return
        try:
            data = json.dumps(message).encode() + b"\n"
            while data:
                data = data[os.write(self.channel, data) :]
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.ECONNRESET):
                raise

    # ---- requests ----

    def receive(self) -> None:
        try:
            data = os.read(self.channel, 1 << 16)
        except ConnectionResetError:
            data = b""
        if not data:
            self.poller.unregister(self.channel)
            if self.kept is not None:
                self.wait_for_the_next()
                return
            self.keeps_journal = False  # whoever asked for it is gone
            self.close()
            return
        *lines, self.unread = (self.unread + data).split(b"\n")
        for line in lines:
            request: dict[str, Any] = {}
            try:
                request = json.loads(line)
                self.serve(request)
            except OSError as error:  # the journal's disk is full, or no process can be made
                self.send({"id": request["id"], "error": f"{error.strerror} in the guardian"})
            except (KeyError, ValueError) as error:
                if self.kept is None:
                    raise
                # A command of another version than ours must not be the end of the testnet.
                self.send({"id": request.get("id"), "error": f"its guardian cannot do this: {error!r}"})

    def serve(self, request: dict[str, Any]) -> None:
        match request:
            case {"do": "spawn", "id": number}:
                self.spawn(number, request)
            case {"do": "signal", "id": number, "key": key, "signal": name}:
                child = self.children.get(key)
                members = self.members().get(key, []) if child else []
                for pid in members:
                    send_signal(pid, signal.Signals[name])
                self.send({"id": number, "count": len(members)})
            case {"do": "stop" | "kill" as what, "id": number, "key": key}:
                child = self.children.get(key)
                if child is None:
                    self.send({"id": number, "forced": False})
                else:
                    limit = request.get("limit", 0.0)
                    self.ask(child, what, number, self.grace if limit is None else limit)
            case {"do": "temporary", "id": number, "path": path}:
                self.note({"temporary": path})
                self.temporary.append(path)
                self.send({"id": number})
            case {"do": "last", "id": number, "argv": argv, "env": environment}:
                self.last = argv, environment
                self.send({"id": number})
            case {"do": "keep", "id": number, "name": name, "lease": lease, "socket": path}:
                self.note({"kept": name, "temporary": path})
                self.temporary.append(path)
                self.kept = Kept(lease, path)
                self.poller.unregister(self.owner)
                self.send({"id": number})
            case {"do": "start", "id": number, "key": key}:
                self.spawn(number, self.spawned[key])
            case {"do": "status", "id": number}:
                self.send({"id": number, **self.status()})
            case {"do": "renew", "id": number, "lease": lease}:
                assert self.kept is not None
                self.kept.lease = self.kept.lease if lease is None else lease
                self.kept.end = time.monotonic() + self.kept.lease
                self.send({"id": number})
            case {"do": "close"}:
                self.keeps_journal = True
                self.close()
            case {"do": "force"}:
                self.keeps_journal = False
                self.close()
                self.deadline = time.monotonic()
            case _:
                raise ValueError(f"a guardian does not know this request: {request}")

    def status(self) -> dict[str, Any]:
        kept = self.kept
        assert kept is not None
        alive = {child.key: child.pid for child in self.children.values() if not child.exited}
        nodes = {key: alive.get(key) for key in self.spawned}
        return {"nodes": nodes, "grace": self.grace, "lease": kept.lease, "left": kept.end - time.monotonic()}

    def accept(self) -> None:
        """Give the channel to the next in line, who has it until hanging up."""
        assert self.kept is not None
        connection, _ = self.kept.listener.accept()
        self.poller.unregister(self.kept.listener.fileno())
        self.channel = connection.detach()
        self.unread = b""
        self.poller.register(self.channel, select.POLLIN)

    def wait_for_the_next(self) -> None:
        """Whoever had the channel has hung up; its answers are not the next one's."""
        assert self.kept is not None
        os.close(self.channel)
        self.channel = -1
        for child in self.children.values():
            child.spawn_id = None
            child.waiting.clear()
        if not self.closing:
            self.poller.register(self.kept.listener.fileno(), select.POLLIN)

    def ask(self, child: Child, what: str, number: int, limit: float) -> None:
        child.waiting.append(number)
        if child.asked is None and not child.exited:
            child.asked = what
        deadline = time.monotonic() + limit
        child.deadline = deadline if child.deadline is None else min(deadline, child.deadline)
        child.terminate = what == "stop"

    def spawn(self, number: int, request: dict[str, Any]) -> None:
        key = request["key"]
        if key in self.children or self.closing:
            self.send({"id": number, "error": f"{key} still has processes, or the run is ending"})
            return
        (go_read, go_write), (failure_read, failure_write) = os.pipe(), os.pipe()
        # A signal before the child has reset its handlers would be written into our own pipe.
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        pid = os.fork()
        if pid == 0:
            os.close(go_write)  # with a copy of its own it would never see the end of the pipe
            become(request, go_read, failure_write, self.libc)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        os.close(go_read)
        os.close(failure_write)
        child = Child(key, pid, request["output"], failure_read)
        child.spawn_id = number
        self.children[key] = child
        self.spawned[key] = request
        entry = process_entry(pid)
        assert entry is not None  # not reaped yet
        try:
            self.note({"node": key, "pid": pid, "start": entry.start})
            with contextlib.suppress(BrokenPipeError):  # it could not even begin, and has told why
                os.write(go_write, b"g")
        except OSError:
            child.asked, child.spawn_id = "failed", None  # our caller answers
            raise
        finally:
            os.close(go_write)  # without the byte before, the child ends
            self.poller.register(failure_read, select.POLLIN)

    def settle(self, child: Child) -> None:
        """Answer the request that spawned a child, once it runs its program or cannot."""
        if child.failure is None:
            return
        failure = os.read(child.failure, 4096).decode()
        self.poller.unregister(child.failure)
        os.close(child.failure)
        child.failure = None
        if failure:
            child.asked = "failed"
        if child.spawn_id is not None:
            answer = {"error": failure} if failure else {"pid": child.pid}
            self.send({"id": child.spawn_id, **answer})

    # ---- the ends of processes ----

    def reap(self) -> None:
        by_pid = {child.pid: child for child in self.children.values()}
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            child = by_pid.get(pid)
            if child is None:
                continue  # an orphan that a child left to us
            self.settle(child)
            child.exited = True
            code = os.waitstatus_to_exitcode(status)
            child.end = {
                "exit": child.key,
                "pid": pid,
                "code": code if code >= 0 else None,
                "signal": signal_name(-code) if code < 0 else None,
                "asked": child.asked,
                "cpu": usage.ru_utime + usage.ru_stime,
            }
            if child.asked is None:
                self.tell_end(child)

    def tell_end(self, child: Child) -> None:
        if child.end is not None and child.asked != "failed" and not self.closing:
            self.send({**child.end, "forced": child.forced})
        child.end = None

    def members(self) -> dict[str, list[int]]:
        """The living processes of each child: its descendants, and orphans that bear a mark of it."""
        table = process_table()
        found: dict[str, list[int]] = {}
        for entry in [entry for entry in table.values() if entry.parent == os.getpid()]:
            key = self.owner_of(entry)
            if key is not None:
                found.setdefault(key, []).extend(subtree(table, [entry.pid]))
        return found

    def owner_of(self, entry: ProcessEntry) -> str | None:
        """Whose process a child of ours is: an orphan may be known by its session, environment or output."""
        for child in self.children.values():
            if child.pid in (entry.pid, entry.session):
                return child.key
        label = environment_value(entry.pid, NODE_LABEL)
        if label is not None:
            return label
        outputs = output_of(entry.pid)
        return next((child.key for child in self.children.values() if child.output in outputs), None)

    def advance(self) -> None:
        """Carry on with the children that are ending."""
        ending = [c for c in self.children.values() if c.exited or c.deadline is not None]
        if not ending or self.closing:
            return
        members = self.members()
        for child in ending:
            alive = members.get(child.key, [])
            if child.exited and not alive:
                del self.children[child.key]
                self.tell_end(child)
                for number in child.waiting:
                    self.send({"id": number, "forced": child.forced})
                continue
            if child.terminate:
                child.terminate = False
                terminate(alive)
            now = time.monotonic()
            if child.deadline is None:
                child.deadline = now  # it ended unasked: what it left is not wanted
            if child.deadline <= now:
                child.forced = True
                for pid in alive:
                    send_signal(pid, signal.SIGKILL)

    def close(self) -> None:
        if not self.closing:
            self.closing = True
            self.deadline = time.monotonic() + self.grace
            terminate(subtree(process_table(), [os.getpid()])[1:])
            if self.kept is None:
                self.poller.unregister(self.owner)
            elif self.channel < 0:
                self.poller.unregister(self.kept.listener.fileno())

    def end_everything(self) -> bool:
        """Whether something is still alive while closing; past the deadline it is sent SIGKILL."""
        alive = subtree(process_table(), [os.getpid()])[1:]
        overrun = time.monotonic() - self.deadline
        if overrun >= UNKILLABLE_SECONDS:
            sys.exit(f"these processes do not even end on SIGKILL: {alive}")
        if overrun >= 0:
            for pid in alive:
                send_signal(pid, signal.SIGKILL)
        return bool(alive)


def terminate(pids: list[int]) -> None:
    for pid in pids:
        send_signal(pid, signal.SIGTERM)
    for pid in pids:
        send_signal(pid, signal.SIGCONT)  # a frozen process cannot end otherwise


def send_signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"  # real-time signals have no names


def become(request: dict[str, Any], go: int, failure: int, libc: ctypes.CDLL) -> NoReturn:
    """In the forked child: turn into the program of `request`, or tell on `failure` why not, and end.

    It waits for one byte on `go`, which comes when the journal knows of it. Other descriptors close on exec.
    """
    try:
        os.setsid()
        # If the guardian is killed, so are its children; what they started is left to the journal.
        libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        signal.set_wakeup_fd(-1)
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        output = os.open(request["output"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        same = request["errors"] == request["output"]
        errors = output if same else os.open(request["errors"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.dup2(output, 1)
        os.dup2(errors, 2)
        os.chdir(request["cwd"])
        if os.read(go, 1) == b"g":
            os.execve(request["argv"][0], request["argv"], request["env"])  # noqa: S606
    except OSError as error:
        os.write(failure, f"{error.strerror}: {error.filename}".encode()[:4000])
    finally:
        os._exit(127)


if __name__ == "__main__":
    Guardian(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])).run()
