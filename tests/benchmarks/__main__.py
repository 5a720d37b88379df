"""`python -m tests.benchmarks [part of a name …]`: runs every bench_*.py, or those asked for, and prints one table."""

from __future__ import annotations

import importlib
import pkgutil
import sys
import traceback

import tests.benchmarks
from tests.benchmarks.table import Row, format_table


def main(wanted: list[str]) -> int:
    """Prints the table; only a benchmark that breaks, not one over its budget, makes the exit status 1."""
    names = [module.name for module in pkgutil.iter_modules(tests.benchmarks.__path__)]
    rows: list[Row] = []
    broken = 0
    for name in names:
        if not name.startswith("bench_") or (wanted and not any(part in name for part in wanted)):
            continue
        print(f"{name} …", file=sys.stderr, flush=True)
        try:
            rows += importlib.import_module(f"tests.benchmarks.{name}").rows()
        except Exception:  # the others' figures are still wanted
            traceback.print_exc()
            broken = 1
    print(format_table(rows))
    return broken


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
