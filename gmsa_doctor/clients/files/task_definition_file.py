"""A task definition from a file or from standard input."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.formats.documents.task_definition import TaskDefinition, TaskDefinitionError, read_task_definition

FILE_LIMIT = 1024 * 1024
"""Bytes of a file to read at most: 16 times the limit of ECS."""

_WANTED = (
    "Use the output of `aws ecs describe-task-definition` or the input of "
    "`aws ecs register-task-definition --cli-input-json`."
)


def read(name: str) -> TaskDefinition:
    """Read the file, or standard input for ``-``. Raises UsageError with the supported formats."""
    try:
        body = _first_bytes(name)
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}. {_WANTED}") from error
    if len(body) > FILE_LIMIT:
        raise UsageError(f"{name} is larger than any task definition ({FILE_LIMIT} bytes). {_WANTED}")
    try:
        return read_task_definition(json.loads(body))
    except TaskDefinitionError as error:
        raise UsageError(f"{name} is not a task definition: {error}. {_WANTED}") from error
    except (ValueError, RecursionError) as error:  # invalid UTF-8 or JSON, or a number with 5000 digits
        raise UsageError(f"{name} is not JSON: {error}. {_WANTED}") from error


def _first_bytes(name: str) -> bytes:
    if name != "-":
        with Path(name).open("rb") as file:
            return file.read(FILE_LIMIT + 1)
    if not sys.stdin:
        raise UsageError(f"standard input is closed. {_WANTED}")
    return sys.stdin.buffer.read(FILE_LIMIT + 1)
