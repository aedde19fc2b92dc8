"""Values in a task definition, a secret or a template that are secret, by their names or by what stands before them.

Sources: https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html (the keys of
secrets of databases), and
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html (NoEcho).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

from gmsa_doctor.formats.documents.json_text import Document, parse
from gmsa_doctor.formats.documents.walk import child, entries, items
from gmsa_doctor.formats.symptoms.reading import secrets_in

_NOT_SECRET = frozenset(
    {"username", "usernameofstandarduseraccount", "domainname", "distinguishedname"}
    | {"engine", "host", "port", "dbname", "dbinstanceidentifier", "dbclusteridentifier", "masterarn"}
)
"""The keys of a secret whose values the reports may name."""
_SECRET_NAME = re.compile(r"pass(word|wd|phrase)|pwd|secret|token|api_?key|private_?key|credential", re.IGNORECASE)
_PASSWORD_NAME = re.compile(r"pass(word|wd|phrase)|pwd", re.IGNORECASE)
_REFERENCE_NAME = re.compile(r"(?:arn|name|path|file|dir|bucket|region|param(?:eter)?)s?$", re.IGNORECASE)
"""The names of variables that say where a secret is: ``SECRET_ARN``, ``PASSWORD_FILE``."""

_OPTION = re.compile(r"-{0,2}[\w.-]+")
_SHORTEST = 6
_SHORTEST_WORD = 12
"""Shorter values of letters only are words: a report without them cannot be read."""
_WORD = re.compile(r"[a-z._-]+|[A-Z._-]+")
_REFERENCE = re.compile(r"\$\{.*\}|arn:aws[\w-]*:.*|credentialspec(?:domainless)?:.*", re.DOTALL)
_ORDINARY = re.compile(
    r"(?:[a-z0-9-]+\.)+(?:com|net|org|io|local|internal|lan|corp|example|test|[a-z]{2})|"
    r"(?:[a-z]{2}|us-gov|us-isob?)-(?:north|south|east|west|central)+-\d|"
    r"(?-i:/?[a-z0-9_.-]+(?:/[a-z0-9_.-]+)+)|"
    r"secretsmanager|secrets-manager|parameter-?store|active-?directory|credentials-fetcher|environment",
    re.IGNORECASE,
)
"""Hosts, regions, paths and plain words: values of variables such as ``TOKEN_ISSUER``, which are no passwords."""


def of_secret(text: str) -> Iterator[str]:
    """What is secret in the text of a secret: all of it, except what the reports name."""
    document = parse(text)
    content = document.value if isinstance(document, Document) else None
    if not isinstance(content, dict):
        yield from _distinct("password", text)
        return
    for key, value in content.items():
        if key.casefold() not in _NOT_SECRET:
            yield from _all(key, value)


def of_containers(containers: object) -> Iterator[str]:
    """What is secret in containers of a task definition, or in the overrides of containers."""
    for container in items(containers):
        for entry in items(child(container, "environment")):
            yield from _of_variable(str(child(entry, "name")), child(entry, "value"))
        for values in (child(container, "dockerLabels"), child(container, "logConfiguration", "options")):
            for name, value in entries(values).items():
                yield from _of_variable(name, value)
        for command in (("command",), ("entryPoint",), ("healthCheck", "command")):
            yield from _of_command([item for item in items(child(container, *command)) if isinstance(item, str)])


def of_parameters(declared: Mapping[str, object], given: Mapping[str, str]) -> Iterator[str]:
    """The values and defaults of a CloudFormation template's parameters that are secret by name or by NoEcho."""
    for name, parameter in declared.items():
        if str(child(parameter, "Type")).startswith("AWS::SSM::Parameter::"):
            continue  # the value is the name of a parameter
        hides = child(parameter, "NoEcho") in (True, "true", "True")
        for value in (given.get(name), child(parameter, "Default")):
            if isinstance(value, str | int):
                yield from _distinct("password", str(value)) if hides else _of_variable(name, str(value))


def _of_variable(name: str, value: object) -> Iterator[str]:
    if not isinstance(value, str):
        return
    if _is_secret(name):
        yield from _distinct(name, value)
    yield from _within(value)
    document = parse(value) if value.lstrip().startswith(("{", "[")) else None
    if isinstance(document, Document):
        yield from _named(document.value)


def _of_command(arguments: list[str]) -> Iterator[str]:
    """The values of options and variables whose names are secret, also in the command line of a shell."""
    for words in (arguments, *map(_words, arguments)):
        for word, after in zip(words, [*words[1:], ""], strict=False):
            name, equals, value = word.partition("=")
            if _OPTION.fullmatch(name) and _is_secret(name) and (equals or name.startswith("-")):
                yield from _distinct(name, value if equals else after)
    yield from _within(" ".join(arguments))


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:  # a quote without its end
        return command.split()


def _within(text: str) -> Iterator[str]:
    """Passwords in URLs and connection strings, and after options."""
    for before, value in secrets_in(text):
        name = "password" if "://" in before else before
        for form in (value, *value.split()[:1], unquote(value)):
            yield from _distinct(name, form)


def _named(value: object) -> Iterator[str]:
    """The values in a JSON document whose keys are secret."""
    for name, item in entries(value).items():
        yield from _of_variable(name, item) if isinstance(item, str) else _named(item)
    for item in items(value):
        yield from _named(item)


def _all(name: str, value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield from _distinct(name, value)
    for key, item in entries(value).items():
        yield from _all(key, item)
    for item in items(value):
        yield from _all(name, item)


def _is_secret(name: str) -> bool:
    return bool(_SECRET_NAME.search(name.replace("-", "_")) and not _REFERENCE_NAME.search(name))


def _distinct(name: str, value: str) -> Iterator[str]:
    """The value, unless the reports use it for something else; lists of patterns find those in their place."""
    if len(value) < _SHORTEST or _REFERENCE.fullmatch(value):
        return
    if len(value) < _SHORTEST_WORD and _WORD.fullmatch(value):
        return
    if _PASSWORD_NAME.search(name) or not _ORDINARY.fullmatch(value):
        yield value
