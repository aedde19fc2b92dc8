"""Amazon ECR: the repositories of a task's images, and what an image sets."""

from __future__ import annotations

from dataclasses import dataclass

from gmsa_doctor.clients.aws.session import AwsClient, none_if, operation
from gmsa_doctor.core.errors import NotFound, ServiceError
from gmsa_doctor.formats.aws.image_config import MANIFESTS

_EVERY_REPOSITORY = "ROOT"
"""The prefix of a rule for all repositories that no other rule is for.

Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-creating-rule.html
"""


@dataclass(frozen=True)
class CacheRule:
    """A pull through cache rule: repositories with the prefix are copies of the upstream registry's."""

    prefix: str
    upstream: str

    def covers(self, repository: str) -> bool:
        """Whether the repository is one of its copies."""
        return self.prefix == _EVERY_REPOSITORY or repository.startswith(f"{self.prefix}/")


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

    @operation("ecr:BatchGetImage")
    def manifest(self, repository: str, account: str, reference: str) -> str:
        """The JSON text of an image's manifest or index, by its tag or digest. Raises NotFound."""
        image = {"imageDigest" if ":" in reference else "imageTag": reference}
        answer = self.api.batch_get_image(
            repositoryName=repository, registryId=account, imageIds=[image], acceptedMediaTypes=list(MANIFESTS)
        )
        if not answer["images"]:
            code = next((str(failure.get("failureCode")) for failure in answer.get("failures", ())), "ImageNotFound")
            raise NotFound(f"the repository {repository} has no image {reference}", code)
        return str(answer["images"][0]["imageManifest"])

    @operation("ecr:GetDownloadUrlForLayer")
    def config(self, repository: str, account: str, digest: str) -> str:
        """The JSON text of an image's configuration, which ECR stores as it does a layer."""
        from botocore.awsrequest import AWSRequest

        answer = self.api.get_download_url_for_layer(repositoryName=repository, registryId=account, layerDigest=digest)
        # The URL is signed; the client's session has the proxies, certificates and time limits.
        response = self.api._endpoint.http_session.send(AWSRequest("GET", str(answer["downloadUrl"])).prepare())
        if response.status_code != 200:
            raise ServiceError(f"S3 returns {response.status_code} for the image's configuration", "LayerDownload")
        return str(response.content.decode())

    @operation("ecr:DescribePullThroughCacheRules")
    def cache_rules(self, account: str) -> tuple[CacheRule, ...]:
        """The pull through cache rules of a registry, the longest prefix first."""
        found = self.pages("describe_pull_through_cache_rules", "pullThroughCacheRules", registryId=account)
        rules = (CacheRule(str(rule["ecrRepositoryPrefix"]), str(rule.get("upstreamRegistryUrl"))) for rule in found)
        return tuple(sorted(rules, key=lambda rule: (rule.prefix == _EVERY_REPOSITORY, -len(rule.prefix))))

    @operation("ecr:DescribeImages")
    def has_image(self, repository: str, reference: str, account: str) -> bool:
        """Whether an image with this tag or digest is there. Raises NotFound for an unknown repository."""
        kind = "imageDigest" if reference.startswith("sha256:") else "imageTag"
        answer = none_if(
            "ImageNotFoundException",
            lambda: self.api.describe_images(
                registryId=account, repositoryName=repository, imageIds=[{kind: reference}]
            ),
        )
        return bool(answer and answer["imageDetails"])
