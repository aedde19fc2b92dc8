"""``/etc/ecs/ecs.config`` of a container instance, as each generation of Credentials Fetcher reads it.

Sources, in aws/credentials-fetcher: retrieve_variable_from_ecs_config and get_FQDN_list of common/util.hpp (1.3);
RetrieveVariableFromECSConfig and GetFQDNList of internal/utils (2.x).
"""

from __future__ import annotations

from dataclasses import dataclass

from gmsa_doctor.formats.fetcher import Fetcher

DISTINGUISHED_NAME = "CF_GMSA_DISTINGUISHED_NAME"
"""The gMSA's DN. Both generations read it from the file, and prefer it to the secret's distinguishedName."""
GMSA_OU = "CF_GMSA_OU"
"""A DN for the search, which both generations read from their own environment, not from the file."""
DOMAIN_CONTROLLER = {Fetcher.V1_3: "DOMAIN_CONTROLLER_GMSA", Fetcher.V2: "CF_DOMAIN_CONTROLLER"}
"""The domain controller to use instead of those that DNS lists."""
NAMES = (DISTINGUISHED_NAME, GMSA_OU, *DOMAIN_CONTROLLER.values())


@dataclass(frozen=True)
class EcsConfig:
    """The lines of the file that concern Credentials Fetcher; none if the file was not given.

    ``end``: the number of the line at which 1.3 stops reading, since it is not NAME=VALUE: a comment or a blank line;
    0 if it reads all of them.
    """

    entries: tuple[tuple[int, str, str], ...] = ()
    """Number, name and value of each line that sets one of :data:`NAMES`."""
    end: int = 0
    given: bool = False

    def value(self, name: str, fetcher: Fetcher) -> str:
        """The value that a generation reads; empty if it reads none."""
        for number, found, value in self.entries:
            if found == name:
                return "" if fetcher is Fetcher.V1_3 and self._is_unread(number) else value
        return ""

    def unread(self) -> tuple[tuple[int, str], ...]:
        """The lines that 1.3 does not reach: number and name."""
        return tuple((number, name) for number, name, _ in self.entries if self._is_unread(number))

    def _is_unread(self, number: int) -> bool:
        return bool(self.end) and number > self.end


def parse(text: str) -> EcsConfig:
    """Reads the text of the file."""
    entries, end = [], 0
    for number, line in enumerate(text.splitlines(), 1):
        name, equals, value = line.partition("=")
        if not end and not (equals and value):
            end = number
        if name.strip() in NAMES and value.strip():
            entries.append((number, name.strip(), value.strip()))
    return EcsConfig(tuple(entries), end, given=True)
