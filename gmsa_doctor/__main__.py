"""The command's entry: answers ``--version`` before anything is imported, and ends at once."""

from __future__ import annotations

import os
import sys

from gmsa_doctor import __version__


def main() -> None:
    """Run the command with the process's arguments; never returns."""
    if sys.argv[1:] == ["--version"]:
        print(f"gmsa-doctor {__version__}")  # noqa: T201
        return
    import gc

    # botocore builds its clients from large JSON documents that stay. Looking through them for garbage again and
    # again costs a quarter of the whole run.
    gc.set_threshold(200_000, 50, 50)
    try:
        from gmsa_doctor import cli

        code = cli.main()
    except KeyboardInterrupt:  # while modules are imported
        code = 130
        if sys.stderr:
            print("gmsa-doctor: interrupted", file=sys.stderr)  # noqa: T201
    for stream in filter(None, (sys.stdout, sys.stderr)):  # None: closed before we began
        try:
            stream.flush()
        except BrokenPipeError:  # a reader such as `head` has seen enough
            pass
        except OSError:
            code = code or (2 if stream is sys.stdout else 0)  # 1 would be a failure that a check found
    # Not sys.exit: a thread that is left behind in libkrb5 (a KDC that never answers) may hold locks that
    # the library's own exit handlers wait for.
    os._exit(code)


if __name__ == "__main__":
    main()
