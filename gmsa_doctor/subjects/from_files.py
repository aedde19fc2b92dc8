"""The subjects of files: task definitions wherever they are written down, and CredSpecs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace

from gmsa_doctor.clients.files.file_bytes import read_bytes
from gmsa_doctor.clients.files.file_search import Broken
from gmsa_doctor.clients.files.source_files import FileKind, SourceFile, sources
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.core.model import Finding, skipped, unknown
from gmsa_doctor.formats.documents.located import Definition, Located
from gmsa_doctor.formats.documents.task_definition import (
    Container,
    TaskDefinition,
    TaskDefinitionError,
    read_task_definition,
)
from gmsa_doctor.formats.templates.cloudformation import LeftOut
from gmsa_doctor.given.request import Request
from gmsa_doctor.given.shared_values import CredSpecLocation, CredSpecObject
from gmsa_doctor.given.subject import AwsPlace, Launch
from gmsa_doctor.subjects import from_aws as subject
from gmsa_doctor.subjects.from_aws import Found


@dataclass(frozen=True)
class InFiles:
    """What the files hold: subjects, and files that could not be read, with the reason.

    ``passed_over`` is how many task definitions have nothing of gMSA, and were not asked for by their name.
    """

    found: tuple[Found, ...]
    broken: tuple[Broken, ...]
    passed_over: int = 0


def find(request: Request, place: AwsPlace) -> InFiles:
    """The subjects of ``request.files`` and ``request.credspec_file``, in the order of the files.

    Raises UsageError where there is nothing at all to check.
    """
    credspec = _credspec(request.credspec_file) if request.credspec_file else None
    found: list[Found] = []
    broken: list[Broken] = []
    others = 0
    parameters = {**({"AWS::Region": request.region} if request.region else {}), **dict(request.parameters)}
    for one in sources(request.files, parameters, pass_over=request.pass_over):
        one = replace(one, path=_shown(one.path))
        if isinstance(one, Broken):
            broken.append(one)
            continue
        for each in _subjects(one, credspec, request, place):
            if isinstance(each, Broken):
                broken.append(each)
            elif each is None:
                others += 1
            else:
                found.append(each)
    if request.files and not (found or broken or others or request.pass_over):
        raise UsageError(
            f"{', '.join(request.files)}: there is no task definition, no template or plan with one, and no CredSpec"
        )
    if request.container and others and not found:
        raise UsageError(f"there is no container {request.container} in {', '.join(request.files)}")
    if credspec and not request.files:
        found += _lone(credspec, request, place)
    return InFiles(tuple(found), tuple(broken), others)


def _shown(path: str) -> str:
    """Below the working directory, relative to it: what CI systems want, and the same however it was typed."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") or not os.path.isabs(path) else relative


def _credspec(name: str) -> CredSpecObject:
    body = read_bytes(name)
    if isinstance(body, str):
        raise UsageError(f"--credspec-file {name} {body}")
    return _object(name, body)


def _object(name: str, body: bytes) -> CredSpecObject:
    return CredSpecObject(CredSpecLocation("", domainless=True, file=name), len(body), body)


def _subjects(
    one: SourceFile, credspec: CredSpecObject | None, request: Request, place: AwsPlace
) -> Iterator[Found | Broken | None]:
    """None for a task definition that is passed over."""
    if one.kind is FileKind.CREDSPEC:
        yield from _lone(_object(one.path, one.body or b""), request, place)
        return
    alone = len(one.definitions) + len(one.left_out) == 1 and one.path in map(_shown, request.files)
    asked_for = alone or "task-definition.credentialspecs" in request.require
    for definition in one.definitions:
        try:
            known = read_task_definition(definition.located.value)
        except TaskDefinitionError as error:
            yield Broken(one.path, f"{definition.name}: {error}", definition.located.at(()))
            continue
        if _is_meant(known, asked_for, request.container):
            yield from _defined(one, definition, known, credspec, request, place)
        else:
            yield None
    for part in one.left_out:
        yield from _left_out(one, part, request, place)


def _is_meant(known: TaskDefinition, asked_for: bool, container: str | None) -> bool:
    """Whether it is to be judged: a repository has many task definitions that have nothing to do with gMSA."""
    if container:
        return any(one.name == container for one in known.containers)
    return asked_for or any(_has_gmsa(one) for one in known.containers)


def _has_gmsa(container: Container) -> bool:
    legacy = any(one.lower().startswith("credentialspec") for one in container.docker_security_options)
    return bool(container.credential_specs) or legacy or "KRB5CCNAME" in dict(container.environment)


def _defined(
    one: SourceFile,
    definition: Definition,
    known: TaskDefinition,
    credspec: CredSpecObject | None,
    request: Request,
    place: AwsPlace,
) -> tuple[Found, ...]:
    launch = Launch(definition.launch) if definition.launch and definition.launch in Launch.__members__ else None
    name = one.path if one.kind is FileKind.TASK_DEFINITION else f"{one.path}#{definition.name}"
    source = subject.SubjectSource(
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


def _left_out(one: SourceFile, part: LeftOut, request: Request, place: AwsPlace) -> tuple[Found, ...]:
    reason = replace(
        unknown(f"{part.name} is not known before it is deployed: {part.reason}"), check=subject.REGISTERED
    )
    located = Located(None, {(): part.position}) if part.position else None
    source = subject.SubjectSource(
        f"{one.path}#{part.name}", reason, place, file=one.path, located=located, named=part.name
    )
    return subject.subjects(source, request)


def _lone(credspec: CredSpecObject, request: Request, place: AwsPlace) -> tuple[Found, ...]:
    """A CredSpec without the task definition that names it."""
    nothing: Finding = skipped("only a CredSpec was given: what names it is not known")
    source = subject.SubjectSource(
        credspec.location.name, nothing, place, credspec=credspec, named=credspec.location.name
    )
    return subject.subjects(source, request)
