"""Amazon ECR: the repositories of a task's images."""

from __future__ import annotations

from gmsa_doctor.clients.aws.session import AwsClient, none_if, operation


class Ecr(AwsClient):
    """Amazon ECR."""

    service = "ecr"

    @operation("ecr:GetRepositoryPolicy")
    def policy(self, repository: str, account: str) -> str | None:
        """The JSON text of a repository's policy; None if it has none. Raises NotFound for an unknown repository."""
        answer = none_if(
            "RepositoryPolicyNotFoundException",
            lambda: self.api.get_repository_policy(repositoryName=repository, registryId=account),
        )
        return answer and str(answer["policyText"])
