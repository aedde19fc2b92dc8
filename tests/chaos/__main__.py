"""Runs the command in each mode and writes a table: `python -m tests.chaos [--tenth N] [--service NAME]`.

Ends with exit code 1 if a run takes more than 20 s (`run`: its time limit) or 300 MB, crashes, or ends with another
word than it must.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.chaos.modes import Mode, modes
from tests.command import COMMAND, Ended
from tests.lab.ad import DomainController, domain_controller
from tests.lab.aws import EmbeddedAws, embedded_aws
from tests.lab.creation import create
from tests.lab.environment import healthy
from tests.scenarios.lab import Lab

MEGABYTES = 300.0
_KILLED_AFTER = 120.0


def main(arguments: Sequence[str]) -> int:
    """Run the modes that are asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tenth", type=int, choices=range(10))
    parser.add_argument("--service")
    parser.add_argument("--fault", default="")
    given = parser.parse_args(arguments)
    tenth = list(modes()) if given.tenth is None else list(modes())[given.tenth :: 10]
    chosen = [mode for mode in tenth if given.service in (None, mode.service) and given.fault in mode.fault]
    bad = 0
    write("| service | fault | s | MB | verdict | exit code | |", "|---|---|--:|--:|---|--:|---|")
    with domain_controller() as dc, embedded_aws() as aws:
        for mode in chosen:
            row, complaint = run(mode, dc, aws)
            bad += bool(complaint)
            write(row)
    write("", f"{len(chosen)} modes, {bad} of them beyond a limit")
    return 1 if bad else 0


def run(mode: Mode, dc: DomainController, aws: EmbeddedAws) -> tuple[str, str]:
    """Run one mode; its row, and what is wrong with it."""
    aws.reset()
    with ExitStack() as stack:
        environment = healthy(dc)
        lab = Lab(dc, aws, stack)
        if not mode.is_of_aws:
            mode.change(environment, lab)
        command = mode.command(environment)
        create(environment, aws)
        if mode.is_of_aws:
            mode.change(environment, lab)
        ended, seconds, megabytes = measured(command, aws.environ())
    limits = {f"over {mode.seconds:g} s": seconds > mode.seconds, f"over {MEGABYTES:g} MB": megabytes > MEGABYTES}
    complaint = mode.complaint(ended) or next((text for text, beyond in limits.items() if beyond), "")
    verdict = ended.document["verdict"] if ended.out else ""
    cells = (mode.service, mode.fault, f"{seconds:.1f}", f"{megabytes:.0f}", verdict, str(ended.code), complaint)
    return f"| {' | '.join(cells)} |", complaint


def measured(arguments: Sequence[str], env: Mapping[str, str]) -> tuple[Ended, float, float]:
    """The end of a run, its seconds and its peak of memory in MB."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.monotonic()
        process = subprocess.Popen([COMMAND, *arguments], env=dict(env), stdout=out, stderr=err)
        peak = 0.0
        while process.poll() is None:
            peak = _peak(process.pid) or peak
            if time.monotonic() > started + _KILLED_AFTER:
                process.kill()
            time.sleep(0.02)
        seconds = time.monotonic() - started
        out.seek(0)
        err.seek(0)
        texts = (out.read().decode(errors="replace"), err.read().decode(errors="replace"))
    return Ended(process.returncode, *texts), seconds, peak


def _peak(pid: int) -> float | None:
    """The peak of a process so far in MB. ru_maxrss would begin with that of the process that started it."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else None


def write(*lines: str) -> None:
    """Write lines of the table at once."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
