"""The command line: arguments to a call, a report to an exit code. One file a command."""

from __future__ import annotations

from gmsa_doctor.cli import check, completion, diff, explain, iam_policy, krb5_conf, run, ticket
from gmsa_doctor.cli.app import app
from gmsa_doctor.core.exit_code import ExitCode

__all__ = ["check", "completion", "diff", "explain", "iam_policy", "krb5_conf", "main", "run", "ticket"]


def main() -> int:
    """Run the command with the process's arguments; its exit code."""
    try:
        app()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else ExitCode.USAGE
    return ExitCode.PASS
