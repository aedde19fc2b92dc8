"""The command line: arguments to a call, a report to an exit code. One file a command."""

from __future__ import annotations

from gmsa_doctor.cli import (  # noqa: F401 - each adds its commands
    check,
    completion,
    diff,
    explain,
    iam_policy,
    krb5_conf,
    one_off,
    ticket,
)
from gmsa_doctor.cli.app import app
from gmsa_doctor.cli.process import ExitCode

__all__ = ["run"]


def run() -> int:
    """Run the command with the process's arguments; its exit code."""
    try:
        app()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else ExitCode.USAGE
    return ExitCode.PASS
