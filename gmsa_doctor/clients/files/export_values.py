"""The values that CloudFormation templates export, among the files of a run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence

from gmsa_doctor.clients.files.file_bytes import STANDARD_INPUT, read_bytes, text_of
from gmsa_doctor.clients.files.file_search import Candidate
from gmsa_doctor.formats.documents.located import Located, LocatedError, read_json
from gmsa_doctor.formats.documents.yaml_text import read_yaml
from gmsa_doctor.formats.templates import cloudformation

CHAIN_LIMIT = 8
"""Maximum number of templates in a row that import from each other."""


class ExportValues:
    """Looks up exports in the templates of a run. The templates are read only if one of them imports a value."""

    def __init__(self, candidates: Sequence[Candidate], parameters: Mapping[str, str], root: str) -> None:
        self._candidates, self._parameters, self._root = candidates, parameters, root
        self._known: dict[str, list[tuple[str, str]]] | None = None
        """The directories and values of each export."""

    def of(self, path: str) -> Callable[[str], str | None]:
        """The exports as the template ``path`` sees them: those of its own directory come first."""
        return lambda name: self._value(name, os.path.dirname(path))

    def _value(self, name: str, directory: str) -> str | None:
        """None if no template exports the name, or if several export different values."""
        found = self._exports().get(name, [])
        near = {value for place, value in found if place == directory}
        values = near or {value for _, value in found}
        return values.pop() if len(values) == 1 else None

    def _exports(self) -> Mapping[str, list[tuple[str, str]]]:
        if self._known is None:
            self._known = {}
            templates = list(self._templates())
            for _ in range(CHAIN_LIMIT):  # an export may itself be imported
                found: dict[str, list[tuple[str, str]]] = {}
                for file, located in templates:
                    given = {**dict(file.parameters), **self._parameters}
                    for name, value in cloudformation.exports(located, given, self.of(file.path)).items():
                        found.setdefault(name, []).append((os.path.dirname(file.path), value))
                if found == self._known:
                    break
                self._known = found
        return self._known

    def _templates(self) -> Iterator[tuple[Candidate, Located]]:
        for file in self._candidates:
            body = b"" if file.path == STANDARD_INPUT else read_bytes(os.path.join(self._root, file.path))
            if isinstance(body, bytes) and b"Export" in body and b"Outputs" in body:
                try:
                    text = text_of(body)
                    is_yaml = file.path.endswith((".yaml", ".yml")) or not text.lstrip().startswith("{")
                    located = read_yaml(text) if is_yaml else read_json(text)
                except (LocatedError, RecursionError):
                    continue  # reported when it is read itself
                if cloudformation.is_template(located.value):
                    yield file, located
