"""Parameters and multiply-accumulates counted again from the method's code: no weights and no pictures are needed."""

from collections.abc import Mapping

from core.errors import IvfbenchError
from fusion.method import find
from results.records import ResultRecord
from results.rows import from_json
from suite.checks.findings import Findings
from suite.suites.complexity import counts

TIMED = ("time_s", "peak_mib")  # measured, not counted


def check_costs(stored: Mapping[str, ResultRecord], findings: Findings) -> None:
    """Rows of the stage measure, but for times and memory. A count is the same everywhere: no tolerance."""
    for result in stored.values():
        if result.stage != "measure":
            continue
        where, settings = f"{result.stage} {result.method}", result.settings
        try:
            method = find(result.method)
        except IvfbenchError as error:
            findings.unknown.append(f"{where}: parameters and MACs not checked: {error}")
            continue
        if settings["method_version"] != method.card.version:
            findings.unknown.append(f"{where}: parameters and MACs not checked: the run has version "
                                    f"{settings['method_version']} of the method, here is {method.card.version}")
            continue
        again = counts(method, settings["height"], settings["width"])
        rows = {row.metric: row.value for row in map(from_json, result.rows) if row.metric not in TIMED}
        findings.count("parameters and MACs counted again", len(again))
        findings.wrong += [f"{where}: {name} is {rows.get(name, 'missing')}, counted again "
                           f"{again.get(name, 'not at all')}"
                           for name in {**again, **rows} if rows.get(name) != again.get(name)]
