"""What starts a task beside its CredSpec: the repositories of its images, and the groups that its logs go to."""

from __future__ import annotations

from gmsa_doctor.clients.aws.session import AwsClient, error_code, operation


class Ecr(AwsClient):
    """Amazon ECR."""

    service = "ecr"

    @operation("ecr:GetRepositoryPolicy")
    def policy(self, repository: str, account: str) -> str | None:
        """The JSON text of a repository's policy; None if it has none. Raises NotFound for an unknown repository."""
        import botocore.exceptions

        try:
            answer = self.api.get_repository_policy(repositoryName=repository, registryId=account)
        except botocore.exceptions.ClientError as error:
            if error_code(error) == "RepositoryPolicyNotFoundException":
                return None
            raise
        return str(answer["policyText"])


class Logs(AwsClient):
    """Amazon CloudWatch Logs."""

    service = "logs"

    @operation("logs:DescribeLogGroups")
    def has_group(self, name: str) -> bool:
        """Whether there is a log group of this name."""
        pages = self.api.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name)
        return any(one["logGroupName"] == name for page in pages for one in page["logGroups"])
