"""What a command ends with."""

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit code of a process. It does not depend on the format of the report."""

    PASS = 0
    FAIL = 1
    USAGE = 2
    INCOMPLETE = 3
    CRASH = 70
    INTERRUPTED = 130
