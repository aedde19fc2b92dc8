"""Which parts of a document go into the archive for a support case: an allow-list, key by key.

A key that is not listed is left out. A listed value is kept, shortened to its name, or shown as ``<hidden>``, so that
the reader sees that there is one. Texts are kept without what looks like a secret. Keys are compared in any case, since
a wrong case may be the fault. Sources of the keys:
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskDefinition.html, API_ContainerDefinition, API_Service
and API_Task; for the CredSpec, ``formats/documents/credspec.py``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TypeAlias

from gmsa_doctor.formats.documents.json_text import Document, parse
from gmsa_doctor.formats.symptoms.reading import HIDDEN, redacted

Kept: TypeAlias = Callable[[object], object] | Mapping[str, "Kept"]
"""How a value is kept: by a function, or as an object with these keys. Of a list, each item."""

_NAME = re.compile(r"[\w.:/@+-]{1,255}", re.ASCII)
_REFERENCE = re.compile(
    r"arn:aws[\w-]*:(secretsmanager|ssm|s3|kms):[\w:/.+=@-]+|/?[\w-]{1,64}(/[\w.-]{1,64})*", re.ASCII
)
_SETTINGS_OF_CONTAINERS = frozenset({"krb5ccname", "krb5_config"})
_SETTINGS_OF_AWSLOGS = frozenset(
    {"awslogs-group", "awslogs-region", "awslogs-stream-prefix", "awslogs-create-group", "mode", "max-buffer-size"}
)
_SETTINGS_OF_INTERFACES = frozenset({"subnetid", "networkinterfaceid", "privateipv4address", "privatednsname"})


def kept(value: object, allowed: Kept) -> object:
    """The parts of a document that are allowed."""
    if isinstance(value, list | tuple):
        return [kept(item, allowed) for item in value]
    if not isinstance(allowed, Mapping):
        return allowed(value)
    if not isinstance(value, Mapping):
        return None if value is None else HIDDEN
    by_name = {name.casefold(): rule for name, rule in allowed.items()}
    return {
        key: kept(item, by_name[key.casefold()])
        for key, item in value.items()
        if isinstance(key, str) and key.casefold() in by_name
    }


def text(value: object) -> object:
    """A number, a time, or a text without what looks like a secret."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds")
    if value is None or isinstance(value, bool | int | float):
        return value
    return redacted(str(value)) if isinstance(value, str) else HIDDEN


def name(value: object) -> object:
    """A name that ECS would accept."""
    return redacted(value) if isinstance(value, str) and _NAME.fullmatch(value) else HIDDEN


def reference(value: object) -> object:
    """The ARN or the name of a secret, a parameter or an object, not what it contains."""
    return str(value) if isinstance(value, str) and _REFERENCE.fullmatch(value) else HIDDEN


def hidden(value: object) -> object:
    """That there is a value."""
    return None if value is None else HIDDEN


def _setting(names: frozenset[str]) -> Callable[[object], object]:
    """An object of ``name`` and ``value``, whose value is kept if it has one of these names."""

    def keep(value: object) -> object:
        entry = value if isinstance(value, Mapping) else {}
        is_known = str(entry.get("name")).casefold() in names
        return kept(value, {"name": name, "value": text if is_known else hidden})

    return keep


def _names_of(value: object) -> object:
    """The keys of an object, without its values."""
    return {str(name(key)): HIDDEN for key in value} if isinstance(value, Mapping) else hidden(value)


def _log_configuration(value: object) -> object:
    """The options of the driver awslogs; of others, their names: they may contain tokens."""
    is_awslogs = isinstance(value, Mapping) and value.get("logDriver") == "awslogs"

    def options(given: object) -> object:
        if not isinstance(given, Mapping):
            return hidden(given)
        known = {key: item for key, item in given.items() if is_awslogs and str(key).casefold() in _SETTINGS_OF_AWSLOGS}
        return {str(name(key)): text(item) if key in known else HIDDEN for key, item in given.items()}

    return kept(value, {"logDriver": name, "options": options, "secretOptions": _REFERENCES})


def _plugin_input(value: object) -> object:
    """An object with the ARN. In the form for Windows it is a text, which may contain anything: JSON, or a password."""
    shape: Kept = {"CredentialArn": reference}
    if not isinstance(value, str):
        return kept(value, shape)
    document = parse(value)
    inner = document.value if isinstance(document, Document) else None
    return str(kept(inner, shape)) if isinstance(inner, dict) else HIDDEN


_REFERENCES: Kept = {"name": name, "valueFrom": reference}
_FILE_SYSTEM: Kept = {
    "fileSystemId": name,
    "rootDirectory": text,
    "transitEncryption": name,
    "authorizationConfig": {"accessPointId": name, "iam": name, "credentialsParameter": reference, "domain": name},
}
_CONTAINER: Kept = {
    **dict.fromkeys(("name", "image", "user", "workingDirectory", "hostname", "versionConsistency"), text),
    **dict.fromkeys(("cpu", "memory", "memoryReservation", "essential", "startTimeout", "stopTimeout"), text),
    **dict.fromkeys(("disableNetworking", "privileged", "readonlyRootFilesystem", "interactive"), text),
    **dict.fromkeys(("credentialSpecs", "dockerSecurityOptions", "dnsServers", "dnsSearchDomains", "links"), text),
    **dict.fromkeys(("entryPoint", "command"), hidden),
    "dockerLabels": _names_of,
    "environment": _setting(_SETTINGS_OF_CONTAINERS),
    "environmentFiles": {"type": name, "value": reference},
    "secrets": _REFERENCES,
    "repositoryCredentials": {"credentialsParameter": reference},
    "logConfiguration": _log_configuration,
    "extraHosts": {"hostname": name, "ipAddress": name},
    "mountPoints": {"sourceVolume": name, "containerPath": text, "readOnly": text},
    "volumesFrom": {"sourceContainer": name, "readOnly": text},
    "dependsOn": {"containerName": name, "condition": name},
    "portMappings": {"containerPort": text, "hostPort": text, "protocol": name},
    "healthCheck": {"command": hidden, "interval": text, "timeout": text, "retries": text, "startPeriod": text},
}
TASK_DEFINITION: Kept = {
    **dict.fromkeys(("family", "revision", "taskDefinitionArn", "status", "taskRoleArn", "executionRoleArn"), text),
    **dict.fromkeys(("networkMode", "requiresCompatibilities", "compatibilities", "cpu", "memory"), text),
    **dict.fromkeys(("pidMode", "ipcMode", "registeredAt", "deregisteredAt"), text),
    "requiresAttributes": {"name": name},
    "runtimePlatform": {"cpuArchitecture": name, "operatingSystemFamily": name},
    "ephemeralStorage": {"sizeInGiB": text},
    "placementConstraints": {"type": name},
    "volumes": {
        "name": name,
        "host": {"sourcePath": text},
        "dockerVolumeConfiguration": {"scope": name, "autoprovision": text, "driver": name, "driverOpts": _names_of},
        "efsVolumeConfiguration": _FILE_SYSTEM,
        "fsxWindowsFileServerVolumeConfiguration": _FILE_SYSTEM,
    },
    "containerDefinitions": _CONTAINER,
}
_PROVIDERS: Kept = {"capacityProvider": name, "weight": text, "base": text}
_NETWORK: Kept = {"awsvpcConfiguration": {"subnets": name, "securityGroups": name, "assignPublicIp": name}}
_DEPLOYMENT: Kept = {
    **dict.fromkeys(("id", "status", "taskDefinition", "launchType", "platformVersion", "platformFamily"), text),
    **dict.fromkeys(("desiredCount", "pendingCount", "runningCount", "failedTasks", "createdAt", "updatedAt"), text),
    **dict.fromkeys(("rolloutState", "rolloutStateReason", "stabilityStatus"), text),
    "capacityProviderStrategy": _PROVIDERS,
    "networkConfiguration": _NETWORK,
}
SERVICE: Kept = {
    **dict.fromkeys(("serviceArn", "serviceName", "clusterArn", "status", "taskDefinition", "launchType"), text),
    **dict.fromkeys(("platformVersion", "platformFamily", "schedulingStrategy", "createdAt", "roleArn"), text),
    **dict.fromkeys(("desiredCount", "runningCount", "pendingCount", "healthCheckGracePeriodSeconds"), text),
    "deploymentController": {"type": name},
    "deploymentConfiguration": {
        "deploymentCircuitBreaker": {"enable": text, "rollback": text},
        "maximumPercent": text,
        "minimumHealthyPercent": text,
    },
    "capacityProviderStrategy": _PROVIDERS,
    "networkConfiguration": _NETWORK,
    "deployments": _DEPLOYMENT,
    "taskSets": _DEPLOYMENT,
    "events": {"id": name, "createdAt": text, "message": text},
}
TASK: Kept = {
    **dict.fromkeys(("taskArn", "taskDefinitionArn", "clusterArn", "containerInstanceArn", "group"), text),
    **dict.fromkeys(("lastStatus", "desiredStatus", "stopCode", "stoppedReason", "healthStatus"), text),
    **dict.fromkeys(("createdAt", "startedAt", "stoppingAt", "stoppedAt", "executionStoppedAt"), text),
    **dict.fromkeys(("pullStartedAt", "pullStoppedAt", "connectivity", "connectivityAt", "availabilityZone"), text),
    **dict.fromkeys(("launchType", "capacityProviderName", "platformVersion", "platformFamily", "cpu", "memory"), text),
    "containers": dict.fromkeys(
        ("name", "image", "imageDigest", "lastStatus", "exitCode", "reason", "healthStatus", "runtimeId"), text
    ),
    "attachments": {"type": name, "status": name, "details": _setting(_SETTINGS_OF_INTERFACES)},
}
CREDSPEC: Kept = {
    "CmsPlugins": text,
    "DomainJoinConfig": dict.fromkeys(
        ("Sid", "MachineAccountName", "Guid", "DnsTreeName", "DnsName", "NetBiosName"), text
    ),
    "ActiveDirectoryConfig": {
        "GroupManagedServiceAccounts": {"Name": text, "Scope": text},
        "HostAccountConfig": {"PortableCcgVersion": text, "PluginGUID": text, "PluginInput": _plugin_input},
    },
}
