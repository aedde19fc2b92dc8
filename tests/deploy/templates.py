"""The templates of deploy/ as data: CloudFormation's functions worked out, Terraform's policy templates filled in."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cfnlint.decode.cfn_yaml import load  # type: ignore[import-untyped]

DEPLOY = Path(__file__).parents[2] / "deploy"
CLOUDFORMATION = DEPLOY / "cloudformation"
TERRAFORM = DEPLOY / "terraform"
RUN_ROLE = CLOUDFORMATION / "gmsa-doctor-run-role.yaml"
NIGHTLY = CLOUDFORMATION / "gmsa-doctor-nightly.yaml"
FLEET = CLOUDFORMATION / "gmsa-doctor-fleet.yaml"
FLEET_MEMBER = CLOUDFORMATION / "gmsa-doctor-fleet-member.yaml"

ACCOUNT = "123456789012"
REGION = "eu-west-1"
HERE = f"{REGION}:{ACCOUNT}"
ROLES = [f"arn:aws:iam::{ACCOUNT}:role/webExecution", f"arn:aws:iam::{ACCOUNT}:role/probeExecution"]
CREDSPEC = "arn:aws:s3:::credspecs/web.json"
SECRETS = [f"arn:aws:secretsmanager:{HERE}:secret:gmsa/web-AbCdEf"]
KEYS = [f"arn:aws:kms:{HERE}:key/12345678-90ab-cdef-1234-567890abcdef"]

_NOTHING = object()
_PSEUDO = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::NoValue": _NOTHING}


class Template:
    """A CloudFormation template with its parameters. What AWS alone knows is ``<Resource>`` or ``<Resource.Attr>``."""

    def __init__(self, path: Path, **parameters: object) -> None:
        self.source: dict[str, Any] = load(str(path))
        known = {name: one.get("Default") for name, one in self.source["Parameters"].items()}
        assert not set(parameters) - set(known)
        lists = {name for name, one in self.source["Parameters"].items() if "List" in one["Type"]}
        self._values = {
            **{name: [one] if name in lists else one for name, one in known.items()},
            **parameters,
            **_PSEUDO,
        }

    def properties(self, resource: str) -> dict[str, Any]:
        """A resource's properties, worked out."""
        found: dict[str, Any] = self.resolve(self.source["Resources"][resource]["Properties"])
        return found

    def resolve(self, node: Any) -> Any:
        """A part of the template with its functions worked out."""
        if isinstance(node, list):
            return [one for one in map(self.resolve, node) if one is not _NOTHING]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((name, argument),) = node.items()
            if name in ("Ref", "Condition") or name.startswith("Fn::"):
                return self._function(name.removeprefix("Fn::"), argument)
        return {key: value for key, one in node.items() if (value := self.resolve(one)) is not _NOTHING}

    def _function(self, name: str, argument: Any) -> Any:
        if name == "Ref":
            return self._values.get(argument, f"<{argument}>")
        if name == "Condition":
            return self.resolve(self.source["Conditions"][argument])
        if name == "Sub":
            text, more = argument if isinstance(argument, list) else (argument, {})
            known = {**self._values, **self.resolve(more)}
            return re.sub(r"\$\{([\w:.]+)\}", lambda match: str(known.get(match[1], f"<{match[1]}>")), text)
        if name == "GetAtt":
            return f"<{argument if isinstance(argument, str) else '.'.join(argument)}>"
        if name == "If":
            condition, yes, no = argument
            return self.resolve(yes if self._function("Condition", condition) else no)
        return self._of_values(name, self.resolve(argument))

    @staticmethod
    def _of_values(name: str, values: Any) -> Any:
        functions = {
            "Equals": lambda: values[0] == values[1],
            "Not": lambda: not values[0],
            "And": lambda: all(values),
            "Join": lambda: values[0].join(values[1]),
            "Split": lambda: values[1].split(values[0]),
            "Select": lambda: values[1][int(values[0])],
        }
        return functions[name]()  # type: ignore[no-untyped-call]


def filled(path: Path, values: Mapping[str, str | list[str]]) -> dict[str, Any]:
    """A policy template of the Terraform modules with its values; a list goes in as JSON."""
    texts = {name: one if isinstance(one, str) else json.dumps(one) for name, one in values.items()}
    document: dict[str, Any] = json.loads(re.sub(r"\$\{(\w+)\}", lambda match: texts[match[1]], path.read_text()))
    return document


def statements(*documents: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The statements of policies, by Sid, each with its lists sorted: what they permit, in whatever order."""
    found: dict[str, dict[str, Any]] = {}
    for document in documents:
        assert document["Version"] == "2012-10-17"
        for one in document["Statement"]:
            assert one["Sid"] not in found
            found[one["Sid"]] = {**one, "Action": sorted(one["Action"]), "Resource": sorted(one["Resource"])}
    return found
