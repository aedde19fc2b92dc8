"""Positions of a subject's parts in files."""

from __future__ import annotations

from dataclasses import dataclass

from gmsa_doctor.core.model import Location
from gmsa_doctor.formats.documents.located import Located, Path


@dataclass(frozen=True)
class SourcePositions:
    """The file of the task definition (with the container's index) and the file of the CredSpec, if any.

    ``located`` is None for a file without known positions.
    """

    file: str | None = None
    located: Located | None = None
    container: int | None = None
    credspec_file: str | None = None
    credspec: Located | None = None

    def of(self, about: str) -> Location | None:
        """The position of the part in ``Check.about``: ``task/…``, ``container/…`` or ``credspec/…``.

        Without a CredSpec file, the credentialSpecs entry. For a missing part, the part that should contain it.
        """
        root, *rest = about.split("/") if about else ["container"]
        path: Path = tuple(int(part) if part.isdigit() else part for part in rest)
        if root == "credspec" and self.credspec_file:
            return _location(self.credspec_file, self.credspec, path)
        if root == "credspec":
            root, path = "container", ("credentialSpecs", 0)
        if self.file is None:
            return _location(self.credspec_file, self.credspec, ()) if self.credspec_file else None
        if root == "container":
            path = () if self.container is None else ("containerDefinitions", self.container, *path)
        return _location(self.file, self.located, path)


def _location(file: str, located: Located | None, path: Path) -> Location:
    position = located.at(path) if located else None
    return Location(file, position.line, position.column) if position else Location(file)
