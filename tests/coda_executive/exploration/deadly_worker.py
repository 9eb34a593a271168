"""A worker of a search that dies over every seed that three divides, hangs over 4, and finds the disk full at 7."""

import errno
import os
import signal

from coda_executive.exploration import attempt, batch

make = attempt.Attempter.make


def die(self: attempt.Attempter, tried: attempt.Attempt) -> attempt.Result:
    if tried.seed % 3 == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    if tried.seed == 4:
        signal.raise_signal(signal.SIGALRM)  # what comes when the limit is over
    if tried.seed == 7:
        raise OSError(errno.ENOSPC, "No space left on device")
    return make(self, tried)


attempt.Attempter.make = die  # type: ignore[method-assign, assignment]
batch.main()
