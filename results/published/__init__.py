"""The papers that come with the package: one folder each. See results.papers."""

import pandas as pd

from results.papers import DEFAULT, load_paper


def published(number: int, paper: str = DEFAULT) -> pd.DataFrame:
    """Table `number` as printed in a paper (text as text, numbers as float). Raises PaperError for an unknown one."""
    return load_paper(paper).published(number)
