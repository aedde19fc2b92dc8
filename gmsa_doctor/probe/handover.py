"""The probe's input in an environment variable: the checks to run, and the values found outside.

It contains no secret: the codec rejects secrets, and the probe reads the secret itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gmsa_doctor import __version__
from gmsa_doctor.core.engine import Case
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.core.model import Finding, skipped
from gmsa_doctor.core.registry import Registry
from gmsa_doctor.probe.codec import CodecError, decode, encode
from gmsa_doctor.probe.envelope import pack, unpack

VARIABLE = "GMSA_DOCTOR_PROBE"
LIMIT = 48 * 1024
"""Characters: a task definition has at most 64 KB."""


class TooLong(UsageError):
    """The input is too long for a task definition."""


@dataclass(frozen=True)
class Handover:
    """The input of a probe. ``cases`` hold values, and findings in place of values."""

    run: str
    selected: tuple[str, ...]
    seconds: float
    """For the checks."""
    region: str | None
    report_s3: str | None
    cases: tuple[Case, ...]


def write(handover: Handover) -> str:
    """The text for :data:`VARIABLE`. Raises TooLong."""
    document = {
        "tool": __version__,
        "run": handover.run,
        "selected": list(handover.selected),
        "seconds": handover.seconds,
        "region": handover.region,
        "report_s3": handover.report_s3,
        "cases": [{"name": case.name, "values": _written(case.given)} for case in handover.cases],
    }
    text = pack(json.dumps(document, separators=(",", ":")).encode())
    if len(text) > LIMIT:
        raise TooLong(
            f"the probe's input has {len(text)} characters, too many for a task definition: "
            "name one container with --container"
        )
    return text


def read(text: str, registry: Registry) -> Handover:
    """The input from a text of :func:`write`. Raises UsageError for any other text."""
    try:
        document = json.loads(unpack(text))
        if document["tool"] != __version__:
            raise ValueError(document["tool"])
        known = _types(registry)
        cases = tuple(Case(str(case["name"]), dict(_read(case["values"], known))) for case in document["cases"])
        return Handover(
            str(document["run"]),
            tuple(map(str, document["selected"])),
            float(document["seconds"]),
            document["region"],
            document["report_s3"],
            cases,
        )
    except (ValueError, KeyError, TypeError, CodecError) as error:
        raise UsageError(
            f"{VARIABLE} was not written by this version ({__version__}): "
            f"use the same version of `gmsa-doctor run` and of the image ({type(error).__name__})"
        ) from None


def report_s3(text: str) -> str | None:
    """Where the probes of a run wrote their reports, from the text of any version; None if not to S3."""
    try:
        uri = json.loads(unpack(text))["report_s3"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return uri if isinstance(uri, str) else None


def _written(values: Mapping[type, object]) -> dict[str, Any]:
    return {_name(kind): _entry(kind, value) for kind, value in values.items()}


def _entry(kind: type, value: object) -> dict[str, Any]:
    """A value, or a finding in its place: a plug-in's value may not be plain data."""
    try:
        return {"finding" if isinstance(value, Finding) else "value": encode(value)}
    except CodecError as error:
        return {"finding": encode(skipped(f"{kind.__name__} cannot be passed to the probe: {error}"))}


def _read(values: Mapping[str, Any], known: Mapping[str, type]) -> Iterable[tuple[type, object]]:
    """The values, without those of unknown types: the image may lack a plug-in."""
    for name, entry in values.items():
        kind = known.get(name)
        if kind is not None:
            yield kind, decode(Finding, entry["finding"]) if "finding" in entry else decode(kind, entry["value"])


def _types(registry: Registry) -> dict[str, type]:
    return {_name(need.type): need.type for check in registry.checks for need in check.needs}


def _name(kind: type) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"
