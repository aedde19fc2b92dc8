#!@PYTHON@ -SI
"""@PROGRAM@ in the tests: asks the process of tests/forked.py to fork a run, and ends as that run ends.

The run has this process's arguments, environment, directory, streams, namespaces and user, and receives its signals.
"""

import _signal  # type: ignore[import-not-found]  # signal itself imports enum
import _socket
import os
import sys

# The interpreter or a library reads these variables once, at its start: with one of them the real command runs.
_READ_AT_IMPORT = ("LC_", "FORCE_COLOR", "NO_COLOR", "PY_COLORS", "TERMINAL_WIDTH", "GITHUB_ACTIONS", "PYTHON")
_HARMLESS = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")


def main() -> None:
    with open("/proc/self/environ", "rb") as file:  # os.environ has the LC_CTYPE that Python sets itself
        environ = file.read().rstrip(b"\0")
    names = [os.fsdecode(pair.partition(b"=")[0]) for pair in environ.split(b"\0")]
    if any(name.startswith(_READ_AT_IMPORT) and name not in _HARMLESS for name in names):
        os.execv(os.path.join(os.path.dirname("@PYTHON@"), "@PROGRAM@"), ["@PROGRAM@", *sys.argv[1:]])
    peer = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    peer.connect("\0@ADDRESS@")
    is_first = os.getpid() == 1
    arguments = [os.fsencode(one) for one in sys.argv[1:]]
    request = [b"first" if is_first else b"", os.getcwdb(), b"%d" % len(arguments), *arguments]
    request += [environ] if environ else []
    fds = [0, 1, 2, *(os.open("/proc/self/ns/" + one, os.O_RDONLY) for one in ("mnt", "pid"))]
    packed = b"".join(fd.to_bytes(4, sys.byteorder) for fd in fds)
    for number in (_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP):
        _signal.signal(number, lambda number, _: peer.send(b"%d" % number))
    peer.sendmsg([b"\0".join(request)], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, packed)])
    code = int(peer.recv(64) or 1)
    if code < 0 and not is_first:
        if -code in (_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP):
            _signal.signal(-code, _signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code if code >= 0 else 128 - code)


main()
