"""`python -m coda_daemon daemon …` is `coda daemon …`."""

import sys

from coda_daemon.cli import main

sys.exit(main())
