"""Measure the CPU seconds that comparing all pairs of 1,000 definitions takes, and as a multiple of compiling them.

python benchmarks/overlap_time.py
"""

import argparse
import resource
import time
from collections import Counter
from datetime import date

from compared import compared
from compiler import Compiler, compile_models, project_vocabulary
from compiler.analysis.overlap import overlaps
from compiler.analysis.sequences import find_sequences
from generate import definitions, read_all

ON = date(2026, 3, 20)


def main() -> None:
    """Print the times and the numbers of pairs and sequences."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--definitions", type=int, default=1000)
    parser.add_argument("--popular", type=float, default=0.9, help="share of the numbers of days that are popular ones")
    options = parser.parse_args()
    vocabulary = project_vocabulary()
    read = read_all(definitions(options.definitions, popular=options.popular), vocabulary)
    workflows, compiler = [one.workflow for one in read], Compiler(vocabulary)
    started = time.process_time()
    compile_models(workflows, compiler, "duckdb")
    baseline = time.process_time() - started
    found = _timed("overlaps", lambda: overlaps(workflows, compiler, ON), baseline)
    linked = _timed("sequences", lambda: find_sequences(workflows, compiler, ON), baseline)
    relations = Counter(one.relation for one in found.pairs)
    print(
        f"{len(found.pairs):,} pairs can contain the same partner ({dict(relations)}), "
        f"{found.disjoint:,} cannot; {len(linked)} sequences"
    )
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


def _timed(label: str, step, baseline: float):
    started = time.process_time()
    result = step()
    seconds = time.process_time() - started
    print(f"{label:10} {seconds:8.2f} s of CPU, {seconds / baseline:6.2f} times compiling ({baseline:.2f} s)")
    compared(label, seconds, "compiling them", baseline, "s of CPU")
    return result


if __name__ == "__main__":
    main()
