"""One call of a check: whatever it does ends in a finding."""

from __future__ import annotations

import time
import traceback
from pathlib import PurePath
from typing import Any

from gmsa_doctor.core.changed_copy import changed_copy
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.core.model import Check, Finding, Given, Outcome, Status, Stop


def call(check: Check, arguments: tuple[Any, ...]) -> Outcome[Any]:
    """Run the check; whatever it does ends in a finding."""
    value: object = None
    started = time.monotonic()
    try:
        result = check.function(*arguments)
    except Stop as stop:
        finding = stop.finding
    except ClientError as error:
        finding = error.finding()
    except BaseException as error:  # noqa: BLE001 - crash isolation: the run goes on, whatever a plug-in raises
        finding = _crash(error)
    else:
        value, finding = _value_and_finding(check, result)
    return Outcome(value, changed_copy(finding, duration_ms=since(started)))


def named(result: Outcome[Any], check: Check) -> Outcome[Any]:
    """With the check's id, unless it is reported as another check's."""
    finding = result.finding
    return result if finding.check else Outcome(result.value, changed_copy(finding, check=check.id))


def _value_and_finding(check: Check, result: object) -> tuple[object, Finding]:
    if isinstance(result, Given) and check.gives and isinstance(result.value, check.gives):
        return result.value, result.finding
    if isinstance(result, Finding) and (check.gives is None or result.status is not Status.PASS):
        return None, result
    wanted = f"a {check.gives.__name__} with its finding" if check.gives else "a finding"
    text = f"the check {check.id} returned neither {wanted} nor a finding that says why not"
    return None, Finding(Status.ERROR, text)


def _crash(error: BaseException) -> Finding:
    """Where it crashed. Neither the error's text nor any local is shown: they may hold a secret."""
    frames = traceback.extract_tb(error.__traceback__)[1:]
    path = " → ".join(f"{PurePath(frame.filename).name}:{frame.lineno} in {frame.name}" for frame in frames)
    return Finding(
        Status.ERROR,
        f"the check crashed with {type(error).__name__}; this is a bug in gmsa-doctor or a plug-in",
        observed=path or type(error).__name__,
    )


def since(started: float) -> int:
    """Milliseconds since then, by the monotonic clock."""
    return round((time.monotonic() - started) * 1000)
