"""Reads the files to check, and recognizes their kind.

Files without gMSA configuration are sorted out by their bytes, before they are parsed: a repository has thousands.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from gmsa_doctor.clients.files.export_values import ExportValues
from gmsa_doctor.clients.files.file_bytes import (
    FILE_LIMIT,
    STANDARD_INPUT,
    TOO_LARGE,
    UTF16,
    Unreadable,
    is_utf16,
    opened,
    text_of,
    without_nul,
)
from gmsa_doctor.clients.files.file_search import Broken, Candidate, find
from gmsa_doctor.clients.files.large_file import LargeFile, Late
from gmsa_doctor.core.hidden import Hidden
from gmsa_doctor.core.limits import RunLimit
from gmsa_doctor.formats.documents.known_secrets import of_parameters
from gmsa_doctor.formats.documents.located import Definition, Located, LocatedError, Open, Path, read_json
from gmsa_doctor.formats.documents.near_keys import near_keys
from gmsa_doctor.formats.documents.placeholders import marked
from gmsa_doctor.formats.documents.task_definition import TaskDefinitionError, read_task_definition
from gmsa_doctor.formats.documents.walk import child, entries
from gmsa_doctor.formats.documents.yaml_text import read_yaml_documents
from gmsa_doctor.formats.templates import (
    cloudformation,
    compose,
    container_list,
    kubernetes,
    other_formats,
    terraform_plan,
)
from gmsa_doctor.formats.templates.cloudformation import LeftOut

_GMSA_MARKS = (
    *(b"credential_spec", b"credentialspec", b"credential-spec", b"credentials-fetcher"),
    *(b"cmsplugins", b"domainjoinconfig", b"activedirectoryconfig"),
)
"""Every file with gMSA configuration contains one of these, in upper or lower case. Kubernetes files may, too."""

_STRONG_MARKS = (b"containerdefinitions", b"container_definitions", b"aws::ecs::taskdefinition")
"""Every file with a task definition contains one of these (or is a list of containers); other files do not."""

_NOTHING = "contains no task definition and no CredSpec"


class FileKind(StrEnum):
    """The kind of a file."""

    TASK_DEFINITION = "task definition"
    CONTAINERS = "container definitions"
    TEMPLATE = "CloudFormation template"
    PLAN = "Terraform plan"
    TERRAFORM = "Terraform configuration"
    COMPOSE = "Compose file"
    CREDSPEC = "CredSpec"


@dataclass(frozen=True)
class SourceFile:
    """A file with task definitions, or a CredSpec; ``body``: the bytes of a CredSpec, ``located``: its positions.

    ``left_out``: task definitions (or resources that may create some) that cannot be checked before deployment.
    ``named``: the user named the file, so it must have gMSA configuration. ``has_sign``: something in it is about gMSA.
    """

    path: str
    kind: FileKind
    definitions: tuple[Definition, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    body: bytes | None = field(default=None, repr=False)
    located: Located | None = field(default=None, repr=False)
    parameters: frozenset[str] = frozenset()
    """The names of a CloudFormation template's parameters."""
    secrets: frozenset[Hidden[str]] = frozenset()
    """The values of those that are secret."""
    named: bool = False
    has_sign: bool = True


class Sources:
    """The files of all patterns, in a stable order. ``parameters``: values for CloudFormation templates.

    ``pass_over``: ignore files without gMSA configuration, even if they are named.
    """

    def __init__(
        self,
        patterns: Iterable[str],
        parameters: Mapping[str, str],
        root: str = ".",
        *,
        pass_over: bool = False,
        limit: RunLimit | None = None,
    ) -> None:
        self.parameters, self.root, self.pass_over = parameters, root, pass_over
        self.limit = limit or RunLimit()
        self.found = find(patterns, root, self.limit)
        candidates = [file for file in self.found if isinstance(file, Candidate)]
        self.exports = ExportValues(candidates, parameters, root)

    def read(self, file: Candidate | Broken) -> SourceFile | Broken | None:
        """The file's content; None if it is to be ignored."""
        if isinstance(file, Broken):
            return file
        candidate = replace(file, named=file.named and not self.pass_over)
        source = read(candidate, self.parameters, self.root, self.exports, self.limit)
        if isinstance(source, Broken) and self.pass_over and not source.has_sign:
            return None
        return source


def sources(
    patterns: Iterable[str], parameters: Mapping[str, str], root: str = ".", *, pass_over: bool = False
) -> Iterator[SourceFile | Broken]:
    """All files of :class:`Sources` that are not ignored."""
    found = Sources(patterns, parameters, root, pass_over=pass_over)
    return filter(None, map(found.read, found.found))


# What a file is -------------------------------------------------------------------------------------


def read(
    candidate: Candidate,
    parameters: Mapping[str, str],
    root: str = ".",
    exports: ExportValues | None = None,
    limit: RunLimit | None = None,
) -> SourceFile | Broken | None:
    """The file's content; None if it has no gMSA configuration and was not named explicitly. Never raises."""
    path = candidate.path if candidate.path == STANDARD_INPUT else os.path.join(root, candidate.path)
    try:
        with opened(path) as file:
            body = file.read(FILE_LIMIT + 1)
            if len(body) > FILE_LIMIT:
                return _large(candidate, LargeFile(body, file, _has_sign, limit or RunLimit()))
    except Unreadable as error:
        return Broken(candidate.path, error.reason)
    return classify(candidate, body, parameters, exports)


def _large(candidate: Candidate, large: LargeFile) -> SourceFile | Broken | None:
    """A Terraform plan over the limit of other files. One that was not named must have a sign of gMSA."""
    path, named = candidate.path, candidate.named
    try:
        if not named and not large.search():
            return None
        plan = large.plan()
        found = source_of_plan(path, plan) if plan else None
    except Late as error:
        return Broken(path, error.reason, is_late=True)
    except LocatedError as error:
        return Broken(path, error.reason, error.position, large.has_sign)
    if found:
        return replace(found, named=named, has_sign=large.has_sign)
    if plan is None:
        return Broken(path, f"{TOO_LARGE}; only a Terraform plan may be longer", has_sign=large.has_sign)
    return Broken(path, f"{_NOTHING}; {other_formats.SUPPORTED}", has_sign=large.has_sign) if named else None


def classify(
    candidate: Candidate, body: bytes, parameters: Mapping[str, str], exports: ExportValues | None = None
) -> SourceFile | Broken | None:
    """As :func:`read`, for a whole file that was read already."""
    path, named = candidate.path, candidate.named
    if not named and not _has_mark(body, (*_GMSA_MARKS, *_STRONG_MARKS)):
        return None
    has_sign = _has_sign(body)
    if _CREDSPEC_START.match(without_nul(body[:4096])):  # the checks report its defects better
        return SourceFile(path, FileKind.CREDSPEC, body=body, named=named)
    try:
        found = _Reader(path, body, {**dict(candidate.parameters), **parameters}, exports).source()
    except LocatedError as error:
        reason = other_formats.hint(path, body) or error.reason
        ours = named or _has_mark(body, _STRONG_MARKS)
        return Broken(path, reason, error.position, has_sign) if ours else None
    except RecursionError:
        return Broken(path, "is nested too deeply", has_sign=has_sign)
    if found is None:
        hint = other_formats.hint(path, body) or f"{_NOTHING}; {other_formats.SUPPORTED}"
        return Broken(path, hint, has_sign=has_sign) if named else None
    return replace(found, named=named, has_sign=has_sign)


def _has_sign(body: bytes) -> bool:
    return _has_mark(body, _GMSA_MARKS)


def _has_mark(body: bytes, marks: tuple[bytes, ...]) -> bool:
    lower = without_nul(body).lower()
    return any(mark in lower for mark in marks)


_CREDSPEC_KEYS = ("CmsPlugins", "DomainJoinConfig", "ActiveDirectoryConfig")
_CREDSPEC_START = re.compile(rb'[\xef\xbb\xbf\xff\xfe\s]*\{\s*"(?:CmsPlugins|DomainJoinConfig|ActiveDirectoryConfig)"')


class _Reader:
    """Reads one file. Each method raises LocatedError."""

    def __init__(self, path: str, body: bytes, parameters: Mapping[str, str], exports: ExportValues | None) -> None:
        self.path, self.body, self.parameters, self.exports = path, body, parameters, exports

    def source(self) -> SourceFile | None:
        """None for a file without gMSA configuration."""
        text = text_of(self.body)
        if self.path.endswith(".tf"):
            from gmsa_doctor.formats.templates import terraform_configuration  # needs an extra

            return _source(self.path, FileKind.TERRAFORM, *_known(terraform_configuration.definitions(text)))
        is_json = _is_json(self.path, text)
        if is_json and all(f'"{key}"' in text for key in terraform_plan.KEYS):
            plan = terraform_plan.read_plan(iter([text]))
            if plan:
                return source_of_plan(self.path, plan)
        if is_utf16(self.body):
            raise LocatedError(UTF16)
        documents = (read_json(text),) if is_json else read_yaml_documents(text)
        if terraform_plan.is_plan(documents[0].value):
            return source_of_plan(self.path, documents[0])
        return self._documents(documents)

    def _documents(self, documents: tuple[Located, ...]) -> SourceFile | None:
        """Of several YAML documents, such as those of Kubernetes, those with gMSA configuration."""
        found = [(located, source) for located in documents if (source := self._document(located))]
        if not found:
            return None
        (_, first), *others = found
        if len(documents) > 1 and first.kind is FileKind.CREDSPEC and first.located is None:
            first = replace(first, body=json.dumps(found[0][0].value).encode(), located=found[0][0])
        for located, other in others:
            if FileKind.CREDSPEC in (first.kind, other.kind):
                raise LocatedError("a second document with a CredSpec or a task definition", located.at(()))
            first = replace(
                first,
                definitions=(*first.definitions, *other.definitions),
                left_out=(*first.left_out, *other.left_out),
                parameters=first.parameters | other.parameters,
                secrets=first.secrets | other.secrets,
            )
        return first

    def _document(self, located: Located) -> SourceFile | None:
        value = located.value
        if container_list.is_container_list(value):
            return _source(self.path, FileKind.CONTAINERS, (container_list.definition(self.path, located),))
        if not isinstance(value, dict):
            return None
        if cloudformation.is_template(value):
            return self._template(located, value)
        if credspec := kubernetes.credspec(located):
            body = json.dumps(credspec.value).encode()
            return SourceFile(self.path, FileKind.CREDSPEC, body=body, located=credspec)
        if any(key in value for key in _CREDSPEC_KEYS):
            return SourceFile(self.path, FileKind.CREDSPEC, body=self.body)
        if (root := _task_definition_root(value)) is not None:
            return _source(self.path, FileKind.TASK_DEFINITION, (_definition(self.path, located, root),))
        if compose.is_compose(value):
            return _source(self.path, FileKind.COMPOSE, compose.definitions(located))
        return None

    def _template(self, located: Located, value: Mapping[str, object]) -> SourceFile | None:
        imported = self.exports.of(self.path) if self.exports else lambda _name: None
        template = cloudformation.read_template(located, self.parameters, imported)
        source = _source(self.path, FileKind.TEMPLATE, template.definitions, template.left_out)
        declared = entries(value.get("Parameters"))
        secrets = frozenset(map(Hidden, of_parameters(declared, self.parameters)))
        return source and replace(source, parameters=frozenset(map(str, declared)), secrets=secrets)


def source_of_plan(path: str, plan: Located) -> SourceFile | None:
    """The task definitions of a Terraform plan. Raises LocatedError."""
    return _source(path, FileKind.PLAN, *_known(terraform_plan.definitions(plan)))


def _source(
    path: str, kind: FileKind, found: tuple[Definition, ...], left_out: tuple[LeftOut, ...] = ()
) -> SourceFile | None:
    with_marks = tuple(
        replace(definition, located=replace(definition.located, value=marked(definition.located.value)))
        for definition in found
    )
    return SourceFile(path, kind, with_marks, left_out) if found or left_out else None


def _is_json(path: str, text: str) -> bool:
    if path.endswith((".yaml", ".yml")):
        return False
    return path.endswith(".json") or text.lstrip()[:1] in ("{", "[")


def _known(found: tuple[Definition, ...]) -> tuple[tuple[Definition, ...], tuple[LeftOut, ...]]:
    """The task definitions with known containers, and the others."""
    known, left_out = [], []
    for definition in found:
        containers = child(definition.located.value, "containerDefinitions")
        if isinstance(containers, Open):
            position = definition.located.at(("containerDefinitions",))
            reason = f"its containers depend on {containers}"
            left_out.append(LeftOut(definition.name, reason, position, until_deployed=True))
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
    near = near_keys(inner_located)
    try:
        read = read_task_definition(value, near)
    except TaskDefinitionError as error:
        raise LocatedError(f"is not a task definition: {error}", inner_located.at(error.keys)) from None
    return Definition(read.family or os.path.basename(path), inner_located, near=near)
