"""What Credentials Fetcher on a container instance takes from ``ecs.config`` instead of from DNS and the secret."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gmsa_doctor.authoring import CheckId, Finding, deferred_to
from gmsa_doctor.formats.aws.ecs_config import DISTINGUISHED_NAME, DOMAIN_CONTROLLER, EcsConfig
from gmsa_doctor.formats.fetcher import Fetcher
from gmsa_doctor.given.subject import Launch, Platform

EDIT = ('sudo "${EDITOR:-vi}" /etc/ecs/ecs.config', "sudo systemctl restart credentials-fetcher")
"""The commands that change a setting."""
QUOTES = ('"', "'")


def quoted(setting: str) -> Finding | None:
    """Deferred to the check that reports quotation marks around a setting; None if there are none."""
    if not setting.startswith(QUOTES):
        return None
    return deferred_to(CheckId("container-instances.ecs-config"), f"ecs.config has quotation marks: {setting}")


@dataclass(frozen=True)
class Overrides:
    """What all generations that may run read from the file; empty: nothing, or not all the same."""

    domain_controller: str = ""
    distinguished_name: str = ""


def overrides(config: EcsConfig, platform: Platform) -> Overrides:
    """The settings in effect. Fargate has no such file."""
    if platform.launch is Launch.FARGATE:
        return Overrides()
    return Overrides(
        _agreed(platform, lambda fetcher: _host(config, fetcher)),
        _agreed(platform, lambda fetcher: config.value(DISTINGUISHED_NAME, fetcher)),
    )


def _agreed(platform: Platform, read: Callable[[Fetcher], str]) -> str:
    found = {read(fetcher) for fetcher in platform.fetchers}
    return found.pop() if len(found) == 1 else ""


def _host(config: EcsConfig, fetcher: Fetcher) -> str:
    """1.3 passes the name through a shell, which removes quotation marks."""
    value = config.value(DOMAIN_CONTROLLER[fetcher], fetcher)
    return value.strip("\"'") if fetcher is Fetcher.V1_3 else value
