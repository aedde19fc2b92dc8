"""The resource that a denied call is reported on, and that a policy must allow."""

from __future__ import annotations

import re

_MOST_NAMED = 5
"""How many resources of a denied call an error lists."""
_ON_ALL = re.compile(r"ec2:Describe(?!VpcAttribute).*|ecs:DescribeTaskDefinition|ds:DescribeDirectories")
"""Actions that a policy can allow only on all resources.

Sources: list_amazonec2.html, list_amazonelasticcontainerservice.html and list_awsdirectoryservice.html in
https://docs.aws.amazon.com/service-authorization/latest/reference/
"""


def denied_resource(action: str, args: tuple[object, ...]) -> str:
    """The first argument of a client's method, or all resources if IAM cannot limit the action."""
    first = args[0] if args and not _ON_ALL.fullmatch(action) else "*"
    if not isinstance(first, tuple):
        return str(first)
    more = len(first) - _MOST_NAMED
    return ", ".join(map(str, first[:_MOST_NAMED])) + (f" and {more} more" if more > 0 else "")
