"""`python -m benchmarks [NAME …] [--smoke]`: runs benchmarks and prints their tables as Markdown."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys

import benchmarks
from benchmarks.harness import machine

NOT_BENCHMARKS = {"__main__", "harness", "loops", "peers"}


def main() -> None:
    """Runs the benchmarks that are named, or all."""
    names = sorted(m.name for m in pkgutil.iter_modules(benchmarks.__path__) if m.name not in NOT_BENCHMARKS)
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(names)}; all without one")
    parser.add_argument("--smoke", action="store_true", help="small and without peers: shows only that it runs")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in names]
    if unknown:
        parser.error(f"no benchmark {unknown[0]}; there are {', '.join(names)}")
    print(f"Measured on {machine()}.\n")
    for name in options.names or names:
        for table in importlib.import_module(f"benchmarks.{name}").run(smoke=options.smoke):
            print(table.markdown(), end="\n\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
