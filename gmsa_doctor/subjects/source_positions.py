"""Where the parts of a subject stand in the files that were given."""

from __future__ import annotations

from dataclasses import dataclass

from gmsa_doctor.core.model import Location
from gmsa_doctor.formats.documents.located import Located, Path


@dataclass(frozen=True)
class SourcePositions:
    """The task definition's file (with the container's index), and the CredSpec's, as far as there are any.

    ``located`` is None for a file whose parts are not known by their place.
    """

    file: str | None = None
    located: Located | None = None
    container: int | None = None
    credspec_file: str | None = None
    credspec: Located | None = None

    def of(self, about: str) -> Location | None:
        """The position of what ``Check.about`` names: ``task/…``, ``container/…`` or ``credspec/…``.

        Where there is no file with a CredSpec, the entry that leads to it; of a missing part, what is around it.
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
