"""What was recorded about a service's tasks: texts of ECS, of containers and of container instances."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class RecordedAbout:
    """Whose records are read: those of the service, or of one task of it."""

    task: str | None = None


@dataclass(frozen=True)
class LogsWanted:
    """The user asked for the containers' logs (``--logs``)."""


@dataclass(frozen=True)
class Record:
    """Lines that belong together: of a stopped task, of a service event, of a log.

    ``by`` recorded it, as the subject of a sentence; ``source`` is the check that read it. ``definition`` is the task
    definition (FAMILY:REVISION) of the task; empty for a service event. No line holds a secret.
    """

    source: str
    by: str
    lines: tuple[str, ...]
    time: datetime
    task: str = ""
    definition: str = ""


@dataclass(frozen=True)
class ServiceEvents:
    """The events of the service since its current deployment began, and when it was last steady."""

    records: tuple[Record, ...] = ()
    steady: datetime | None = None


@dataclass(frozen=True)
class RecordedTask:
    """A task whose log may be read."""

    arn: str
    definition: str


@dataclass(frozen=True)
class StoppedTasks:
    """Tasks that stopped with an error, and the newest ones of all that stopped."""

    records: tuple[Record, ...] = ()
    newest: tuple[RecordedTask, ...] = ()


@dataclass(frozen=True)
class ContainerLogs:
    """The known texts in the containers' logs."""

    records: tuple[Record, ...] = ()


@dataclass(frozen=True)
class InstanceJournal:
    """What was read on a container instance; ``problem``: why nothing was. Versions are empty if they are unknown."""

    name: str
    daemon: str = ""
    agent: str = ""
    settings: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class InstanceJournals:
    """The journals of container instances, and the known texts in them."""

    instances: tuple[InstanceJournal, ...] = ()
    records: tuple[Record, ...] = ()


RECORDS = (ServiceEvents, StoppedTasks, ContainerLogs)
"""The values that hold records."""
