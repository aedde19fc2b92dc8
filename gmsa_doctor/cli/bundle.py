"""``--bundle FILE``: an archive for a support case; ``--bundle-list``: what would be in it."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from gmsa_doctor.cli.effects import require_effect
from gmsa_doctor.cli.process import require_writable, say, write_error
from gmsa_doctor.core.errors import UsageError

if TYPE_CHECKING:
    from gmsa_doctor.checking.check import Attempt
    from gmsa_doctor.core.model import Report
    from gmsa_doctor.core.registry import Registry


@dataclass(frozen=True, kw_only=True)
class BundleOptions:
    """Whether an archive is written."""

    PANEL: ClassVar = "Reports"
    bundle: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.zip",
            help="Also write an archive for a support case: the report, what was verified and ruled out, the redacted "
            "documents, a timeline, versions, and the calls to AWS. The file must not exist.",
        ),
    ] = None
    bundle_list: Annotated[
        bool,
        typer.Option(
            "--bundle-list",
            help="Check as usual, then list on standard error the files that --bundle would write, with their sizes.",
        ),
    ] = False

    def chosen(self, typed: frozenset[str]) -> Bundle | None:
        """What collects for the archive, if one is wanted. Raises UsageError for a file that cannot be written."""
        require_effect(typed, (["--bundle"], self.bundle_list, "with --bundle-list, which writes nothing"))
        if self.bundle_list:
            return Bundle(None)
        if self.bundle is None:
            return None
        if str(self.bundle) == "-":
            raise UsageError("--bundle -: give a file, such as case.zip")
        require_writable(self.bundle)
        _require_new(self.bundle)
        return Bundle(self.bundle)


class Bundle:
    """Keeps what a run has read, and writes the archive after the report. Without a file it lists its contents."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._attempt: Attempt | None = None

    def keep(self, attempt: Attempt) -> None:
        """Of several attempts, the last."""
        self._attempt = attempt

    def deliver(self, report: Report, registry: Registry) -> None:
        """Write the archive, or list its files. Raises UsageError if it cannot be written."""
        from gmsa_doctor.checking.case_material import material_of
        from gmsa_doctor.clients.installation import versions
        from gmsa_doctor.report.support_case.contents import archive, case_files
        from gmsa_doctor.report.support_case.material import Material

        material = material_of(self._attempt) if self._attempt else Material()
        files = case_files(report, material, versions(), {check.id: check for check in registry.checks})
        if self._file:
            _write(self._file, archive(files))
            say(f"archive written to {self._file}: {len(files)} files. Read case.md in it before you send it")
            return
        width = max(len(file.name) for file in files)
        for file in files:
            write_error(f"{file.name:<{width}}  {file.size:>9,} bytes  {file.contains}")


def _require_new(file: Path) -> None:
    if os.path.lexists(file):
        raise UsageError(f"--bundle {file}: the file exists already; give another name, or remove it")


def _write(file: Path, content: bytes) -> None:
    """The whole file or none, for its owner only; never in place of one that exists.

    Raises UsageError if it cannot be written.
    """
    part = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(content)
        _require_new(file)
        part.rename(file)
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()
