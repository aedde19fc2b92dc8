"""What the probe is handed: the checks to run, and the values found outside, as one text for an environment variable.

No secret is among them: the codec refuses one, and the values of the secret are read by the probe itself.
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
"""Characters: ECS takes task definitions of up to 64 KB."""


@dataclass(frozen=True)
class Handover:
    """What a probe needs to know. ``cases`` hold values, and findings in place of values."""

    run: str
    selected: tuple[str, ...]
    seconds: float
    """For the checks."""
    region: str | None
    report_s3: str | None
    cases: tuple[Case, ...]


def write(handover: Handover) -> str:
    """The text for :data:`VARIABLE`. Raises UsageError if it is too long for a task definition."""
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
        raise UsageError(
            f"what the probe is to be handed has {len(text)} characters, more than a task definition takes: "
            "name one container with --container"
        )
    return text


def read(text: str, registry: Registry) -> Handover:
    """What :func:`write` has written. Raises UsageError for another text."""
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
            f"{VARIABLE} holds no hand-over of this version ({__version__}): "
            f"let `gmsa-doctor run` and the image be of one version ({type(error).__name__})"
        ) from None


def _written(values: Mapping[type, object]) -> dict[str, Any]:
    return {_name(kind): _entry(kind, value) for kind, value in values.items()}


def _entry(kind: type, value: object) -> dict[str, Any]:
    """A plug-in's value may be no plain data: then the probe is told so in its place."""
    try:
        return {"finding" if isinstance(value, Finding) else "value": encode(value)}
    except CodecError as error:
        return {"finding": encode(skipped(f"{kind.__name__} cannot be handed to the probe: {error}"))}


def _read(values: Mapping[str, Any], known: Mapping[str, type]) -> Iterable[tuple[type, object]]:
    """Values of types that no check here takes are passed over: a plug-in that is not in the image."""
    for name, entry in values.items():
        kind = known.get(name)
        if kind is not None:
            yield kind, decode(Finding, entry["finding"]) if "finding" in entry else decode(kind, entry["value"])


def _types(registry: Registry) -> dict[str, type]:
    return {_name(need.type): need.type for check in registry.checks for need in check.needs}


def _name(kind: type) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"
