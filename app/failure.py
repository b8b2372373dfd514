"""Owns Failure: how a command ends when it cannot do what it was asked (prints nothing)."""

DONE = 0
FAILED = 1
WRONG_USAGE = 2
NO_WORKER = 3
INTERRUPTED = 130


class Failure(Exception):  # noqa: N818  read as "raise Failure"
    """One clear sentence for the user, and the exit code that goes with it."""

    def __init__(self, sentence: str, code: int = FAILED) -> None:
        super().__init__(sentence)
        self.code = code
