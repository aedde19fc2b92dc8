"""Fuzz with atheris (libFuzzer): `python -m tests.fuzz [TARGET…] [--seconds N | --runs N]`.

Each target runs in a process of its own: libFuzzer ends the one it runs in. An input that makes a parser fail is kept
beside the others in `samples/`, where the tests find it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

LONGEST = 8192
"""Bytes of an input; the blob has about 800, a CredSpec 4000."""
MEGABYTES = 2048


def main() -> int:
    """Fuzz the targets one after the other; 1 if one failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    parser.add_argument("--seconds", type=int, default=300, help="for each target")
    parser.add_argument("--runs", type=int, default=-1, help="inputs for each target, at most")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        _fuzz(options.targets[0], options.seconds, options.runs)
    failed = [name for name in options.targets or _names() if not _run(name, options.seconds, options.runs)]
    for name in failed:
        print(f"{name}: a parser failed; the input is in tests/fuzz/samples/{name}")  # noqa: T201
    return 1 if failed else 0


def _names() -> list[str]:
    from tests.fuzz.targets import TARGETS

    return [one.name for one in TARGETS]


def _run(name: str, seconds: int, runs: int) -> bool:
    command = [sys.executable, "-m", "tests.fuzz", name, "--here", "--seconds", str(seconds), "--runs", str(runs)]
    print(f"== {name}", flush=True)  # noqa: T201
    return subprocess.run(command).returncode == 0


def _fuzz(name: str, seconds: int, runs: int) -> None:
    """Does not return."""
    import atheris

    with atheris.instrument_imports(include=["gmsa_doctor.formats"]):
        from tests.fuzz.targets import SAMPLES, TARGETS
    target = next(one for one in TARGETS if one.name == name)
    with tempfile.TemporaryDirectory(prefix="gmsa-fuzz-") as corpus:
        for number, seed in enumerate((*target.seeds, *(one.read_bytes() for one in target.samples))):
            (Path(corpus) / f"seed-{number}").write_bytes(seed)
        words = Path(corpus).with_suffix(".dict")
        words.write_text("".join(f'"{_escaped(one)}"\n' for one in target.words))
        (SAMPLES / name).mkdir(exist_ok=True)
        arguments = [
            sys.argv[0],
            corpus,
            *([f"-dict={words}"] if target.words else []),
            f"-artifact_prefix={SAMPLES / name}/",
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
