"""Amazon ECR: the repositories of a task's images, and what an image sets."""

from __future__ import annotations

from gmsa_doctor.clients.aws.session import AwsClient, none_if, operation
from gmsa_doctor.core.errors import NotFound, ServiceError
from gmsa_doctor.formats.aws.image_config import MANIFESTS


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
