"""Formats that are not read: what they are called, and the command that renders them to one that is."""

from __future__ import annotations

import re

SUPPORTED = (
    "supported are a task definition or container definitions (JSON, YAML), a CloudFormation or SAM template, a "
    "Terraform plan (terraform show -json) or configuration (.tf), CDK's output directory (cdk.out), a Compose file "
    "with a CredSpec for ECS, and a CredSpec"
)

_RENDERED = (
    (r"\.(jsonnet|libsonnet)$", r"", "Jsonnet", "jsonnet FILE > taskdef.json"),
    (
        r"(^|/)(copilot/.*\.ya?ml|manifest\.ya?ml)$",
        r"^type:\s*[\"']?(Load Balanced|Backend|Request-Driven|Worker|Scheduled|Static)",
        "a manifest of AWS Copilot",
        "copilot svc package --output-dir infrastructure",
    ),
    (
        r"(^|/)Pulumi[^/]*\.ya?ml$",
        r"^runtime:",
        "a Pulumi program",
        "pulumi preview --json",
    ),
    (r"(^|/)(cdk\.json|cdktf\.json)$", r"", "the settings of CDK", "cdk synth"),
    (
        r"\.(tfstate)$|",
        r"\A\s*\{[^{}]*\"terraform_version\"[^{}]*\"serial\"",
        "a Terraform state",
        "terraform show -json tfplan",
    ),
    (
        r"(\.j2|\.jinja2?|\.erb|\.ejs|\.mustache|\.hbs|\.tpl|\.tmpl|\.gotmpl)$",
        r"",
        "a template for text",
        "the tool that renders it",
    ),
    (
        r"",
        r"\{\{(?!resolve:)-?\s*[.$]?\w|\{%-?\s*\w",
        "a template for text (Go, Helm or Jinja)",
        "the tool that renders it (ecspresso render taskdef, helm template)",
    ),
    (r"", r"<%[=-]?\s*\w", "a template for text (ERB or EJS)", "the tool that renders it"),
)
"""By the file's name and its text (both must match): the format, and the command."""


def hint(path: str, body: bytes) -> str | None:
    """What the file is, for a message; None if it is no known format."""
    text = body[:200_000].decode("utf-8", "replace")
    for name, content, format, command in () if path.endswith(".tf") else _RENDERED:
        if re.search(name, path) and re.search(content, text, re.MULTILINE):
            return f"is {format}, which is not read: render it first ({command}), and check the result"
    return None
