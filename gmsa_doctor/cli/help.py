"""How commands show their help, and what they refuse: options under headings, and no option twice.

Typer draws headings with rich only, which takes longer to import than all of our help.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from gmsa_doctor.cli.plain_values import spare_conversions

COMMANDS = {
    "Check": ("check", "run", "fleet", "ticket"),
    "Understand a result": ("explain", "list", "diff"),
    "Set up": ("setup", "credspec", "iam-policy", "krb5-conf", "config", "completion", "schema"),
}
"""The commands under their headings; any other is hidden."""
_REST = "Options"
_COLUMN = 32
"""The widest first column: a longer entry has a line of its own."""

_Records = list[tuple[str, str]]


class Command(TyperCommand):
    """A command whose options stand under the headings of their ``rich_help_panel``."""

    def get_params(self, ctx: Any) -> Any:
        """The parameters, with ``--help``."""
        return spare_conversions(super().get_params(ctx))

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options, a section for each heading, in the order of the first option of each."""
        sections: dict[str, _Records] = {"Arguments": []}
        rest: _Records = []
        for parameter in self.get_params(ctx):
            if record := parameter.get_help_record(ctx):
                if parameter.param_type_name == "argument":
                    sections["Arguments"].append((parameter.metavar or parameter.name, record[1]))
                elif panel := parameter.rich_help_panel if hasattr(parameter, "rich_help_panel") else None:
                    sections.setdefault(panel, []).append(record)
                else:
                    rest.append(record)
        _write(formatter, {**sections, _REST: rest})

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples, as they are."""
        if self.epilog:
            with formatter.section("Examples"):
                formatter.write(textwrap.indent(f"{self.epilog.strip()}\n", "  "))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse an option that is given twice, of which click would silently take the last."""
        if not ctx.resilient_parsing:
            _, _, given = self.make_parser(ctx).parse_args(list(args))
            repeated: Any = Counter(given)
            for parameter, number in repeated.items():
                if number > 1 and not (parameter.multiple or getattr(parameter, "is_flag", True)):
                    raise typer.BadParameter(f"given {number} times; give it once", ctx, parameter)
        return super().parse_args(ctx, args)


class Group(TyperGroup):
    """The commands, under their headings."""

    def get_params(self, ctx: Any) -> Any:
        """The parameters, with ``--help``."""
        return spare_conversions(super().get_params(ctx))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands, each with the first sentence of its help."""
        sections: dict[str, _Records] = {}
        for heading, names in COMMANDS.items():
            sections[heading] = [(name, first_sentence(self.commands[name].help)) for name in names]
        _write(formatter, sections)


def first_sentence(text: str | None) -> str:
    """The first sentence of a help text, on one line."""
    return " ".join((text or "").split("\n\n")[0].split()).split(". ")[0].removesuffix(".")


def _write(formatter: Any, sections: dict[str, _Records]) -> None:
    """Write sections in two columns; names with a hyphen stay whole."""
    for heading, records in sections.items():
        if not records:
            continue
        column = max((len(first) for first, _ in records if len(first) <= _COLUMN), default=_COLUMN) + 4
        with formatter.section(heading):
            for first, second in records:
                head = f"  {first}"
                lines = textwrap.wrap(second, formatter.width - column, break_on_hyphens=False) or [""]
                if len(head) + 2 > column:
                    formatter.write(f"{head}\n")
                    head = ""
                for line in lines:
                    formatter.write(f"{head:<{column}}{line}".rstrip() + "\n")
                    head = ""
