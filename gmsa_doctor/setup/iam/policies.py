"""The IAM policy for each purpose."""

from __future__ import annotations

from typing import Any

from gmsa_doctor.setup.iam import fleet, statements
from gmsa_doctor.setup.iam.scope import Purpose, Scope


def policy(purpose: Purpose, scope: Scope) -> dict[str, Any]:
    """The policy document. Raises KeyError for a declared action without a statement."""
    make = fleet.policy if purpose in fleet.PURPOSES else statements.policy
    return make(purpose, scope)
