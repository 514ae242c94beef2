"""A table's number as its paper prints it."""

from results.paper import Paper

_ROMAN = ((10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))


def roman(number: int) -> str:
    """
    >>> [roman(n) for n in (1, 4, 6, 9, 14)]
    ['I', 'IV', 'VI', 'IX', 'XIV']
    """
    text = ""
    for value, letters in _ROMAN:
        text += letters * (number // value)
        number %= value
    return text


def numeral(paper: Paper, number: int) -> str:
    return roman(number) if paper.numerals == "roman" else str(number)
