"""``--wait``: what is wrong may be about to pass, so it is looked at again."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from gmsa_doctor.core.check_id import CheckId
from gmsa_doctor.core.model import Status, SubjectReport

_LAB_PACE = os.environ.get("GMSA_DOCTOR_LAB_PACE", "")
PACE = float(_LAB_PACE) if re.fullmatch(r"0?\.\d+", _LAB_PACE) else 1.0
"""Scales all pauses. Only our own tests set the variable, to a fraction below 1; any other text has no effect."""
PAUSE_SECONDS = 5.0 * PACE
TRANSIENT = frozenset(
    {
        CheckId("dns.domain-controllers"),
        CheckId("kerberos.user-ticket"),
        CheckId("directory.gmsa-account"),
        CheckId("directory.managed-password"),
        CheckId("kerberos.gmsa-ticket"),
    }
)
"""What takes a while after it was set right: DNS that was changed, a secret that was rotated, a gMSA that was made or
permitted, and domain controllers that have yet to hear of it."""


def awaited(subjects: Iterable[SubjectReport]) -> tuple[str, ...]:
    """The root causes that may pass by themselves; none if there are others, which will not."""
    roots = [finding for subject in subjects for finding in subject.findings if finding.root]
    ids = tuple(dict.fromkeys(root.check for root in roots if root.status is not Status.WARN))
    return ids if set(ids) <= TRANSIENT else ()
