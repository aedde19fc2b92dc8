"""The subjects in files: task definitions in JSON, templates and plans, and CredSpecs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from gmsa_doctor.clients.files.file_bytes import read_bytes
from gmsa_doctor.clients.files.file_search import Broken, Candidate
from gmsa_doctor.clients.files.source_files import FileKind, SourceFile, Sources, sources
from gmsa_doctor.core.deferral import deferred_to
from gmsa_doctor.core.errors import UsageError, did_you_mean
from gmsa_doctor.core.hidden import Hidden
from gmsa_doctor.core.limits import RunLimit
from gmsa_doctor.core.model import Fix, Location, UnreadFile, skipped, unknown
from gmsa_doctor.formats.documents.located import Definition, Located
from gmsa_doctor.formats.documents.task_definition import TaskDefinition, TaskDefinitionError, read_task_definition
from gmsa_doctor.formats.templates.cloudformation import LeftOut
from gmsa_doctor.given.request import Intended, Request
from gmsa_doctor.given.shared_values import CredSpecLocation, CredSpecObject
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor.subjects.source import (
    REGISTERED,
    FoundSubject,
    NotChecked,
    SubjectSource,
    is_of_gmsa,
    launch_of,
    place_of,
)


def find(
    request: Request, place: AwsPlace, limit: RunLimit | None = None
) -> tuple[tuple[FoundSubject, ...], NotChecked]:
    """The subjects of ``request.files`` and ``request.credspec_file``, in the order of the files.

    Files that are not read when ``limit`` is reached, or when the user interrupts the run, are reported as not read.
    Raises UsageError if there is nothing to check.
    """
    limit = limit or RunLimit()
    search = _FileSearch(request, place, _read_credspec(request.credspec_file) if request.credspec_file else None)
    found = Sources(request.files, _parameters(request), pass_over=request.pass_over, limit=limit)
    late: list[Candidate | Broken] = []
    for file in found.found:
        if not limit.reason:
            try:
                if source := found.read(file):
                    search.add(replace(source, path=_shown(source.path)))
                continue
            except KeyboardInterrupt:
                limit.interrupted = True
        late.append(file)
    search.add_late(late, limit.reason)
    _require_known_parameters(request, search)
    subjects = tuple(search.subjects)
    not_checked = NotChecked(tuple(search.unread), search.passed_over, secrets=frozenset(search.secrets))
    names = ", ".join(request.files)
    if request.files and not (subjects or search.unread or search.passed_over or request.pass_over):
        raise UsageError(f"{names}: no task definition, no template or plan with one, and no CredSpec found")
    if request.container and search.passed_over and not subjects:
        known = ", ".join(search.containers) or "none"
        raise UsageError(f"no container {request.container} in {names}; the containers are: {known}")
    if search.credspec and not request.files:
        subjects += _credspec_alone(search.credspec, place).subjects(request)
    return subjects, not_checked


def _require_known_parameters(request: Request, search: _FileSearch) -> None:
    """Raises UsageError for a ``--parameter`` of the command line that no template has."""
    if "--parameter" not in request.typed or search.unread:
        return
    for name, _ in request.parameters:
        if name not in search.parameters and not name.startswith("AWS::"):
            raise UsageError(
                f"--parameter {name}: no template has this parameter{did_you_mean(name, sorted(search.parameters))}"
            )


def compared_definitions(request: Request) -> Intended | None:
    """The task definitions of ``--compare-with``, if given. Raises UsageError for a file without any."""
    name = request.compare_with
    if not name:
        return None
    definitions: list[TaskDefinition] = []
    for file in sources((name,), _parameters(request)):
        if isinstance(file, Broken):
            raise UsageError(f"--compare-with {file.path} cannot be read: {file.reason}")
        for definition in file.definitions:
            try:
                definitions.append(read_task_definition(definition.located.value))
            except TaskDefinitionError as error:
                text = f"--compare-with {file.path}: {definition.name} is not a task definition: {error}"
                raise UsageError(text) from error
    if not definitions:
        raise UsageError(f"--compare-with {name}: it holds no task definition")
    return Intended(name, tuple(definitions))


def _parameters(request: Request) -> Mapping[str, str]:
    return {**({"AWS::Region": request.region} if request.region else {}), **dict(request.parameters)}


def _shown(path: str) -> str:
    """A path below the working directory as a relative path: CI systems need it, and it is the same however typed."""
    try:
        relative = os.path.relpath(path)
    except OSError:  # the working directory is gone
        return path
    return path if relative.startswith("..") or not os.path.isabs(path) else relative


def _read_credspec(name: str) -> CredSpecObject:
    body = read_bytes(name)
    if isinstance(body, str):
        raise UsageError(f"--credspec-file {name} {body}")
    return _credspec(name, body)


def _credspec(name: str, body: bytes) -> CredSpecObject:
    return CredSpecObject(CredSpecLocation("", domainless=None, file=name), len(body), body)


def _credspec_alone(credspec: CredSpecObject, place: AwsPlace, located: Located | None = None) -> SubjectSource:
    """A CredSpec without a task definition. ``located``: its positions, if it is a part of another document."""
    reason = skipped("not checked: only a CredSpec was given, without its task definition")
    return SubjectSource(credspec.location.name, reason, place, credspec=credspec, located_credspec=located)


_AFTER_THE_DEPENDENCIES = Fix(
    "Check the file again when what it depends on exists (--parameter NAME=VALUE sets a parameter), or check the "
    "service after the deployment."
)
_AFTER_THE_TRANSFORM = Fix(
    "Check the template that the transform makes. It is the output of this command for a stack or a change set.",
    (
        "aws cloudformation get-template --stack-name '<stack>' --template-stage Processed --query TemplateBody "
        "> processed.json",
    ),
)


class _FileSearch:
    """Collects the subjects of files; from directories with many task definitions, only those that use gMSA."""

    def __init__(self, request: Request, place: AwsPlace, credspec: CredSpecObject | None) -> None:
        self.request, self.place, self.credspec = request, place, credspec
        self.subjects: list[FoundSubject] = []
        self.unread: list[UnreadFile] = []
        self.passed_over = 0
        self.parameters: set[str] = set()
        self.secrets: set[Hidden[str]] = set()
        self.containers: dict[str, None] = {}

    def add(self, file: SourceFile | Broken) -> None:
        """Add the subjects of a file."""
        if isinstance(file, Broken):
            self._add_unread(file)
            return
        self.parameters |= file.parameters
        self.secrets |= file.secrets
        for source in self._sources(file):
            self.subjects += source.subjects(self.request)

    def _add_unread(self, file: Broken) -> None:
        line, column = (file.position.line, file.position.column) if file.position else (None, None)
        self.unread.append(UnreadFile(Location(file.path, line, column), file.reason, file.is_late))

    def add_late(self, files: Sequence[Candidate | Broken], reason: str) -> None:
        """Report files that were not read in time as one: there may be thousands."""
        if files:
            after = len(files) - 1
            more = f"; {after} more file{'s were' if after > 1 else ' was'} not read either" if after else ""
            self._add_unread(Broken(_shown(files[0].path), f"{reason}{more}", is_late=True))

    def _sources(self, file: SourceFile) -> Iterator[SubjectSource]:
        if file.kind is FileKind.CREDSPEC:
            yield _credspec_alone(_credspec(file.path, file.body or b""), self.place, file.located)
            return
        for definition in file.definitions:
            try:
                known = read_task_definition(definition.located.value, definition.near)
            except TaskDefinitionError as error:
                if file.has_sign or not self.request.pass_over:
                    self._add_unread(
                        Broken(file.path, f"{definition.name}: {error}", definition.located.at(error.keys))
                    )
                continue
            self.containers |= dict.fromkeys(container.name for container in known.containers)
            if self._is_meant(known, file):
                yield self._defined(file, definition, known)
            else:
                self.passed_over += 1
        for part in file.left_out:
            if file.has_sign or (file.named and not part.until_deployed):
                yield self._left_out(file, part)
            else:
                self.passed_over += 1

    def _is_meant(self, definition: TaskDefinition, file: SourceFile) -> bool:
        """Whether to check it: a repository has many task definitions without gMSA."""
        alone = len(file.definitions) + len(file.left_out) == 1 and not self.request.container
        return (alone and file.named) or is_of_gmsa(definition, self.request)

    def _defined(self, file: SourceFile, definition: Definition, known: TaskDefinition) -> SubjectSource:
        return SubjectSource(
            file.path if file.kind is FileKind.TASK_DEFINITION else f"{file.path}#{definition.name}",
            known,
            place_of(known.arn, self.place),
            launch_of(definition.launch),
            file=file.path,
            located=definition.located,
            credspec=self.credspec,
            definition_name=known.family or definition.name,
        )

    def _left_out(self, file: SourceFile, part: LeftOut) -> SubjectSource:
        reason = unknown(
            f"{part.name} is only known at deployment: {part.reason}",
            fix=_AFTER_THE_DEPENDENCIES if part.until_deployed else _AFTER_THE_TRANSFORM,
        )
        located = Located(None, {(): part.position}) if part.position else None
        return SubjectSource(
            f"{file.path}#{part.name}",
            deferred_to(REGISTERED, reason),
            self.place,
            file=file.path,
            located=located,
            definition_name=part.name,
        )
