"""Measure the CPU seconds that compiling 1,000 definitions to SQL takes.

python benchmarks/compile_time.py                 # the steps
python benchmarks/compile_time.py --profile       # and the functions that take the longest
"""

import argparse
import cProfile
import pstats
import time
from collections.abc import Callable
from typing import Any

import yaml

from compared import compared
from compiler import Compiler, check, compile_models, project_vocabulary, read_definition
from generate import definitions


def main() -> None:
    """Measure each step. The first, reading the vocabulary, is done once per process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--definitions", type=int, default=1000)
    parser.add_argument("--popular", type=float, default=0.9, help="share of the numbers of days that are popular ones")
    parser.add_argument("--dialect", default="duckdb")
    parser.add_argument("--profile", action="store_true", help="print the functions that take the longest")
    options = parser.parse_args()
    vocabulary, _ = _timed("vocabulary", project_vocabulary, options)
    files = definitions(options.definitions, popular=options.popular)
    read, reading = _timed(
        "read", lambda: [read_definition(path, text, vocabulary) for path, text in files.items()], options
    )
    _, checking = _timed("check", lambda: check(read, vocabulary), options)
    workflows = [one.workflow for one in read]
    compiler = Compiler(vocabulary)
    models, compiling = _timed("compile", lambda: compile_models(workflows, compiler, options.dialect), options)
    _, plain = _timed("yaml.load only", lambda: [yaml.load(text, yaml.CSafeLoader) for text in files.values()], options)
    for name, text in models.items():
        print(f"{name:28} {len(text):>10,} characters")
    compared(f"{len(files):,} definitions to SQL", reading + checking + compiling, "yaml.load", plain, "s of CPU")


def _timed(label: str, step: Callable, options: argparse.Namespace) -> tuple[Any, float]:
    """Print the CPU time of a step, and return its result and these seconds."""
    profile = cProfile.Profile() if options.profile else None
    start = time.process_time()
    result = profile.runcall(step) if profile else step()
    seconds = time.process_time() - start
    print(f"{label:28} {seconds:>10.2f} s of CPU{' under the profiler' if profile else ''}")
    if profile:
        pstats.Stats(profile).sort_stats("cumulative").print_stats(30)
    return result, seconds


if __name__ == "__main__":
    main()
