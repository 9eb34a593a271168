"""`python -I -S tests/tiny_daemon version | internal dump-structured-events | daemon …`: standard library only."""

import json
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.tiny_daemon import words


def main(arguments: list[str]) -> int:
    match arguments:
        case ["version" | "-version"]:
            print(words.VERSION)
        case ["internal", "dump-structured-events", *_]:
            print(
                json.dumps(
                    [[name, event[0], list(event[3])] for name, event in words.EVENTS.items()], indent=2
                )
            )
        case ["daemon", *flags]:
            from tests.tiny_daemon import daemon, process

            return process.start(daemon.run, flags)
        case ["internal", "snark-worker", *flags]:
            from tests.tiny_daemon import daemon, process

            return process.start(daemon.work, flags)
        case _:
            print("tiny: version, internal dump-structured-events or daemon", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
