"""Commands that take a dataclass: typer fills its fields as if they were the command's own parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from inspect import Parameter, Signature
from typing import Annotated, Any, TypeVar, get_args, get_type_hints

import typer

T = TypeVar("T")


def fields_as_parameters(command: Callable[[typer.Context, T], None]) -> Callable[..., None]:
    """The command for typer, with a parameter for each field of the dataclass it takes as ``arguments``.

    Fields are annotated as typer's parameters are. A field whose type is a dataclass stands for the fields of that, so
    that commands share groups of options; its ``PANEL`` is their heading in the help. Raises ValueError for two fields
    of one name.
    """
    kind = get_type_hints(command)["arguments"]

    def call(context: typer.Context, **values: Any) -> None:
        command(context, _filled(kind, values))

    parameters = [Parameter("context", Parameter.KEYWORD_ONLY, annotation=typer.Context), *_parameters(kind)]
    call.__name__, call.__doc__, call.__module__ = command.__name__, command.__doc__, command.__module__
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    call.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    return call


def values_of(arguments: object) -> Mapping[str, Any]:
    """The values of a dataclass's fields by name, those of its groups among them."""
    values: dict[str, Any] = {}
    for name, value in vars(arguments).items():
        values |= values_of(value) if is_dataclass(value) else {name: value}
    return values


@cache
def _typed_fields(kind: Any) -> tuple[tuple[Field[Any], Any], ...]:
    hints = get_type_hints(kind, include_extras=True)
    return tuple((field, hints[field.name]) for field in fields(kind))


def _parameters(kind: Any) -> Iterator[Parameter]:
    for field, hint in _typed_fields(kind):
        if is_dataclass(hint):
            yield from _parameters(hint)
        else:
            default = Parameter.empty if field.default is MISSING else field.default
            hint = _under(getattr(kind, "PANEL", None), hint)
            yield Parameter(field.name, Parameter.KEYWORD_ONLY, default=default, annotation=hint)


def _under(panel: str | None, hint: Any) -> Any:
    """The annotation, under this heading if it has none of its own."""
    value, info = get_args(hint)[:2] if hasattr(hint, "__metadata__") else (hint, None)
    if panel is None or not isinstance(info, type(typer.Option())) or info.rich_help_panel:
        return hint
    info = copy(info)
    info.rich_help_panel = panel
    return Annotated[value, info]


def _filled(kind: Any, values: Mapping[str, Any]) -> Any:
    return kind(
        **{
            field.name: _filled(hint, values) if is_dataclass(hint) else values[field.name]
            for field, hint in _typed_fields(kind)
        }
    )
