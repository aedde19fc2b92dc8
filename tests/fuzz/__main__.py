"""Fuzz with atheris (libFuzzer): `python -m tests.fuzz [TARGET…] [--seconds N | --runs N]`.

Each target runs in its own process: libFuzzer ends the process. An input that makes a parser fail is kept in
`samples/`, where the tests find it.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fuzz.targets import Target

LONGEST = 8192
"""Bytes of an input; the blob has about 800, a CredSpec 4000."""
MEGABYTES = 2048


def main() -> int:
    """Fuzz the targets one after the other; 1 if one failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    parser.add_argument("--seconds", type=int, default=300, help="for each target")
    parser.add_argument("--runs", type=int, default=-1, help="inputs for each target, at most")
    options = parser.parse_args()
    names = options.targets or _names()
    failed = [name for name in names if not _run(name, options.seconds, options.runs)]
    for name in failed:
        print(f"{name}: a parser failed; the input is in tests/fuzz/samples/{name}")  # noqa: T201
    return 1 if failed else 0


def _names() -> list[str]:
    return [one.name for one in _targets()]


@cache
def _targets() -> tuple[Target, ...]:
    """Import the parsers, so that the fuzzer sees which of their branches are taken."""
    import atheris

    with atheris.instrument_imports(include=["gmsa_doctor.formats"]):
        from tests.fuzz.targets import TARGETS
    return tuple(TARGETS)


def _run(name: str, seconds: int, runs: int) -> bool:
    target = next(one for one in _targets() if one.name == name)
    print(f"== {name}", file=sys.stderr, flush=True)  # noqa: T201
    process = os.fork()
    if process == 0:
        _fuzz(target, seconds, runs)
    return os.waitpid(process, 0)[1] == 0


def _fuzz(target: Target, seconds: int, runs: int) -> None:
    """Does not return."""
    import atheris

    from tests.fuzz.targets import SAMPLES

    with tempfile.TemporaryDirectory(prefix="gmsa-fuzz-") as corpus:
        for number, seed in enumerate((*target.seeds, *(one.read_bytes() for one in target.samples))):
            (Path(corpus) / f"seed-{number}").write_bytes(seed)
        words = Path(corpus).with_suffix(".dict")
        words.write_text("".join(f'"{_escaped(one)}"\n' for one in target.words))
        (SAMPLES / target.name).mkdir(exist_ok=True)
        arguments = [
            sys.argv[0],
            corpus,
            *([f"-dict={words}"] if target.words else []),
            f"-artifact_prefix={SAMPLES / target.name}/",
            f"-max_total_time={seconds}",
            f"-runs={runs}",
            f"-max_len={LONGEST}",
            f"-rss_limit_mb={MEGABYTES}",
            "-timeout=10",
            "-verbosity=0",
            "-print_final_stats=1",
        ]
        atheris.Setup(arguments, lambda data: target.feed(data))
        atheris.Fuzz()


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


if __name__ == "__main__":
    sys.exit(main())
