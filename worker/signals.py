"""A process's request to stop: by SIGTERM, SIGINT or its parent's death."""

import os
import select
import signal
import time
from collections import Counter
from types import FrameType

PARENT_POLL_SECONDS = 1.0  # between looks at the parent while waiting


class StopRequest:
    """True once the process was asked to stop.

    SIGINT and SIGTERM are counted separately: Ctrl-C reaches the whole process group, and the SIGTERM that
    the supervisor then forwards is not a second, impatient request. The second of a kind exits at once.
    """

    def __init__(self, parent: int | None = None) -> None:
        """With `parent`, also becomes true when that is no longer the pid of this process's parent."""
        self._asked = False
        self._parent = parent
        self._requests: Counter[int] = Counter()
        self._wake_reader, self._wake_writer = os.pipe()
        os.set_blocking(self._wake_reader, False)
        os.set_blocking(self._wake_writer, False)

    def __bool__(self) -> bool:
        if self._parent is not None and os.getppid() != self._parent:
            self._asked = True
        return self._asked

    def listen(self, *, children: bool = False) -> None:
        """Installs the handlers; with `children`, the death of a child ends a `wait` early."""
        signal.signal(signal.SIGTERM, self._on_request)
        signal.signal(signal.SIGINT, self._on_request)
        if children:
            signal.signal(signal.SIGCHLD, lambda number, frame: None)  # without a handler there is no wake-up
        signal.set_wakeup_fd(self._wake_writer, warn_on_full_buffer=False)

    def wait(self, seconds: float) -> bool:
        """Sleeps until a signal or the end of the time. Whether the process was asked to stop."""
        until = time.monotonic() + seconds
        while not self and (left := until - time.monotonic()) > 0:
            if select.select([self._wake_reader], [], [], min(left, PARENT_POLL_SECONDS))[0]:
                os.read(self._wake_reader, 4096)
                break
        return bool(self)

    def _on_request(self, number: int, frame: FrameType | None) -> None:
        self._requests[number] += 1
        self._asked = True
        if self._requests[number] > 1:
            os._exit(128 + number)
