"""A daemon for tests, run as `stub_daemon.py CONDUCT WORDS...`: it answers the handshake, then does as told.

obeys    ends with 130 on SIGTERM         ignores   does nothing on SIGTERM
forks    leaves a process that forked twice, in its own session, with no environment, deaf to SIGTERM
dies     ends at once with 1              garbage   writes bytes that are no text, then obeys
hangs    never answers the handshake      nonsense  answers it with something else
refuses  answers it with an error
"""

import json
import os
import signal
import sys
from pathlib import Path


def handshake(conduct: str, words: list[str]) -> int:
    if conduct == "hangs":
        signal.pause()
    if conduct == "nonsense":
        print("hello, I am a toaster")
    elif conduct == "refuses":
        print("no such command", file=sys.stderr)
        return 2
    elif words[0] == "version":
        print("note: a line before it\nCommit 0123abcd on branch stub")
    else:
        print("[a warning in brackets]", flush=True)
        print(json.dumps([["Block_produced", "64e2d3e86c37c09b15efdaf7470ce879", ["breadcrumb"]]]))
    return 0


def fork_away() -> None:
    told_read, told_write = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            os.set_inheritable(told_write, True)
            code = f"import os, signal; os.write({told_write}, b'up'); os.close({told_write}); signal.pause()"
            os.execve(sys.executable, [sys.executable, "-I", "-S", "-c", code], {})
        os._exit(0)
    os.wait()
    os.close(told_write)
    os.read(told_read, 2)


def interrupted(*_: object) -> None:
    print("interrupted", flush=True)
    sys.exit(130)


def main() -> int:
    conduct, words = sys.argv[1], sys.argv[2:]
    if words[0] != "daemon":
        return handshake(conduct, words)
    signal.signal(signal.SIGTERM, signal.SIG_IGN if conduct == "ignores" else interrupted)
    if conduct == "dies":
        print("\n".join(f"line {number}" for number in range(30)) + "\nno peers " + "x" * 3000)
        return 1
    if conduct == "forks":
        fork_away()
    if conduct == "garbage":
        sys.stdout.buffer.write(b"\xff\xfe\x00 garbage\n")
    print(f"up {os.getpid()} fds {sorted(path.name for path in Path('/proc/self/fd').iterdir())}", flush=True)
    while True:
        signal.pause()


if __name__ == "__main__":
    sys.exit(main())
