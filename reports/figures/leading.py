"""The metric by which figures choose what to show."""

from reports.columns import Shown, all_of_pictures
from reports.data import RunData


def leading(data: RunData, suite: str) -> Shown:
    """The description's metric where the suite's rows have it, under its first variant; else what was scored first."""
    scored = all_of_pictures(data, suite)
    return next((column for column in scored if column.metric == data.paper.metric), scored[0])
