"""Files beside a target, which take its name when they are whole.

Where a run is killed, such a file may stay. It is named after its target, ``.r.csv.diffcli-HOST-0.part``, and its
writer holds a lock on it, which the system takes away with the process, however it ends: what nobody has locked is
nobody's, and the next run to the same target on the same machine removes it. Machines that share a folder need not see
each other's locks, so no machine touches what another has named.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress

#: How many runs may write to one target at a time before they take names that no later run looks at.
SLOTS = 8
#: A name has 255 bytes at most; so many letters of the target's and of the machine's leave room in any alphabet.
LETTERS = 40


def create(target: str) -> tuple[str, int]:
    """The path of a new file beside `target`, and its descriptor. Raises OSError where there can be none."""
    for path, looked_at in _names(target):
        with suppress(FileExistsError):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
            locked = _lock(descriptor)
            # Without a link it has been removed again, by a run that saw it before it was locked.
            if not looked_at or (locked and os.fstat(descriptor).st_nlink):
                return path, descriptor
            if locked is None:  # nobody else will remove it
                os.unlink(path)
            os.close(descriptor)
    raise AssertionError("there is always another name")


def link(descriptor: int, target: str) -> str:
    """Give a nameless file a name beside `target`, for it cannot take one that is in use; the path. Raises OSError."""
    locked = _lock(descriptor)
    folder = os.open(os.path.dirname(target), os.O_RDONLY)
    try:  # only with a folder's descriptor does Python have the link followed
        for path, looked_at in _names(target):
            if locked or not looked_at:
                with suppress(FileExistsError):
                    os.link(f"/proc/self/fd/{descriptor}", os.path.basename(path), dst_dir_fd=folder)
                    return path
    finally:
        os.close(folder)
    raise AssertionError("there is always another name")


def rename(path: str, descriptor: int, target: str) -> None:
    """Give the file of this path and descriptor the name of its target. Raises OSError if it cannot take it."""
    if not os.path.samestat(os.fstat(descriptor), os.lstat(path)):
        raise FileExistsError(None, "another machine of the same name writes to it")
    os.replace(path, target)


def _names(target: str) -> Iterator[tuple[str, bool]]:
    """Names that may be free, and whether later runs look at them."""
    folder, name = os.path.split(target)
    host = os.uname().nodename.replace("/", "-") if hasattr(os, "uname") else "host"
    stem = os.path.join(folder, f".{name[:LETTERS]}.diffcli-{host[:LETTERS]}")
    places = [f"{stem}-{k}.part" for k in range(SLOTS)]
    for path in places:
        _sweep(path)
    yield from ((path, True) for path in places)
    while True:
        yield f"{stem}-{os.urandom(4).hex()}.part", False


def _sweep(path: str) -> None:
    """Remove the file of a run that is no more."""
    with suppress(OSError):  # it is not there, or somebody else's
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            found = os.fstat(descriptor)
            # While it is locked here nobody else removes it, so the path stays what it is seen to be.
            if stat.S_ISREG(found.st_mode) and _lock(descriptor) and os.path.samestat(found, os.lstat(path)):
                os.unlink(path)
        finally:
            os.close(descriptor)


def _lock(descriptor: int) -> bool | None:
    """Whether the file is locked now; None where there are no locks."""
    try:
        import fcntl  # which not every system has

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):
        return None
    return True
