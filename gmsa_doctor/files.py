"""The subjects of files: task definitions wherever they are written down, and CredSpecs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from gmsa_doctor import subject
from gmsa_doctor.clients.file_bytes import read_bytes
from gmsa_doctor.clients.file_search import Broken
from gmsa_doctor.clients.source_files import Kind, Source, sources
from gmsa_doctor.errors import UsageError
from gmsa_doctor.formats.cloudformation import LeftOut
from gmsa_doctor.formats.located import Definition, Located
from gmsa_doctor.formats.task_definition import TaskDefinitionError, read_task_definition
from gmsa_doctor.model import Finding, skipped, unknown
from gmsa_doctor.request import Request
from gmsa_doctor.subject import Found, Launch, Place
from gmsa_doctor.values import CredSpecLocation, CredSpecObject


@dataclass(frozen=True)
class InFiles:
    """What the files hold: subjects, and files that could not be read, with the reason."""

    found: tuple[Found, ...]
    broken: tuple[Broken, ...]


def find(request: Request, place: Place) -> InFiles:
    """The subjects of ``request.files`` and ``request.credspec_file``, in the order of the files.

    Raises UsageError where there is nothing at all to check.
    """
    credspec = _credspec(request.credspec_file) if request.credspec_file else None
    found: list[Found] = []
    broken: list[Broken] = []
    for one in sources(request.files, dict(request.parameters)):
        if isinstance(one, Broken):
            broken.append(one)
            continue
        for each in _subjects(one, credspec, request, place):
            if isinstance(each, Broken):
                broken.append(each)
            else:
                found.append(each)
    if request.files and not found and not broken:
        raise UsageError(
            f"{', '.join(request.files)}: there is no task definition, no template or plan with one, and no CredSpec"
        )
    if credspec and not request.files:
        found += _lone(credspec, request, place)
    return InFiles(tuple(found), tuple(broken))


def _credspec(name: str) -> CredSpecObject:
    body = read_bytes(name)
    if isinstance(body, str):
        raise UsageError(f"--credspec-file {name} {body}")
    return _object(name, body)


def _object(name: str, body: bytes) -> CredSpecObject:
    return CredSpecObject(CredSpecLocation("", domainless=True, file=name), len(body), body)


def _subjects(one: Source, credspec: CredSpecObject | None, request: Request, place: Place) -> Iterator[Found | Broken]:
    if one.kind is Kind.CREDSPEC:
        yield from _lone(_object(one.path, one.body or b""), request, place)
        return
    several = len(one.definitions) + len(one.left_out) > 1
    for definition in one.definitions:
        try:
            yield from _defined(one, definition, several, credspec, request, place)
        except (TaskDefinitionError, UsageError) as error:  # UsageError: no such --container there
            yield Broken(one.path, f"{definition.name}: {error}", definition.located.at(()))
    for part in one.left_out:
        yield from _left_out(one, part, request, place)


def _defined(
    one: Source,
    definition: Definition,
    several: bool,
    credspec: CredSpecObject | None,
    request: Request,
    place: Place,
) -> tuple[Found, ...]:
    """Raises TaskDefinitionError for one that ECS would not take."""
    known = read_task_definition(definition.located.value)
    launch = Launch(definition.launch) if definition.launch and definition.launch in Launch.__members__ else None
    name = f"{one.path}#{definition.name}" if several and definition.name else one.path
    source = subject.Source(
        name,
        known,
        subject.place_of(known.arn, place),
        launch,
        file=one.path,
        located=definition.located,
        credspec=credspec,
        named=known.family or definition.name,
    )
    return subject.subjects(source, request)


def _left_out(one: Source, part: LeftOut, request: Request, place: Place) -> tuple[Found, ...]:
    reason = replace(
        unknown(f"{part.name} is not known before it is deployed: {part.reason}"), check=subject.REGISTERED
    )
    located = Located(None, {(): part.position}) if part.position else None
    source = subject.Source(f"{one.path}#{part.name}", reason, place, file=one.path, located=located, named=part.name)
    return subject.subjects(source, request)


def _lone(credspec: CredSpecObject, request: Request, place: Place) -> tuple[Found, ...]:
    """A CredSpec without the task definition that names it."""
    nothing: Finding = skipped("only a CredSpec was given: what names it is not known")
    source = subject.Source(credspec.location.name, nothing, place, credspec=credspec, named=credspec.location.name)
    return subject.subjects(source, request)
