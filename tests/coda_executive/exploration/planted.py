"""`planted.py DEFECT [ARGUMENT...]`: a process whose daemon has a defect. It is a worker of a search; with arguments,
it is `coda-executive ARGUMENT...`.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[3]))

    from tests.coda_executive.exploration.defects import DEFECTS

    from coda_executive.cli.main import run_cli
    from coda_executive.exploration.batch import main

    DEFECTS[sys.argv[1]].plant()
    if sys.argv[2:]:
        sys.exit(run_cli(sys.argv[2:]))
    main()
