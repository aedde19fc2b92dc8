"""Amazon RDS: the domain that a DB instance is joined to."""

from __future__ import annotations

from typing import Any

from gmsa_doctor.clients.aws.session import AwsClient, operation
from gmsa_doctor.clients.aws.transport import the_only


class Rds(AwsClient):
    """Amazon RDS."""

    service = "rds"

    @operation("rds:DescribeDBInstances")
    def instance(self, id: str) -> dict[str, Any]:
        """A DB instance: Endpoint, DomainMemberships. Raises NotFound."""
        return the_only(self.api.describe_db_instances(DBInstanceIdentifier=id)["DBInstances"])
