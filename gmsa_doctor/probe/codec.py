"""Converts frozen values to JSON and back, by the types of their fields. Rejects secrets."""

from __future__ import annotations

import base64
import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from gmsa_doctor.core.check_id import CheckId, declared

T = TypeVar("T")

_FROM_TEXT: dict[type, Callable[[str], object]] = {
    CheckId: declared,
    bytes: lambda text: base64.b64decode(text, validate=True),
}
_PLAIN = (str, int, float, bool, type(None))


class CodecError(ValueError):
    """A value cannot be encoded or decoded. The text names types, never values."""


def encode(value: object) -> Any:
    """Data for ``json.dumps``. Raises CodecError for anything but plain data (a client, a Hidden)."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, tuple | list | frozenset):
        return [encode(item) for item in value]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: encode(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: encode(getattr(value, field.name)) for field in fields(value) if field.init}
    raise CodecError(f"{type(value).__name__} is not plain data")


def decode(kind: type[T], data: Any) -> T:
    """The value of that type. Raises CodecError."""
    value: T = _decode(kind, data)
    return value


def _decode(kind: Any, data: Any) -> Any:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _first_of(get_args(kind), data)
    if kind is Any or kind is object:
        return data
    if origin in (tuple, frozenset, list):
        return _collection(origin, get_args(kind), data)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _guarded(kind, lambda: kind(data))
    if kind in _FROM_TEXT and isinstance(data, str):
        return _guarded(kind, lambda: _FROM_TEXT[kind](data))
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if kind in _PLAIN and isinstance(data, kind) and (kind is not int or not isinstance(data, bool)):
        return data
    if isinstance(kind, type) and is_dataclass(kind) and isinstance(data, dict):
        hints = _hints(kind)
        if not set(data) <= set(hints):
            raise CodecError(f"unknown fields in {kind.__name__}")
        return _guarded(kind, lambda: kind(**{name: _decode(hints[name], item) for name, item in data.items()}))
    raise CodecError(f"expected {getattr(kind, '__name__', kind)}, not {type(data).__name__}")


def _first_of(kinds: tuple[Any, ...], data: Any) -> Any:
    for kind in kinds:
        try:
            return _decode(kind, data)
        except CodecError:
            continue
    raise CodecError(f"expected one of {len(kinds)} types, not {type(data).__name__}")


def _collection(origin: type, kinds: tuple[Any, ...], data: Any) -> Any:
    if not isinstance(data, list):
        raise CodecError(f"expected list, not {type(data).__name__}")
    if origin is tuple and (len(kinds) != 2 or kinds[1] is not Ellipsis):
        if len(kinds) != len(data):
            raise CodecError(f"expected {len(kinds)} items, not {len(data)}")
        return tuple(_decode(kind, item) for kind, item in zip(kinds, data, strict=True))
    return origin(_decode(kinds[0], item) for item in data)


def _guarded(kind: type, make: Any) -> Any:
    try:
        return make()
    except CodecError:
        raise
    except (TypeError, ValueError) as error:
        raise CodecError(f"not a valid {kind.__name__} ({type(error).__name__})") from None


@cache
def _hints(kind: type) -> dict[str, Any]:
    known = get_type_hints(kind)
    return {field.name: known[field.name] for field in fields(kind) if field.init}
