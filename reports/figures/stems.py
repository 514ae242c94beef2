"""Names of figures."""

from reports.data import RunData


def stem(data: RunData, what: str, suite: str, dataset: str) -> str:
    """"radar_<data set>"; with the suite in between where an earlier suite of the same kind shows the data set too."""
    suites = data.suites(data.suite_record(suite).kind)
    earlier = suites[:suites.index(suite)] if suite in suites else []
    taken = any(dataset in data.datasets(other) for other in earlier)
    return f"{what}_{suite}_{dataset}" if taken else f"{what}_{dataset}"
