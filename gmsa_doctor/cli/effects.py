"""Which options were typed, and which of those would have no effect: they are refused, never ignored."""

from __future__ import annotations

from collections.abc import Iterable

import typer

from gmsa_doctor.core.errors import UsageError

Rule = tuple[Iterable[str], object, str]
"""Options, whether they have no effect, and in which case that is: ``with --offline``."""


def typed(context: typer.Context, source_name: str = "COMMANDLINE") -> frozenset[str]:
    """The options of the command line, by their long names; those of the configuration and the environment are not.

    ``source_name``: DEFAULT_MAP for those of a file instead.
    """
    parameters = [parameter for parameter in context.command.params if parameter.name]
    return frozenset(
        max(parameter.opts, key=len)
        for parameter in parameters
        if (source := context.get_parameter_source(str(parameter.name))) and source.name == source_name
    )


def require_effect(given: frozenset[str], *rules: Rule) -> None:
    """Raises UsageError for an option that was given and has no effect."""
    for options, useless, case in rules:
        named = [option for option in options if option in given]
        if useless and named:
            verb, them = ("has", "it") if len(named) == 1 else ("have", "them")
            raise UsageError(f"{' and '.join(named)} {verb} no effect {case}; remove {them}")
