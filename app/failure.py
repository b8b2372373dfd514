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


def explain(error: Exception) -> str | None:
    """An error that the user can mend, as a sentence; None for one that is a fault of this program."""
    from learning.data.dataset import DatasetError
    from learning.settings import Invalid
    from store.db import errors
    from store.db.database import DatabaseError
    from store.db.weight_files import Damaged

    if isinstance(error, Failure | DatasetError | Invalid | DatabaseError | Damaged):
        return str(error)
    if isinstance(error, FileExistsError | NotADirectoryError):
        return f"{error.filename or 'A file'} is there, but it is not a folder."
    if isinstance(error, OSError):
        return f"{error.filename or 'The system'}: {error.strerror or error}."
    return errors.sentence(error)


def code_of(error: Exception) -> int:
    """The exit code for an explained error: values that cannot be are wrong usage, the rest is failure."""
    from learning.settings import Invalid

    return WRONG_USAGE if isinstance(error, Invalid) else FAILED
