"""Refuse modules over 600 lines and functions over 80: past that, a reader cannot hold them whole."""

import ast
import sys
from pathlib import Path

MODULE_LINES = 600
FUNCTION_LINES = 80


def oversized(path: Path) -> list[str]:
    """What is too long in a file, as `path:line what: size`."""
    text = path.read_text()
    found = []
    lines = text.count("\n")
    if lines > MODULE_LINES:
        found.append(f"{path}:1 module: {lines} lines, at most {MODULE_LINES}")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            size = (node.end_lineno or node.lineno) - node.lineno + 1
            if size > FUNCTION_LINES:
                found.append(f"{path}:{node.lineno} {node.name}: {size} lines, at most {FUNCTION_LINES}")
    return found


def main() -> int:
    roots = [Path(name) for name in sys.argv[1:]]
    found = [line for root in roots for path in sorted(root.rglob("*.py")) for line in oversized(path)]
    print("\n".join(found) or "sizes kept: no module over 600 lines, no function over 80")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
