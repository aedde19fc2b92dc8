"""``check --fix``: shows the changes of the files as a diff, asks, and writes them."""

from __future__ import annotations

import difflib
import sys
from pathlib import Path

import typer

from gmsa_doctor.cli.process import say
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.core.model import Report
from gmsa_doctor.core.printable import printable


def require_consent(yes: bool) -> None:
    """Raises UsageError if nobody can be asked."""
    if not yes and not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("--fix changes files and cannot ask for confirmation without a terminal: give --yes")


def fix_files(report: Report, *, yes: bool) -> None:
    """Offer the changes that are found mechanically, and write those files if the user agrees."""
    from gmsa_doctor.checking.file_changes import changed_files
    from gmsa_doctor.formats.documents.text_edits import text_of

    changed = changed_files(report)
    if not changed:
        say("--fix: nothing that can be changed mechanically")
        return
    for file, (before, after) in changed.items():
        old, new = ((text_of(body) or "").splitlines() for body in (before, after))
        lines = difflib.unified_diff(old, new, fromfile=file, tofile=file, lineterm="")
        note = f"{file}: saved as UTF-8 without a byte-order mark"
        typer.echo("\n".join(map(printable, [*lines] or [note])), err=True)
    if not yes and not typer.confirm(f"Write {', '.join(changed)}?", err=True):
        say("nothing was written")
        return
    for file, (_, after) in changed.items():
        try:
            Path(file).write_bytes(after)
        except OSError as error:
            raise UsageError(f"{file} cannot be written: {error.strerror}") from error
        say(f"{file} was changed; check it again")
