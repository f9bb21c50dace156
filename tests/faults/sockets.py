"""Which connections this process holds open, as the operating system sees it."""

from __future__ import annotations

import os
import socket
import stat
from contextlib import suppress


def client_sockets(*ports: int) -> set[int]:
    """The inodes of sockets that lead to these ports, or that no longer lead anywhere.

    A test's servers run in its own process; their ends of connections are not counted.
    """
    found: set[int] = set()
    for fd in _open_fds():
        with suppress(OSError):  # closed meanwhile
            status = os.fstat(fd)
            if stat.S_ISSOCK(status.st_mode) and _is_client_end(fd, ports):
                found.add(status.st_ino)
    return found


def n_fds() -> int:
    """How many file descriptors are open."""
    return len(_open_fds())


def _open_fds() -> list[int]:
    return [int(name) for name in os.listdir("/dev/fd")]


def _is_client_end(fd: int, ports: tuple[int, ...]) -> bool:
    with socket.socket(fileno=os.dup(fd)) as copy:
        if copy.family not in (socket.AF_INET, socket.AF_INET6):
            return False
        try:
            return copy.getpeername()[1] in ports
        except OSError:
            is_listening = copy.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            return not is_listening and copy.getsockname()[1] not in ports
