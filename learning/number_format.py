"""Numbers as people write them in a sentence; static/core/format.js writes them the same way."""

import math
from collections.abc import Mapping

PLAIN_RANGE = (1e-3, 1e5)  # from the first up to the second, numbers have no exponent


def format_number(value: float, digits: int = 2) -> str:
    """Format with 1 to 6 significant digits: `0.0032`, `3.2e-6`, `240`, `1e9`, `inf`, `nan`."""
    short = float(f"{value:.{digits}g}")
    if short == 0 or PLAIN_RANGE[0] <= abs(short) < PLAIN_RANGE[1]:
        return f"{short:g}"
    mantissa, _, exponent = f"{short:.{digits - 1}e}".partition("e")
    return f"{float(mantissa):g}e{int(exponent)}" if exponent else mantissa


def replace_non_finite(values: Mapping[str, float]) -> tuple[dict[str, float | None], dict[str, str]]:
    """The values, with None for those that are not finite; and for each of these inf, -inf or nan."""
    clean: dict[str, float | None] = {}
    flags: dict[str, str] = {}
    for name, value in values.items():
        number = float(value)
        if math.isfinite(number):
            clean[name] = number
        else:
            clean[name] = None
            flags[name] = str(number)
    return clean, flags
