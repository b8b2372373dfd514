"""Exit codes of the command line, and the sentence and the code for each error."""

from learning.errors import Invalid, LossdeckError, NoWorker, WrongUsage

DONE = 0
FAILED = 1
WRONG_USAGE = 2
NO_WORKER = 3
INTERRUPTED = 130

_CODES = {Invalid: WRONG_USAGE, WrongUsage: WRONG_USAGE, NoWorker: NO_WORKER}  # all others: FAILED


def explain(error: Exception) -> str | None:
    """The sentence for an error that the user can act on; None for a bug in this program."""
    from store.db import errors

    if isinstance(error, LossdeckError):
        return str(error)
    if isinstance(error, FileExistsError | NotADirectoryError):
        return f"{error.filename or 'A file'} is there, but it is not a folder."
    if isinstance(error, OSError):
        return f"{error.filename or 'The system'}: {error.strerror or error}."
    return errors.explain(error)


def exit_code(error: Exception) -> int:
    """The exit code for an error that can be explained."""
    return next((code for kind, code in _CODES.items() if isinstance(error, kind)), FAILED)
