"""Validates JSON reports against the schema. Equal findings are validated once: scenarios have most in common."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema

from gmsa_doctor.report import schema

SCHEMA: dict[str, Any] = json.loads(schema.text())
_PLAIN = jsonschema.validators.validator_for(SCHEMA)
_valid: set[tuple[str, str]] = set()
"""Values that are valid, each with the `$ref` of its schema."""


def assert_fits(document: dict[str, Any]) -> None:
    """Raise jsonschema.ValidationError if the report does not fit the schema."""
    _VALIDATOR.validate(document)


def _lasting(value: object) -> object:
    """Give the value without a valid duration, which differs from run to run."""
    if isinstance(value, dict) and type(duration := value.get("duration_ms")) is int and duration >= 0:
        return {**value, "duration_ms": 0}
    return value


def _reference(validator: Any, reference: str, value: object, part: Any) -> Iterator[jsonschema.ValidationError]:
    """Follow a `$ref`, unless an equal value was valid before."""
    key = (reference, json.dumps(_lasting(value), sort_keys=True))
    if key in _valid:
        return
    errors = list(_PLAIN.VALIDATORS["$ref"](validator, reference, value, part))
    if not errors:
        _valid.add(key)
    yield from errors


_VALIDATOR: Any = jsonschema.validators.extend(_PLAIN, {"$ref": _reference})(SCHEMA)  # type: ignore[no-untyped-call]
