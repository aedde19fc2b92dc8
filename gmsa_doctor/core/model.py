"""What a run is made of: checks, findings, the report. Frozen data; no I/O."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Generic, TypeAlias, TypeVar, Union

from gmsa_doctor.core.changes import Change
from gmsa_doctor.core.check_id import CheckId
from gmsa_doctor.core.evidence import Evidence
from gmsa_doctor.core.exit_code import ExitCode

T = TypeVar("T")
_WAIVERS = CheckId("config.waivers")


class Status(StrEnum):
    """The result of a check for a subject."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"
    """The question was asked and could not be answered: denied, throttled, timed out."""
    SKIPPED = "skipped"
    """Not asked: other findings in the way, out of reach from here, not selected."""
    ERROR = "error"
    """A bug of our own (or of a plug-in): the check crashed."""
    WAIVED = "waived"


class Verdict(StrEnum):
    """The result of a run."""

    PASS = "pass"
    """Nothing failed, and the live flow got the gMSA's ticket."""
    UNPROVEN = "unproven"
    """Nothing failed, but the live flow did not get as far as the ticket."""
    FAIL = "fail"
    """A failure at or above ``--fail-on``."""
    INCOMPLETE = "incomplete"
    """Something is ``unknown`` or ``error``, or what ``--require`` names was skipped."""


class Step(StrEnum):
    """The nine steps from the task definition to the ticket, in the order of Credentials Fetcher."""

    TASK = "task"
    CREDSPEC = "credspec"
    SECRET = "secret"
    DNS = "dns"
    USER_LOGON = "user-logon"
    LDAP_BIND = "ldap-bind"
    GMSA_PASSWORD = "gmsa-password"
    GMSA_TICKET = "gmsa-ticket"
    SERVICE_TICKET = "service-ticket"


class Cause(StrEnum):
    """The four causes that AWS documents for a gMSA task that does not start.

    Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-linux-gmsa.html
    """

    TASK_DEFINITION = "task-definition"
    CREDSPEC = "credspec"
    CREDENTIALS = "credentials"
    DHCP_OPTIONS = "dhcp-options"

    @property
    def step(self) -> Step:
        """The step of a check that names its cause only: the causes are the first four steps."""
        return list(Step)[list(Cause).index(self)]


class Owner(StrEnum):
    """Who can fix a finding: an administrator of the account or the directory, or the application's developer."""

    AWS = "aws"
    AD = "ad"
    DEVELOPER = "developer"


@dataclass(frozen=True)
class Fix:
    """How to fix a finding: a sentence, and commands with the real names filled in.

    ``owner`` is set where somebody else than the check's owner can fix it. In a command that begins with
    ``gmsa-doctor check …`` or ``gmsa-doctor run …``, the ``…`` stands for the subject's own options: the run fills
    them in. ``change`` does the same to the finding's file, if that is mechanical.
    """

    text: str
    commands: tuple[str, ...] = ()
    owner: Owner | None = None
    change: Change | None = None


@dataclass(frozen=True)
class ShowsAs:
    """What Credentials Fetcher makes a user see: the stable part of its text, by daemon version.

    ``None``: that version does not stumble over it. ``likeliest`` are ids of checks, likeliest first:
    what usually stands behind the text when somebody pastes it.
    """

    v2: str | None = None
    v1_3: str | None = None
    likeliest: tuple[CheckId, ...] = ()


@dataclass(frozen=True)
class Row:
    """One of many of a kind (a domain controller, a subnet) within a finding."""

    name: str
    status: Status
    text: str


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a file; line and column count from 1."""

    file: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)


@dataclass(frozen=True)
class Finding:
    """A check's result for a subject.

    An author makes one with :func:`passed`, :func:`warned`, :func:`failed`, :func:`unknown` or
    :func:`skipped`; the engine fills in ``cause``, ``step``, ``owner``, ``docs``, ``root`` and ``duration_ms``,
    and ``check`` unless the author has raised the finding under another id, where its cause belongs. ``vantage``
    is where it was seen from, ``inside`` or ``outside``. ``overruled_by`` names a check whose pass, seen from inside,
    makes this failure a warning, and this warning a pass: what was observed overrules what was deduced.
    """

    status: Status
    summary: str
    observed: str | None = None
    expected: str | None = None
    fix: Fix | None = None
    shows_as: ShowsAs | None = None
    rows: tuple[Row, ...] = ()
    because: tuple[str, ...] = ()
    check: str = ""
    cause: Cause | None = None
    step: Step | None = None
    owner: Owner | None = None
    origin: str = "gmsa-doctor"
    """The distribution that declares the check."""
    docs: str | None = None
    root: bool = False
    vantage: str | None = None
    overruled_by: CheckId | None = None
    about: str = ""
    """What of a file this finding points to, if it is not what its check is about (``Check.about``)."""
    location: Location | None = None
    """Where in the files that were given the cause stands; the run fills it in."""
    fault: str | None = None
    """What is broken for more checks than this one: see :class:`gmsa_doctor.core.errors.ClientError`."""
    evidence: tuple[Evidence, ...] = ()
    """What was recorded that this finding explains; the run fills it in."""
    changed: str = ""
    """When what was checked was last changed (ISO 8601), as far as it says so."""
    duration_ms: int = field(default=0, compare=False)

    @property
    def is_failure(self) -> bool:
        """Whether it fails the run: a failure, or a warning that is a root cause (``--fail-on warn``)."""
        return self.status is Status.FAIL or (self.status is Status.WARN and self.root)

    @property
    def has_evidence(self) -> bool:
        """Whether a text that is not out of date shows this fault."""
        return any(not evidence.stale for evidence in self.evidence)

    def rooted(self, fail_on_warning: bool) -> Finding:
        """With ``--fail-on warn`` a warning is a root cause too."""
        return replace(self, root=True) if fail_on_warning and self.status is Status.WARN else self

    def to_warning(self, reason: str = "") -> Finding:
        """A failure as a warning, with ``reason`` at the end of its summary. Other findings stay as they are."""
        if self.status is not Status.FAIL:
            return self
        return replace(self, status=Status.WARN, summary=f"{self.summary}{reason}", overruled_by=None)

    def overruled(self, observation: str) -> Finding:
        """A failure that an observation contradicts, as a warning without the daemon's text; a doubt as a pass."""
        if self.status is Status.WARN and self.overruled_by:
            found = replace(self, status=Status.PASS, summary=observation, expected=None, fix=None, shows_as=None)
            return replace(found, root=False, overruled_by=None)
        warning = self.to_warning(f"; but {observation}")
        return self if warning is self else replace(warning, shows_as=None)


@dataclass(frozen=True)
class Given(Generic[T]):
    """A value that a check gives, with the finding that goes with it: a pass, a warning, or the failure it tells of."""

    value: T
    finding: Finding


Result: TypeAlias = Union[Given[T], Finding]  # noqa: UP007 - a generic alias needs Union in 3.11
"""What a check that gives a ``T`` returns: the value with its finding, or the finding in the way."""


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """As the type of a parameter: the value, or the finding that stands in its way.

    A check that takes an ``Outcome[T]`` is not skipped when there is no ``T``.
    """

    value: T | None
    finding: Finding


class Stop(Exception):
    """Ends a check with a finding, from anywhere below it."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.summary)
        self.finding = finding


def passed(summary: str, *, observed: str | None = None, rows: tuple[Row, ...] = (), changed: str = "") -> Finding:
    """All is well; ``summary`` says what was seen."""
    return Finding(Status.PASS, summary, observed=observed, rows=rows, changed=changed)


def warned(
    summary: str,
    *,
    observed: str | None = None,
    expected: str | None = None,
    fix: Fix | None = None,
    shows_as: ShowsAs | None = None,
    rows: tuple[Row, ...] = (),
) -> Finding:
    """Not a failure as far as can be known, but worth a look."""
    return Finding(Status.WARN, summary, observed, expected, fix, shows_as, rows)


def failed(
    summary: str,
    *,
    observed: str | None = None,
    expected: str | None = None,
    fix: Fix | None = None,
    shows_as: ShowsAs | None = None,
    rows: tuple[Row, ...] = (),
    overruled_by: CheckId | None = None,
) -> Finding:
    """The task cannot work like this."""
    return Finding(Status.FAIL, summary, observed, expected, fix, shows_as, rows, overruled_by=overruled_by)


def unknown(
    summary: str,
    *,
    observed: str | None = None,
    expected: str | None = None,
    fix: Fix | None = None,
    rows: tuple[Row, ...] = (),
) -> Finding:
    """The question was asked and could not be answered."""
    return Finding(Status.UNKNOWN, summary, observed, expected, fix, rows=rows)


def skipped(summary: str, *, fix: Fix | None = None) -> Finding:
    """The question was not asked."""
    return Finding(Status.SKIPPED, summary, fix=fix)


@dataclass(frozen=True)
class Need:
    """A parameter of a check: the type it asks for, and whether a missing value skips the check."""

    parameter: str
    type: type
    outcome: bool = False


@dataclass(frozen=True)
class Explanation:
    """What ``gmsa-doctor explain`` and the documentation say about a check."""

    what: str
    why: str
    fix: str


@dataclass(frozen=True)
class Check:
    """A function with an id that ends in a finding and may give a value."""

    id: str
    title: str
    function: Callable[..., Any]
    needs: tuple[Need, ...]
    gives: type | None
    cause: Cause | None
    docs: str
    explanation: Explanation
    shows: tuple[ShowsAs, ...] = ()
    limit: float = 30.0
    origin: str = "gmsa-doctor"
    step: Step | None = None
    owner: Owner | None = None
    is_supplementary: bool = False
    """Whether the verdict rests on the other checks if this one is ``unknown``."""
    about: str = ""
    """What of a file its findings point to: ``task/…``, ``container/…`` or ``credspec/…``, keys and indexes."""

    @property
    def area(self) -> str:
        """The part of the id before the dot."""
        return self.id.partition(".")[0]


@dataclass(frozen=True)
class SubjectReport:
    """The findings for one subject.

    ``facts`` are what the header shows of it, in order: ``subject``, ``task_definition``, ``service``, ``container``,
    ``account``, ``region`` and ``vantage``, as far as known.
    """

    name: str
    facts: tuple[tuple[str, str], ...]
    findings: tuple[Finding, ...]

    def finding(self, check: str) -> Finding | None:
        """The finding of the check with that id."""
        return next((f for f in self.findings if f.check == check), None)


@dataclass(frozen=True)
class UnreadFile:
    """A file that could not be read, with the place in it, if known. ``is_late``: the run had to end before."""

    location: Location
    reason: str
    is_late: bool = False

    @property
    def text(self) -> str:
        """The reason, after the line and the column."""
        line, column = self.location.line, self.location.column
        return f"line {line}, column {column}: {self.reason}" if line else self.reason


@dataclass(frozen=True)
class Report:
    """A whole run. ``missing`` are the ids that ``--require`` names and that were skipped.

    ``started`` is in UTC (ISO 8601); ``command`` has no secrets; ``static``: the user asked for static checks only.
    """

    version: str
    verdict: Verdict
    subjects: tuple[SubjectReport, ...]
    root_causes: tuple[str, ...]
    counts: tuple[tuple[Status, int], ...]
    duration_ms: int = 0
    interrupted: bool = False
    missing: tuple[str, ...] = ()
    unread: tuple[UnreadFile, ...] = ()
    passed_over: int = 0
    services_passed_over: int = 0
    """How many task definitions in the files, and services, do not use a gMSA, and were not checked."""
    started: str = ""
    command: str = ""
    static: bool = False

    @property
    def nothing_to_check(self) -> bool:
        """Whether no subject was found. The configuration with its waivers is not one."""
        ids = (finding.check for subject in self.subjects for finding in subject.findings)
        return not self.unread and not any(id != _WAIVERS for id in ids)

    @property
    def exit_code(self) -> ExitCode:
        """What a command that made this report ends with."""
        if self.interrupted or any(not unread.is_late for unread in self.unread):
            return ExitCode.INTERRUPTED if self.interrupted else ExitCode.USAGE
        if self.verdict is Verdict.FAIL:
            return ExitCode.FAIL
        is_pass = self.verdict is Verdict.PASS or (self.static and self.verdict is Verdict.UNPROVEN)
        return ExitCode.PASS if is_pass else ExitCode.INCOMPLETE
