"""Values of the command line that need no conversion: texts, defaults, and words of a list.

Newer versions of typer convert each value, also those that were not given, with pydantic. Its import takes as long as a
quarter of a check of files. These values are passed through; for all others, typer converts as ever.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any


class _PlainValues:
    """In place of typer's converter of one parameter, which it makes if a value needs it."""

    def __init__(self, parameter: Any) -> None:
        descriptor = parameter.type_descriptor
        self.descriptor, self.kind = descriptor, descriptor.annotation
        self.parser = getattr(descriptor.parameter_info, "parser", None)
        self.is_plain = self.parser is None and getattr(descriptor.parameter_info, "click_type", None) is None
        self.words = list(self.kind) if isinstance(self.kind, type) and issubclass(self.kind, StrEnum) else []

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value, as typer's converter of the same name gives it."""
        is_list = getattr(param, "multiple", False) or param.nargs == -1
        if value is None:
            return () if is_list else None
        if self.is_plain and self.kind == list[str] and isinstance(value, (list, tuple)):
            return list(value)
        if self.is_plain and isinstance(self.kind, type) and isinstance(value, self.kind) and not is_list:
            return value
        if self.is_plain and value in self.words and not is_list:
            return self.kind(value)
        if self.parser and isinstance(value, (int, float)):  # the default of a number
            return self.parser(value)
        from typer._coercion import build_runtime_param

        return build_runtime_param(self.descriptor).coerce(value, param=param, ctx=ctx)


def spare_conversions(parameters: list[Any]) -> list[Any]:
    """The parameters of a command, whose plain values typer passes through. Older versions of typer convert by hand."""
    for parameter in parameters:
        if getattr(parameter, "_runtime_param", "none") is None and hasattr(parameter, "type_descriptor"):
            parameter._runtime_param = _PlainValues(parameter)
    return parameters
