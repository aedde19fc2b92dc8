"""Caches for what botocore and moto would compute again for each client and each request."""

from functools import cache
from typing import Any


def keep_service_models() -> None:
    """Make all botocore sessions share the service models that they read (EC2's is 2 MB of JSON)."""
    import botocore.session
    from botocore.loaders import Loader, create_loader

    contents: dict[str | None, dict[Any, Any]] = {}

    def create(search_path: str | None = None) -> Loader:
        loader = create_loader(search_path)
        loader._cache = contents.setdefault(search_path, loader._cache)
        return loader

    if botocore.session.create_loader is create_loader:
        botocore.session.create_loader = create


def keep_indexes() -> None:
    """Make moto list its services, and the operations of each, once instead of for each request."""
    from moto import backends
    from moto.core import responses

    modules = tuple(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: modules
    names = vars(responses)["method_names_from_class"]
    if not hasattr(names, "cache_info"):
        vars(responses)["method_names_from_class"] = cache(names)
