"""Numbers as people write them in a sentence; static/core/format.js writes them the same way."""

PLAIN_RANGE = (1e-3, 1e5)  # from the first up to the second, numbers have no exponent


def format_number(value: float, digits: int = 2) -> str:
    """Format with 1 to 6 significant digits: `0.0032`, `3.2e-6`, `240`, `1e9`, `inf`, `nan`."""
    short = float(f"{value:.{digits}g}")
    if short == 0 or PLAIN_RANGE[0] <= abs(short) < PLAIN_RANGE[1]:
        return f"{short:g}"
    mantissa, _, exponent = f"{short:.{digits - 1}e}".partition("e")
    return f"{float(mantissa):g}e{int(exponent)}" if exponent else mantissa
