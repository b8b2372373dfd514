"""Owns the line that the lecture's search prints for a trial (an epoch's is the pages': static/lines.js)."""


def trial_line(val_acc: float | None, lr: float, reg: float, number: int, total: int) -> str:
    """For the trial `number` (from 0) of `total`; accuracy None, where no epoch was finished, reads nan."""
    accuracy = float("nan") if val_acc is None else val_acc
    return f"val acc: {accuracy:f}, lr: {lr:e}, reg: {reg:e}, ({number + 1} / {total})"
