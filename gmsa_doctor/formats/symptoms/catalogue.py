"""The catalogue of error texts, one entry each in symptoms.json. Ids of checks in it are verified with the checks."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

EMITTERS = {
    "credentials-fetcher-2": "Credentials Fetcher 2.x",
    "credentials-fetcher-1.3": "Credentials Fetcher 1.3",
    "ecs-agent": "ECS agent",
    "ecs": "Amazon ECS",
    "aws": "AWS API",
    "kerberos": "Kerberos library",
    "ldap": "LDAP",
    "dotnet": ".NET (SqlClient)",
    "odbc": "ODBC driver",
    "jdbc": "JDBC driver",
    "drivers": "Other database drivers",
    "sql-server": "SQL Server",
}
APPLICATIONS = frozenset({"dotnet", "odbc", "jdbc", "drivers"})
"""Emitters whose texts show that the lines are an application's log."""
RANKS = ("no", "stage", "yes")
"""How much a text says: nothing on its own, the step that failed, or the cause."""
OUTSIDE = ("not-gmsa", "no-check")
"""What a text is that no check explains first: not a gMSA fault, or one that no check covers."""

_WORD = re.compile(r"(?<![\\a-z])([a-z0-9_]{3,}[a-z0-9_](?![?*{a-z0-9_])|[a-z0-9_]{4,}(?=[a-z0-9_][?*{]))")


@dataclass(frozen=True)
class Case:
    """Causes that apply instead of the usual ones if the line matches."""

    line: str
    causes: tuple[str, ...]


@dataclass(frozen=True)
class Symptom:
    """An error text, and what is known of it. ``causes`` and ``excludes`` are ids of checks (also areas in the latter).

    ``regex`` matches a line in lower case whose runs of white space are single spaces; without one, ``text`` is looked
    for whatever the case and the white space. ``whose`` is the account that kinit's words after this text are about.
    ``on_ec2`` is the id of the text that is seen on EC2 instead of this one of 2.x on Fargate, or ``none``: there the
    ECS agent reads the CredSpec and the secret, and calls another RPC (credentialspec_linux.go of aws/amazon-ecs-agent,
    AddNonDomainJoinedKerberosLease.go of aws/credentials-fetcher).
    """

    id: str
    text: str
    emitter: str
    versions: str
    seen_in: str
    decisive: str
    causes: tuple[str, ...]
    source: str
    regex: str = ""
    outside: str = ""
    causes_of_gmsa: tuple[str, ...] = ()
    causes_in_application: tuple[str, ...] = ()
    cases: tuple[Case, ...] = ()
    whose: str = ""
    excludes: tuple[str, ...] = ()
    rules_out: str = ""
    note: str = ""
    on_ec2: str = ""

    @property
    def rank(self) -> int:
        """The place of ``decisive`` in ``RANKS``."""
        return RANKS.index(self.decisive)

    @cached_property
    def squeezed(self) -> str:
        """The text without white space, in lower case."""
        return "".join(self.text.lower().split())

    @cached_property
    def words(self) -> frozenset[str]:
        """Words of the pattern; a text without any of them cannot match. Compiling a pattern takes longer."""
        return frozenset(match[1] for match in _WORD.finditer(self.regex))

    @property
    def referenced(self) -> tuple[str, ...]:
        """Each check that it names as a cause."""
        others = (self.causes_of_gmsa, self.causes_in_application, *(case.causes for case in self.cases))
        return tuple(dict.fromkeys([*self.causes, *(id for causes in others for id in causes)]))

    def rules_out_check(self, id: str) -> bool:
        """Whether the text shows that this check's fault is not the cause."""
        return id in self.excludes or id.partition(".")[0] in self.excludes


@cache
def symptoms() -> Mapping[str, Symptom]:
    """Every entry by its id, in the order of the file."""
    entries = json.loads(Path(__file__).with_name("symptoms.json").read_text(encoding="utf-8"))
    return {entry["id"]: _symptom(entry) for entry in entries}


def _symptom(entry: dict[str, Any]) -> Symptom:
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    values["cases"] = tuple(Case(case["line"], tuple(case["causes"])) for case in entry.get("cases", ()))
    return Symptom(**values)


@cache
def _on_ec2() -> Mapping[str, Symptom | None]:
    known = symptoms()
    return {symptom.text: known.get(symptom.on_ec2) for symptom in known.values() if symptom.on_ec2}


def seen_on_ec2(v2: str | None, v1_3: str | None) -> tuple[str | None, str | None]:
    """The texts of 2.x and 1.3 as they are seen on EC2. What the ECS agent reports comes before either version's."""
    if v2 is None or v2 not in _on_ec2():
        return v2, v1_3
    symptom = _on_ec2()[v2]
    if symptom is None:
        return None, v1_3
    return symptom.text, symptom.text if symptom.emitter == "ecs-agent" else v1_3


def of_check(id: str) -> list[Symptom]:
    """The texts that a check may explain, those whose first cause it is first."""
    found = [symptom for symptom in symptoms().values() if id in symptom.referenced]
    return sorted(found, key=lambda symptom: symptom.referenced.index(id))
