"""What a support case needs of an attempt: documents, records and calls. Nothing is requested again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from gmsa_doctor.checking.check import Attempt
from gmsa_doctor.clients.aws.ecs import Ecs
from gmsa_doctor.clients.aws.secrets_manager import SecretsManager, SecretText
from gmsa_doctor.core.hidden import Hidden
from gmsa_doctor.core.model import Given
from gmsa_doctor.formats.documents.json_text import Document, parse
from gmsa_doctor.given.records import RECORDS
from gmsa_doctor.given.shared_values import CredSpecObject
from gmsa_doctor.report.support_case.material import Material

T = TypeVar("T")
_MOST = 50
"""Documents of a kind: a repository has thousands."""
_NOT_SECRET = frozenset({"username", "domainname", "distinguishedname"})
"""The keys of the secret whose values the reports name."""
_SECRET_NAME = re.compile(r"pass(word|wd|phrase)|\bpwd|secret|token|api_?key|private_?key|credential", re.IGNORECASE)
_PASSWORD = re.compile(r"(?:password|pwd)\s*=\s*(\"[^\"]+\"|'[^']+'|\{[^}]+\}|[^;\s]+)", re.IGNORECASE)


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
    known = [*_of_environment(definitions), *(_of_secrets(secrets) if isinstance(secrets, SecretsManager) else ())]
    return Material(
        task_definitions=_each_once(definitions),
        credspecs=_each_once(credspecs),
        services=_each_once(answers.get("ecs:DescribeServices", ())),
        tasks=_each_once(tasks),
        records=_each_once(records),
        calls=tuple(ecs.aws.calls) if isinstance(ecs, Ecs) else (),
        secrets=frozenset(Hidden(value) for value in known if _is_distinct(value)),
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


def _of_secrets(client: SecretsManager) -> Iterator[str]:
    """The values of the secrets that were read, except those that the reports name."""
    for _, answer in client.answers.items():
        text = answer.text if isinstance(answer, SecretText) else None
        if text is None:
            continue
        document = parse(text.reveal())
        content = document.value if isinstance(document, Document) else None
        if isinstance(content, dict):
            yield from _texts([value for key, value in content.items() if key.casefold() not in _NOT_SECRET])
        else:
            yield text.reveal()


def _of_environment(definitions: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The values of variables, labels and options whose name says that they are secret, and passwords in others."""
    for definition in definitions:
        for container in definition.get("containerDefinitions") or ():
            for name, value in _named_values(container):
                if _SECRET_NAME.search(name):
                    yield value
                yield from (match.strip("\"'{}") for match in _PASSWORD.findall(value))


def _named_values(container: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(container, dict):
        return
    for entry in container.get("environment") or ():
        if isinstance(entry, dict) and isinstance(entry.get("value"), str):
            yield str(entry.get("name")), entry["value"]
    logs = container.get("logConfiguration")
    for values in (container.get("dockerLabels"), logs.get("options") if isinstance(logs, dict) else None):
        if isinstance(values, dict):
            yield from ((str(name), value) for name, value in values.items() if isinstance(value, str))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


def _is_distinct(value: str) -> bool:
    """Whether it is no word that the reports use for something else; lists of patterns find those in their place."""
    return len(value) >= 6 and not re.fullmatch(r"[a-z._-]+|[A-Z._-]+|\$\{.*\}", value)
