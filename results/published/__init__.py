"""The paper's Tables I-VI as data: the published side of every comparison."""

from pathlib import Path

import pandas as pd

FOLDER = Path(__file__).parent
TABLES = (1, 2, 3, 4, 5, 6)


def published(number: int) -> pd.DataFrame:
    """Table `number` as printed in the paper (text as text, numbers as float).

    Raises ValueError for a number that the paper does not have.
    """
    if number not in TABLES:
        raise ValueError(f"the paper has no Table {number}; known: {', '.join(map(str, TABLES))}")
    return pd.read_csv(FOLDER / f"table{number}.csv")
