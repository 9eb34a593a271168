"""Run every benchmark of this folder and print its lines: one script, `bench_*.py` with `run() -> list[str]`,
for each subject.
"""

import importlib.util
import sys
from pathlib import Path


def main() -> None:
    wanted = sys.argv[1:]
    for path in sorted(Path(__file__).parent.glob("bench_*.py")):
        if wanted and path.stem.removeprefix("bench_") not in wanted:
            continue
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        print(f"== {path.stem.removeprefix('bench_')}", flush=True)
        for line in module.run():
            print(f"   {line}", flush=True)


if __name__ == "__main__":
    main()
