"""Task definitions: the JSON of register-task-definition or describe-task-definition.

Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gmsa_doctor.formats.documents import walk
from gmsa_doctor.formats.documents.located import NearKey, Open
from gmsa_doctor.formats.documents.task_definition_node import Node, mapping
from gmsa_doctor.formats.documents.task_definition_node import TaskDefinitionError as TaskDefinitionError
from gmsa_doctor.formats.sql_server import connection_string
from gmsa_doctor.formats.sql_server.connection_string import ConnectionString, ConnectionStringError

KEPT_ENVIRONMENT = frozenset({"KRB5CCNAME", "KRB5_CONFIG"})
"""The environment variables that are kept; others may contain secrets."""

DNS_SETTINGS = ("dnsServers", "dnsSearchDomains", "extraHosts")
"""The keys of a container that affect how it resolves names."""


@dataclass(frozen=True)
class LogStreams:
    """The destination of the ``awslogs`` driver: a CloudWatch Logs group, its region, and the prefix of its streams.

    ``made``: the driver itself creates the group (``awslogs-create-group``).
    """

    group: str
    region: str | None = None
    prefix: str | None = None
    made: bool = False


@dataclass(frozen=True)
class NamedString:
    """A connection string with its name: that of a variable or of an option."""

    name: str
    string: ConnectionString


@dataclass(frozen=True)
class Reference:
    """A secret or a parameter that a container names. ``use`` is where: ``secrets NAME``, ``repositoryCredentials``.

    ``registry``: it has the credentials of an image's registry; then it is a secret, and may be given by its name.
    """

    use: str
    text: str
    registry: bool = False


@dataclass(frozen=True)
class Container:
    """A container of a task definition."""

    name: str
    essential: bool = True
    image: str | None = None
    user: str | None = None
    credential_specs: tuple[str, ...] = ()
    docker_security_options: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    """Only those in :data:`KEPT_ENVIRONMENT`."""
    logs: LogStreams | None = None
    dns_settings: tuple[str, ...] = ()
    """Which of :data:`DNS_SETTINGS` are set."""
    connection_strings: tuple[NamedString, ...] = ()
    """The environment variables with connection strings of SQL Server, without passwords."""
    secrets: tuple[tuple[str, str], ...] = ()
    """The variables whose names suggest a database, with their secret or parameter (``valueFrom``)."""
    references: tuple[Reference, ...] = ()
    """The secrets and parameters that ECS reads before it starts the container."""
    looks_windows: bool = False
    """Its image or its commands are for Windows."""


@dataclass(frozen=True)
class TaskDefinition:
    """A task definition; values that are not set are None or empty."""

    family: str | None
    containers: tuple[Container, ...]
    revision: int | None = None
    arn: str | None = None
    status: str | None = None
    deregistered: datetime | None = None
    """Since when it is not ACTIVE; only as ECS describes it."""
    requires_compatibilities: tuple[str, ...] = ()
    network_mode: str | None = None
    execution_role_arn: str | None = None
    task_role_arn: str | None = None
    os_family: str | None = None
    cpu_architecture: str | None = None
    requires_attributes: tuple[str, ...] = ()
    """The attributes that a container instance must have, which ECS adds at registration."""
    near_keys: tuple[NearKey, ...] = ()
    """In a file: keys that were meant as ``credentialSpecs``."""


def read_task_definition(value: object, near_keys: tuple[NearKey, ...] = ()) -> TaskDefinition:
    """A task definition, with or without the outer ``taskDefinition``. Raises TaskDefinitionError."""
    node = Node("", mapping("", value))
    if "Resources" in node.value or "Properties" in node.value:
        reason = "this is a CloudFormation template or resource, not a task definition as ECS returns it"
        raise TaskDefinitionError("", reason)
    node = node.child("taskDefinition") or node
    entries = node.objects("containerDefinitions")
    if entries is None:
        raise TaskDefinitionError(node.at("containerDefinitions"), "is missing")
    platform = node.child("runtimePlatform") or Node(node.at("runtimePlatform"), {})
    deregistered = node.value.get("deregisteredAt")
    return TaskDefinition(
        family=node.text("family"),
        containers=tuple(_container(entry, bool(near_keys)) for entry in entries),
        revision=node.number("revision"),
        arn=node.text("taskDefinitionArn"),
        status=node.text("status"),
        deregistered=deregistered if isinstance(deregistered, datetime) else None,
        requires_compatibilities=node.texts("requiresCompatibilities"),
        network_mode=node.text("networkMode"),
        execution_role_arn=node.text("executionRoleArn"),
        task_role_arn=node.text("taskRoleArn"),
        os_family=platform.text("operatingSystemFamily"),
        cpu_architecture=platform.text("cpuArchitecture"),
        requires_attributes=tuple(entry.text("name") or "" for entry in node.objects("requiresAttributes") or ()),
        near_keys=near_keys,
    )


def _container(node: Node, near: bool) -> Container:
    """``near``: keys that were meant as credentialSpecs are known, and reported elsewhere."""
    name = node.text("name")
    if not name:
        raise TaskDefinitionError(node.at("name"), "is missing")
    environment = node.objects("environment") or ()
    is_list = isinstance(node.value.get("credentialSpecs"), list)
    return Container(
        name=name,
        essential=node.boolean("essential") is not False,
        image=node.text("image"),
        user=node.text("user"),
        credential_specs=() if near and not is_list else node.texts("credentialSpecs"),
        docker_security_options=node.texts("dockerSecurityOptions"),
        environment=_environment(environment),
        logs=_logs(node.child("logConfiguration")),
        dns_settings=tuple(key for key in DNS_SETTINGS if node.holds_any(key)),
        connection_strings=_connection_strings(environment),
        secrets=_secrets(node),
        references=tuple(_references(node)),
        looks_windows=_looks_windows(node),
    )


_WINDOWS_IMAGE = re.compile(
    r"windows|servercore|nanoserver|microsoft/(iis|aspnet)(?![\w-])|dotnet/framework", re.IGNORECASE
)
_WINDOWS_COMMAND = re.compile(r"(^|[\\/])(powershell|cmd)(\.exe)?($|\s)|^[A-Za-z]:\\", re.IGNORECASE)


def _looks_windows(node: Node) -> bool:
    """Whether the image has a usual name for Windows, or a command runs in a shell of Windows."""
    image = node.value.get("image")
    commands = [item for key in ("entryPoint", "command") for item in walk.items(node.value.get(key))]
    return (isinstance(image, str) and bool(_WINDOWS_IMAGE.search(image))) or any(
        isinstance(item, str) and _WINDOWS_COMMAND.search(item) for item in commands[:2]
    )


def _logs(node: Node | None) -> LogStreams | None:
    """None for any driver other than awslogs, whose options may contain secrets and are not read."""
    options = node.child("options") if node and node.text("logDriver") == "awslogs" else None
    group = options.text("awslogs-group") if options else None
    if not options or not group:
        return None
    made = (options.text("awslogs-create-group") or "").lower() == "true"
    return LogStreams(group, options.text("awslogs-region"), options.text("awslogs-stream-prefix"), made)


def _environment(entries: tuple[Node, ...]) -> tuple[tuple[str, str], ...]:
    named = ((entry.text("name"), entry) for entry in entries)
    return tuple((name, entry.text("value") or "") for name, entry in named if name in KEPT_ENVIRONMENT and name)


def _connection_strings(entries: tuple[Node, ...]) -> tuple[NamedString, ...]:
    """Ignores other values, and those that are unknown before deployment."""
    strings = []
    for entry in entries:
        name, value = entry.text("name"), entry.text("value")
        if name and value and not isinstance(value, Open) and not OF_ANOTHER_DATABASE.search(name):
            with suppress(ConnectionStringError):
                strings.append(NamedString(name, connection_string.parse(value)))
    return tuple(strings)


OF_A_DATABASE = re.compile(r"conn|dsn|jdbc|odbc|sql|database|(^|_)db(_|$)|datasource", re.IGNORECASE)
"""Names of variables that may contain a connection string: ``ConnectionStrings__Default``, ``DATABASE_URL``."""

OF_ANOTHER_DATABASE = re.compile(r"mysql|maria|postgres|pgsql|(^|_)pg(_|$)|oracle|mongo|redis|sqlite", re.IGNORECASE)
"""Names that suggest another database: short strings for MySQL and for SqlClient use the same keywords."""


def _secrets(node: Node) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name, source)
        for name, source in _values_from(node, "secrets")
        if OF_A_DATABASE.search(name) and not OF_ANOTHER_DATABASE.search(name)
    )


def _references(node: Node) -> Iterator[Reference]:
    for name, source in _values_from(node, "secrets"):
        yield Reference(f"secrets {name}", source)
    with suppress(TaskDefinitionError):
        if logs := node.child("logConfiguration"):
            for name, source in _values_from(logs, "secretOptions"):
                yield Reference(f"logConfiguration.secretOptions {name}", source)
    with suppress(TaskDefinitionError):
        registry = node.child("repositoryCredentials")
        secret = registry.text("credentialsParameter") if registry else None
        if secret and not isinstance(secret, Open):
            yield Reference("repositoryCredentials", secret, registry=True)


def _values_from(node: Node, key: str) -> tuple[tuple[str, str], ...]:
    """Names and sources that are known before deployment; none if they do not have the form that ECS requires."""
    try:
        pairs = [(entry.text("name"), entry.text("valueFrom")) for entry in node.objects(key) or ()]
    except TaskDefinitionError:
        return ()
    return tuple((name, source) for name, source in pairs if name and source and not isinstance(source, Open))


# Entries of credentialSpecs -------------------------------------------------------------------------


class Prefix(StrEnum):
    """The prefix of an entry of credentialSpecs, case-sensitive, with the colon."""

    JOINED = "credentialspec:"
    """For domain-joined hosts."""
    DOMAINLESS = "credentialspecdomainless:"


class NearMiss(StrEnum):
    """A defect in the prefix of an entry."""

    NO_PREFIX = "no-prefix"
    WRONG_CASE = "wrong-case"
    MISSING_COLON = "missing-colon"
    WHITE_SPACE = "white-space"
    """White space around the entry or around the colon."""
    QUOTES = "quotes"
    """Quotes in the string."""
    DOUBLED = "doubled"
    """A prefix after the prefix."""
    MISSPELT = "misspelt"


@dataclass(frozen=True)
class CredentialSpecEntry:
    """An entry of credentialSpecs (or, in the legacy form, of dockerSecurityOptions).

    ``prefix`` and ``rest`` are the parts as ECS reads them: without an exact prefix, None and the whole text. ``meant``
    and ``target`` are the probable parts if ``near_miss`` is set; otherwise the same parts.
    """

    prefix: Prefix | None
    rest: str
    near_miss: NearMiss | None
    meant: Prefix | None
    target: str

    @property
    def suggestion(self) -> str | None:
        """The entry as it was probably meant; None if that is unclear."""
        return f"{self.meant}{self.target}" if self.near_miss and self.meant and self.target else None


_WORD = re.compile(
    r"(?P<before>domain[-_ ]?less[-_ ]?)?cred(?:ential)?s?[-_ ]?specs?[-_ ]?(?P<domainless>domain[-_ ]?less?)?",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(r"\s*[:=]\s*|\s+|(?=arn:|file:)|$", re.IGNORECASE)


def split_credential_spec(text: str) -> CredentialSpecEntry:
    """The parts of an entry. Raises nothing: a defect in its prefix is in ``near_miss``."""
    prefix = next((known for known in Prefix if text.startswith(known)), None)
    rest = text.removeprefix(prefix) if prefix else text
    meant, target = None, _bare(text)
    while innermost := _loose_prefix(target):
        meant, target = innermost
    if meant is None and "arn:" in target:
        target = target[target.index("arn:") :]
    return CredentialSpecEntry(prefix, rest, _near_miss(text, prefix, rest, meant), meant, target)


def _bare(text: str) -> str:
    return text.strip().strip("\"'").strip()


def _loose_prefix(text: str) -> tuple[Prefix, str] | None:
    word = _WORD.match(text)
    separator = _SEPARATOR.match(text, word.end()) if word else None
    if not word or not separator:
        return None
    domainless = word["domainless"] or word["before"]
    return Prefix.DOMAINLESS if domainless else Prefix.JOINED, _bare(text[separator.end() :])


def _near_miss(text: str, prefix: Prefix | None, rest: str, meant: Prefix | None) -> NearMiss | None:
    if meant is None:
        return NearMiss.NO_PREFIX
    if prefix:
        if _loose_prefix(_bare(rest)):
            return NearMiss.DOUBLED
        if rest != rest.strip():
            return NearMiss.WHITE_SPACE
        return NearMiss.QUOTES if rest != _bare(rest) else None
    bare = text.strip()
    if bare[:1] in ("'", '"'):
        return NearMiss.QUOTES
    if bare.startswith(tuple(Prefix)) or re.match(r"credentialspec(domainless)?\s+:", bare):
        return NearMiss.WHITE_SPACE
    if bare.casefold().startswith(tuple(Prefix)):
        return NearMiss.WRONG_CASE
    if re.match(r"credentialspec(domainless)?(?![\w:=-])|credentialspec(domainless)?(arn|file):", bare):
        return NearMiss.MISSING_COLON
    return NearMiss.MISSPELT
