"""Numbers in a text of a request, such as `0,4,17`."""


def split_numbers(text: str, digits: int = 9) -> list[int | None]:
    """The numbers between commas; None for anything else, or for one of more digits."""
    words = [word.strip() for word in text.split(",")]
    return [int(word) if is_number(word, digits) else None for word in words]


def is_number(word: str, digits: int = 9) -> bool:
    """Whether a text is a whole number of at most so many digits, without a sign."""
    return word.isascii() and word.isdecimal() and len(word) <= digits
