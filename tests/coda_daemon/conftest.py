import sys
from pathlib import Path

# So that tests can import what they share as `tests.coda_daemon.…`, however pytest is started.
sys.path.insert(0, str(Path(__file__).parents[2]))
