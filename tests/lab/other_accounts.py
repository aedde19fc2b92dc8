"""Other accounts of the embedded AWS. Each has a role of the name `LAB_ROLE`, with which the lab makes resources."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.lab.aws import EmbeddedAws

LAB_ROLE = "laboratory"


class OtherAccount:
    """An account of the embedded AWS, for what the lab makes there; its calls are neither recorded nor spoiled."""

    def __init__(self, aws: "EmbeddedAws", account: str) -> None:
        self.id = account
        self._aws = aws
        self._credentials: Mapping[str, Any] | None = None
        self._clients: dict[tuple[str, str], Any] = {}

    def client(self, service: str, region: str = "us-east-1") -> Any:
        """Give the lab's boto3 client of this account, made once."""
        if self._credentials is None:
            role = f"arn:aws:iam::{self.id}:role/{LAB_ROLE}"
            answer = self._aws.client("sts").assume_role(RoleArn=role, RoleSessionName=LAB_ROLE)
            self._credentials = answer["Credentials"]
        key = (service, region)
        if key not in self._clients:
            self._clients[key] = self._aws.client_with(self._credentials, service, region)
        return self._clients[key]

    def backend(self, service: str, region: str = "us-east-1") -> Any:
        """Give what moto keeps of a service in this account, to be changed there."""
        from moto.backends import get_backend

        return get_backend(service)[self.id][region]  # type: ignore[call-overload]
