"""The credentials of a role: shared by the sessions of an account, and renewed before they expire."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gmsa_doctor.clients.aws.assumed_role import AssumedRole, RoleEntry
from gmsa_doctor.clients.aws.session import Aws

ROLE = "arn:aws:iam::222222222222:role/gmsa-doctor"


@pytest.fixture
def assumed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str | None]]:
    """The roles that were assumed; the first credentials expire in five minutes, the others in an hour."""
    found: list[tuple[str, str | None]] = []

    def assume(self: RoleEntry, role: str, external_id: str | None) -> dict[str, str]:
        found.append((role, external_id))
        expires = datetime.now(UTC) + timedelta(minutes=5 if len(found) == 1 else 60)
        return {
            "access_key": f"ASIA{len(found)}",
            "secret_key": "s",
            "token": "t",
            "expiry_time": expires.isoformat(),
        }

    monkeypatch.setattr(RoleEntry, "assume", assume)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    return found


def key(aws: Aws) -> Any:
    return aws.client("ecs")._request_signer._credentials.get_frozen_credentials().access_key


def test_sessions_of_an_account_share_credentials_that_are_renewed(assumed: list[tuple[str, str | None]]) -> None:
    role = AssumedRole(Aws(region="us-east-1"), ROLE, "x-7")
    first, second = Aws(region="us-east-1", role=role), Aws(region="eu-west-1", role=role)
    assert assumed == []
    role.enter()
    assert (key(first), key(second), key(first)) == ("ASIA2", "ASIA2", "ASIA2")
    assert assumed == [(ROLE, "x-7")] * 2
    assert first.has_credentials()
