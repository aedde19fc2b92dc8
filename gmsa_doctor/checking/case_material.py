"""What a support case needs of an attempt: documents, records and calls. Nothing is requested again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, TypeVar

from gmsa_doctor.checking.check import Attempt
from gmsa_doctor.clients.aws.ecs import Ecs
from gmsa_doctor.clients.aws.secrets_manager import SecretsManager, SecretText
from gmsa_doctor.core.hidden import Hidden
from gmsa_doctor.core.model import Given
from gmsa_doctor.formats.documents import known_secrets
from gmsa_doctor.formats.documents.walk import child
from gmsa_doctor.given.records import RECORDS
from gmsa_doctor.given.shared_values import CredSpecObject
from gmsa_doctor.report.support_case.material import Material

T = TypeVar("T")
_MOST = 50
"""Documents of a kind: a repository has thousands."""


def material_of(attempt: Attempt) -> Material:
    """The documents that the checks of this attempt have read."""
    given = attempt.cases[0].given if attempt.cases else {}
    ecs, secrets = given.get(Ecs), given.get(SecretsManager)
    answers = dict(_answers(ecs)) if isinstance(ecs, Ecs) else {}
    definitions = [*answers.get("ecs:DescribeTaskDefinition", ()), *_in_files(attempt)]
    tasks = [task for answer in answers.get("ecs:DescribeTasks", ()) for task in _items(answer)]
    credspecs = [found for case, values in _values(attempt) if (found := _credspec(case, values))]
    records = [
        record
        for _, values in _values(attempt)
        for kind in RECORDS
        if isinstance(value := values.get(kind), kind)
        for record in value.records
    ]
    containers = [definition.get("containerDefinitions") for definition in definitions]
    containers += [child(task, "overrides", "containerOverrides") for task in tasks]
    known = {*chain.from_iterable(map(known_secrets.of_containers, containers)), *_of_secrets(secrets)}
    return Material(
        task_definitions=_each_once(definitions),
        credspecs=_each_once(credspecs),
        services=_each_once(answers.get("ecs:DescribeServices", ())),
        tasks=_each_once(tasks),
        records=_each_once(records),
        calls=tuple(ecs.aws.calls) if isinstance(ecs, Ecs) else (),
        secrets=attempt.not_checked.secrets.union(map(Hidden, known)),
    )


def _values(attempt: Attempt) -> Iterator[tuple[Mapping[type, object], Mapping[type, object]]]:
    return ((case.given, values) for case, values in zip(attempt.cases, attempt.execution.values, strict=True))


def _credspec(given: Mapping[type, object], values: Mapping[type, object]) -> tuple[str, bytes] | None:
    found = values.get(CredSpecObject) or given.get(CredSpecObject)
    value = found.value if isinstance(found, Given) else found
    return (value.location.name, value.body) if isinstance(value, CredSpecObject) else None


def _answers(ecs: Ecs) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for request, answer in ecs.answers.items():
        if isinstance(request, tuple) and answer:
            found.setdefault(str(request[0]), []).append(answer)
    return found


def _items(answer: Any) -> list[Any]:
    return answer if isinstance(answer, list) else [answer]


def _in_files(attempt: Attempt) -> Iterator[Mapping[str, Any]]:
    for found in attempt.found:
        located = found.positions.located
        if located and isinstance(located.value, dict):
            yield located.value.get("taskDefinition") or located.value


def _each_once(items: Iterable[T]) -> tuple[T, ...]:
    found: list[T] = []
    for item in items:
        if item not in found and len(found) < _MOST:
            found.append(item)
    return tuple(found)


# Values that are known to be secret ------------------------------------------------------------------


def _of_secrets(client: object) -> Iterator[str]:
    for _, answer in client.answers.items() if isinstance(client, SecretsManager) else ():
        if isinstance(answer, SecretText) and answer.text is not None:
            yield from known_secrets.of_secret(answer.text.reveal())
