"""Numerals: numbers as people write them in a sentence; pages write them so, too (static/core/format.js)."""

PLAIN = (1e-3, 1e5)  # from the first, and below the second, a number is written without an exponent


def brief(value: float, digits: int = 2) -> str:
    """A number with so many significant digits, at most 6: `0.0032`, `3.2e-6`, `240`, `1e9`, `inf`, `nan`."""
    short = float(f"{value:.{digits}g}")
    if short == 0 or PLAIN[0] <= abs(short) < PLAIN[1]:
        return f"{short:g}"
    mantissa, _, exponent = f"{short:.{digits - 1}e}".partition("e")
    return f"{float(mantissa):g}e{int(exponent)}" if exponent else mantissa
