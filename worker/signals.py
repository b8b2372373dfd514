"""Owns Stop: a process's wish to end, raised by SIGTERM, SIGINT or its parent's death (ends nothing)."""

import os
import select
import signal
import time
from collections import Counter
from types import FrameType

PARENT_POLL = 1.0  # seconds between looks at the parent while waiting


class Stop:
    """True once the process was asked to end.

    SIGINT and SIGTERM are counted apart: Ctrl-C reaches the whole process group, and the SIGTERM that the
    supervisor then forwards is no second, impatient request. The second of a kind ends the process at once.
    """

    def __init__(self, parent: int | None = None) -> None:
        """Asks to end as well when `parent` is no longer the pid of this process's parent."""
        self._asked = False
        self._parent = parent
        self._requests: Counter[int] = Counter()
        self._bell, self._ring = os.pipe()
        os.set_blocking(self._bell, False)
        os.set_blocking(self._ring, False)

    def __bool__(self) -> bool:
        if self._parent is not None and os.getppid() != self._parent:
            self._asked = True
        return self._asked

    def listen(self, *, children: bool = False) -> None:
        """Installs the handlers; with `children`, the death of a child ends a `wait` early."""
        signal.signal(signal.SIGTERM, self._on_request)
        signal.signal(signal.SIGINT, self._on_request)
        if children:
            signal.signal(signal.SIGCHLD, lambda number, frame: None)  # a handler is what rings the bell
        signal.set_wakeup_fd(self._ring, warn_on_full_buffer=False)

    def wait(self, seconds: float) -> bool:
        """Sleeps until a signal arrives or the time is over; says whether the process was asked to end."""
        until = time.monotonic() + seconds
        while not self and (left := until - time.monotonic()) > 0:
            if select.select([self._bell], [], [], min(left, PARENT_POLL))[0]:
                os.read(self._bell, 4096)
                break
        return bool(self)

    def _on_request(self, number: int, frame: FrameType | None) -> None:
        self._requests[number] += 1
        self._asked = True
        if self._requests[number] > 1:
            os._exit(128 + number)
