"""The images of the account's repositories: their manifests and configurations, which moto does not keep."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from tests.lab.aws_errors import Refused
from tests.lab.aws_requests import Request

_OCI = "application/vnd.oci.image."
PATH = "/layers/"
_OPERATIONS = ("BatchGetImage", "DescribeImages", "GetDownloadUrlForLayer")


@dataclass
class Images:
    """Images by repository, and their tags and digests; empty at first."""

    manifests: dict[tuple[str, str], str] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    lost: bool = False
    """Whether the bucket of the layers answers 403."""

    def untag(self, repository: str, tag: str) -> str:
        """Delete the tag of an image, and give the digest, by which it still is there."""
        manifest = self.manifests.pop((repository, tag))
        digest = _digest(manifest.encode())
        self._put(repository, digest, manifest)
        return digest

    def push(self, repository: str, tag: str, config: dict[str, Any], *architectures: str) -> None:
        """Push a Linux image; with architectures as an index, whose first image has this configuration."""
        if not architectures:
            self._put(repository, tag, self._manifest(config))
            return
        entries = []
        for architecture in architectures:
            manifest = self._manifest(config if architecture == architectures[0] else {})
            digest = _digest(manifest.encode())
            self._put(repository, digest, manifest)
            entries.append({"digest": digest, "platform": {"os": "linux", "architecture": architecture}})
        self._put(repository, tag, json.dumps({"mediaType": f"{_OCI}index.v1+json", "manifests": entries}))

    def clear(self) -> None:
        """Forget all."""
        self.manifests.clear()
        self.blobs.clear()
        self.lost = False

    def answer(self, request: Request, endpoint: str) -> dict[str, Any] | None:
        """The answer of ECR to a question about images; None: moto answers. Raises Refused."""
        if request.service != "ecr" or request.operation not in _OPERATIONS:
            return None
        given = json.loads(request.body)
        name = given["repositoryName"]
        if request.operation == "GetDownloadUrlForLayer":
            if given["layerDigest"] not in self.blobs:
                raise Refused("LayersNotFoundException", "The layer does not exist.", 400)
            return {"downloadUrl": f"{endpoint}{PATH}{given['layerDigest']}?X-Amz-Signature=abc"}
        (image,) = given["imageIds"]
        reference = image.get("imageDigest") or image["imageTag"]
        manifest = self.manifests.get((name, reference))
        if manifest is None:
            return None
        if request.operation == "DescribeImages":
            return {"imageDetails": [{"repositoryName": name, "imageTags": [reference]}]}
        return {"images": [{"repositoryName": name, "imageId": image, "imageManifest": manifest}], "failures": []}

    def blob(self, path: str) -> tuple[str, bytes] | None:
        """The status and body of a request to the bucket of the layers; None if it is not one."""
        if not path.startswith(PATH):
            return None
        content = self.blobs.get(path.removeprefix(PATH))
        return ("200 OK", content) if content is not None and not self.lost else ("403 Forbidden", b"<Error/>")

    def _manifest(self, config: dict[str, Any]) -> str:
        body = json.dumps({"architecture": "amd64", "os": "linux", "config": config}).encode()
        self.blobs[_digest(body)] = body
        return json.dumps({"mediaType": f"{_OCI}manifest.v1+json", "config": {"digest": _digest(body)}, "layers": []})

    def _put(self, repository: str, reference: str, manifest: str) -> None:
        self.manifests[repository, reference] = manifest


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
