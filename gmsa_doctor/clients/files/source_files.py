"""Reads the files to check, and recognizes their kind.

Files without gMSA configuration are sorted out by their bytes, before they are parsed: a repository has thousands.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from gmsa_doctor.clients.files.file_bytes import FILE_LIMIT, STANDARD_INPUT, read_bytes, text_of
from gmsa_doctor.clients.files.file_search import Broken, Candidate, find
from gmsa_doctor.formats.documents.located import Definition, Located, LocatedError, Open, Path, read_json
from gmsa_doctor.formats.documents.task_definition import TaskDefinitionError, read_task_definition
from gmsa_doctor.formats.documents.walk import child, entries
from gmsa_doctor.formats.documents.yaml_text import read_yaml
from gmsa_doctor.formats.templates import cloudformation, compose, terraform_plan
from gmsa_doctor.formats.templates.cloudformation import LeftOut

_MARKS = (
    b"containerdefinitions",
    b"container_definitions",
    b"aws::ecs::taskdefinition",
    b"credential_spec",
    b"credentialspec",
    b"cmsplugins",
    b"domainjoinconfig",
    b"activedirectoryconfig",
)
"""Every file with a task definition or CredSpec contains one of these, in upper or lower case."""

_STRONG_MARKS = (b"containerdefinitions", b"container_definitions", b"aws::ecs::taskdefinition")
"""Other files do not contain these. Kubernetes files can contain ``credentialspec``."""

_SUPPORTED = (
    "supported are a task definition (JSON), a CloudFormation or SAM template, a Terraform plan (terraform show "
    "-json), CDK's output directory (cdk.out), a Compose file with a CredSpec for ECS, and a CredSpec"
)


class FileKind(StrEnum):
    """The kind of a file."""

    TASK_DEFINITION = "task definition"
    TEMPLATE = "CloudFormation template"
    PLAN = "Terraform plan"
    COMPOSE = "Compose file"
    CREDSPEC = "CredSpec"


@dataclass(frozen=True)
class SourceFile:
    """A file with gMSA configuration, and its task definitions; ``body``: the bytes of a CredSpec.

    ``left_out``: task definitions (or resources that may create some) that cannot be checked before deployment.
    """

    path: str
    kind: FileKind
    definitions: tuple[Definition, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    body: bytes | None = field(default=None, repr=False)
    parameters: frozenset[str] = frozenset()
    """The names of a CloudFormation template's parameters."""


def sources(
    patterns: Iterable[str], parameters: Mapping[str, str], root: str = ".", *, pass_over: bool = False
) -> Iterator[SourceFile | Broken]:
    """The files of all patterns, in a stable order. ``parameters``: values for CloudFormation templates.

    ``pass_over``: ignore files without gMSA configuration, even if they are named.
    """
    for candidate in find(patterns, root):
        if isinstance(candidate, Broken):
            yield candidate
        elif source := read(replace(candidate, named=candidate.named and not pass_over), parameters, root):
            yield source


# What a file is -------------------------------------------------------------------------------------


def read(candidate: Candidate, parameters: Mapping[str, str], root: str = ".") -> SourceFile | Broken | None:
    """The file's content; None if it has no gMSA configuration and was not named explicitly. Never raises."""
    path = candidate.path if candidate.path == STANDARD_INPUT else os.path.join(root, candidate.path)
    body = read_bytes(path)
    if isinstance(body, str):
        return Broken(candidate.path, body)
    return classify(candidate, body, parameters)


def classify(candidate: Candidate, body: bytes, parameters: Mapping[str, str]) -> SourceFile | Broken | None:
    """As :func:`read`, for bytes that were read already."""
    too_large = len(body) > FILE_LIMIT
    if not candidate.named and (too_large or not _has_mark(body)):
        return None
    if too_large:
        return Broken(candidate.path, f"is larger than {FILE_LIMIT // 1024 // 1024} MB")
    if _CREDSPEC_START.match(_without_nul(body[:4096])):  # the checks report its defects better
        return SourceFile(candidate.path, FileKind.CREDSPEC, body=body)
    try:
        found = _parsed(candidate.path, body, {**dict(candidate.parameters), **parameters})
    except LocatedError as error:
        ours = candidate.named or _has_mark(body, _STRONG_MARKS)
        return Broken(candidate.path, error.reason, error.position) if ours else None
    except RecursionError:
        return Broken(candidate.path, "is nested too deeply")
    if found is None and candidate.named:
        return Broken(candidate.path, f"contains no task definition and no CredSpec; {_SUPPORTED}")
    return found


def _has_mark(body: bytes, marks: tuple[bytes, ...] = _MARKS) -> bool:
    lower = _without_nul(body).lower()
    return any(mark in lower for mark in marks)


def _without_nul(body: bytes) -> bytes:
    """UTF-16 and UTF-32 as plain letters, to search for marks."""
    return body.replace(b"\0", b"") if b"\0" in body[:4] else body


_CREDSPEC_KEYS = ("CmsPlugins", "DomainJoinConfig", "ActiveDirectoryConfig")
_CREDSPEC_START = re.compile(rb'[\xef\xbb\xbf\xff\xfe\s]*\{\s*"(?:CmsPlugins|DomainJoinConfig|ActiveDirectoryConfig)"')


def _parsed(path: str, body: bytes, parameters: Mapping[str, str]) -> SourceFile | None:
    """None for a file without gMSA configuration. Raises LocatedError."""
    text = text_of(body)
    located = read_json(text) if _is_json(path, text) else read_yaml(text)
    value = located.value
    if not isinstance(value, dict):
        return None
    if cloudformation.is_template(value):
        template = cloudformation.read_template(located, parameters)
        source = _source(path, FileKind.TEMPLATE, template.definitions, template.left_out)
        return source and replace(source, parameters=frozenset(map(str, entries(value.get("Parameters")))))
    if terraform_plan.is_plan(value):
        return _source(path, FileKind.PLAN, *_known(terraform_plan.definitions(located)))
    if any(key in value for key in _CREDSPEC_KEYS):
        return SourceFile(path, FileKind.CREDSPEC, body=body)
    if (root := _task_definition_root(value)) is not None:
        return _source(path, FileKind.TASK_DEFINITION, (_definition(path, located, root),))
    if compose.is_compose(value):
        return _source(path, FileKind.COMPOSE, compose.definitions(located))
    return None


def _is_json(path: str, text: str) -> bool:
    if path.endswith((".yaml", ".yml")):
        return False
    return path.endswith(".json") or text.lstrip()[:1] in ("{", "[")


def _source(
    path: str, kind: FileKind, found: tuple[Definition, ...], left_out: tuple[LeftOut, ...] = ()
) -> SourceFile | None:
    return SourceFile(path, kind, found, left_out) if found or left_out else None


def _known(found: tuple[Definition, ...]) -> tuple[tuple[Definition, ...], tuple[LeftOut, ...]]:
    """The task definitions with known containers, and the others."""
    known, left_out = [], []
    for definition in found:
        containers = child(definition.located.value, "containerDefinitions")
        if isinstance(containers, Open):
            position = definition.located.at(("containerDefinitions",))
            left_out.append(LeftOut(definition.name, f"its containers depend on {containers}", position))
        else:
            known.append(definition)
    return tuple(known), tuple(left_out)


def _task_definition_root(value: dict[str, object]) -> Path | None:
    """The path of the task definition: describe-task-definition prints it inside another object."""
    roots: tuple[tuple[str, ...], ...] = ((), ("taskDefinition",))
    keys = {root: (str(key).casefold() for key in entries(child(value, *root))) for root in roots}
    return next((root for root in roots if "containerdefinitions" in keys[root]), None)


def _definition(path: str, located: Located, root: Path) -> Definition:
    """The task definition at ``root``. Raises LocatedError if ECS would reject it."""
    value = located.value[root[0]] if root and isinstance(located.value, dict) else located.value
    inner = {where[len(root) :]: place for where, place in located.positions.items() if where[: len(root)] == root}
    inner_located = Located(value, inner)
    try:
        read = read_task_definition(value)
    except TaskDefinitionError as error:
        raise LocatedError(f"is not a task definition: {error}", inner_located.at(_keys(error.path))) from None
    return Definition(read.family or os.path.basename(path), inner_located)


def _keys(path: str) -> Path:
    """``containerDefinitions[0].name`` as keys and indexes."""
    return tuple(int(part) if part.isdigit() else part for part in re.findall(r"[^.\[\]]+", path))
