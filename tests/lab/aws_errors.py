"""AWS's error answers, in the format of each protocol."""

import json
from dataclasses import dataclass
from xml.sax.saxutils import escape

from tests.lab.aws_requests import Request

CALLER = "arn:aws:sts::123456789012:assumed-role/gmsa-doctor/lab"
_REQUEST_ID = "00000000-0000-4000-8000-000000000000"
_IAM_ACTIONS = {
    ("s3", "HeadObject"): "s3:GetObject",
    ("s3", "HeadBucket"): "s3:ListBucket",
    ("s3", "ListObjects"): "s3:ListBucket",
    ("s3", "ListObjectsV2"): "s3:ListBucket",
}
"""Where the action that IAM names is not the operation's own name."""


@dataclass(frozen=True)
class Problem:
    """An error that AWS answers with."""

    code: str
    message: str
    status: int = 400
    """The HTTP status."""


class Refused(Exception):
    """Raised by code that answers instead of AWS, with the answer."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.problem = Problem(code, message, status)


def iam_action(request: Request) -> str:
    """Give the action that IAM compares."""
    return _IAM_ACTIONS.get((request.service, request.operation), f"{request.service}:{request.operation}")


def denied(request: Request, resource: str) -> Problem:
    """Give the answer to a caller without the permission."""
    action = iam_action(request)
    why = f"because no identity-based policy allows the {action} action"
    text = (
        f"User: {request.caller or CALLER} is not authorized to perform: {action} on resource: {resource or '*'} {why}"
    )
    if request.protocol == "ec2":
        text = f"You are not authorized to perform this operation. {text}"
        return Problem("UnauthorizedOperation", text, 403)
    if request.protocol in ("query", "rest-xml"):
        return Problem("AccessDenied", text, 403)
    return Problem("AccessDeniedException", text, 400)


def throttled(request: Request) -> Problem:
    """Give the answer to a caller who calls too often."""
    if request.protocol == "ec2":
        return Problem("RequestLimitExceeded", "Request limit exceeded.", 503)
    if request.service == "s3":
        return Problem("SlowDown", "Please reduce your request rate.", 503)
    code = "Throttling" if request.protocol in ("query", "rest-xml") else "ThrottlingException"
    return Problem(code, "Rate exceeded", 400)


def encode(request: Request, problem: Problem) -> tuple[list[tuple[str, str]], bytes]:
    """Give headers and body of the error, as the protocol of the request has it."""
    if request.protocol in ("json", "rest-json"):
        body = json.dumps({"__type": problem.code, "message": problem.message}).encode()
        return [("Content-Type", "application/x-amz-json-1.1"), ("x-amzn-RequestId", _REQUEST_ID)], body
    if request.protocol == "smithy-rpc-v2-cbor":
        headers = [("Content-Type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor")]
        return headers, _cbor_map({"__type": problem.code, "message": problem.message})
    body = _xml(request, problem).encode()
    # The answer to HEAD has no body: all that a client learns is the status.
    return [("Content-Type", "text/xml")], b"" if request.method == "HEAD" else body


def _xml(request: Request, problem: Problem) -> str:
    content = f"<Code>{escape(problem.code)}</Code><Message>{escape(problem.message)}</Message>"
    if request.protocol == "ec2":
        errors = f"<Errors><Error>{content}</Error></Errors>"
        return f"<Response>{errors}<RequestID>{_REQUEST_ID}</RequestID></Response>"
    if request.service == "s3":
        return f"<Error>{content}<RequestId>{_REQUEST_ID}</RequestId></Error>"
    error = f"<Error><Type>Sender</Type>{content}</Error>"
    return f"<ErrorResponse>{error}<RequestId>{_REQUEST_ID}</RequestId></ErrorResponse>"


def _cbor_map(items: dict[str, str]) -> bytes:
    """Encode a short map of texts (RFC 8949): type 5, then texts of type 3 with 16-bit lengths."""
    encoded = [text.encode() for pair in items.items() for text in pair]
    texts = [b"\x79" + len(text).to_bytes(2, "big") + text for text in encoded]
    return bytes([0xA0 | len(items)]) + b"".join(texts)
