"""Other accounts of the embedded AWS."""

from typing import Any

from tests.lab.aws import ACCOUNT, EmbeddedAws
from tests.lab.creation import create
from tests.lab.environment import Created, Environment


class Member:
    """The embedded AWS as somebody sees it who has assumed a role in another account."""

    def __init__(self, aws: EmbeddedAws, account: str) -> None:
        arn = f"arn:aws:iam::{account}:role/maker"
        self._credentials = aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="maker")["Credentials"]
        self._aws, self.account = aws, account
        self._clients: dict[tuple[str, str], Any] = {}
        self.player, self.empty = aws.player, False

    def client(self, service: str, region: str = "us-east-1") -> Any:
        """Give the boto3 client of this account, made once."""
        self._aws.player.change(service)
        key = (service, region)
        if key not in self._clients:
            self._clients[key] = self._aws.client_with(self._credentials, service, region)
        return self._clients[key]

    def create(self, environment: Environment) -> Created:
        """Make the environment in this account. It has no directory of Directory Service."""
        role = environment.task_definition["executionRoleArn"].replace(ACCOUNT, self.account)
        environment.task_definition["executionRoleArn"] = role
        return create(environment, self)  # type: ignore[arg-type]
