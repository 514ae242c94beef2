"""The plan made again from the recorded request: is anything missing, added or described otherwise?"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from core import records
from core.errors import IvfbenchError
from core.plugins import loaded_files
from results.records import MethodRecord, ResultRecord, RunRecord
from suite.checks.findings import Findings
from suite.collect import described
from suite.planning import Planning
from suite.recorded import planned_again

# "code": other source here, said once; ir, vi: where files lie says nothing of them
_PASSED_OVER = ("code", "ir", "vi")
Address = tuple[str, str, str, int]


def check_plan(out: Path, run: RunRecord, stored: Mapping[str, ResultRecord], findings: Findings, data: Path | None,
               weights: Path | None) -> Planning | None:
    """The plan, with all source pictures and labels hashed again; None where it cannot be made here."""
    lacking = sorted(set(run.plugins) - set(map(str, loaded_files())))
    if lacking:
        findings.unknown.append(f"plan and sources: the run used {lacking[0]}; name its folder with --plugins")
        return None
    root = data or out / str(run.request.get("data", ""))
    try:
        plan = planned_again(out, run.request, data, weights)
    except IvfbenchError as error:
        if root.is_dir() and run.request:
            findings.wrong.append(f"{out}/run.json: no plan can be made of what it says and of {root} ({error})")
        else:
            findings.unknown.append(f"plan and sources: not made again ({error}); --data DIR names the sources")
        return None
    findings.count("source pictures: hashed again", sum(2 * len(pairs.pairs) for pairs in plan.datasets.values()))
    findings.count("planned units: planned again from the recorded request", len(plan.units))
    findings.wrong += [f"{out}/run.json: {text}" for text in _differences(out, run, plan, stored, findings)]
    return plan


def _differences(out: Path, run: RunRecord, plan: Planning, stored: Mapping[str, ResultRecord],
                 findings: Findings) -> Iterator[str]:
    for name in ("protocol", "precision", "paper"):
        if getattr(run, name) != getattr(plan.profile, name):
            yield f"{name} is {getattr(run, name)!r}, the request gives {getattr(plan.profile, name)!r}"
    if run.profile != plan.profile.name:
        yield f"profile is {run.profile!r}, the request gives {plan.profile.name!r}"
    planned = described(out, plan)
    here, there = dict(run.methods), dict(planned["methods"])
    for name in set(here) & set(there):
        if here[name].reason or there[name].reason:  # weights that were or are not at hand
            if here[name].reason != there[name].reason:
                findings.unknown.append(_not_at_hand(name, here[name], there[name]))
            del here[name], there[name]
    for kind, one, other in (("methods", here, there), ("data sets", run.datasets, planned["datasets"]),
                             ("suites", run.suites, planned["suites"])):
        yield from _entries(kind, records.write(one), records.write(other))
    if any(here[name].code != there[name].code for name in set(here) & set(there)):
        findings.unknown.append("keys: the source code here is not the one that the run was made with")
    yield from _units(run, plan, stored, set(here) | set(there))


def _not_at_hand(name: str, here: MethodRecord, there: MethodRecord) -> str:
    if here.reason:
        return f"{name}: skipped then ({here.reason}); whether that was so is not known"
    return f"{name}: not planned again here ({there.reason})"


def _entries(kind: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    for name in [*one, *(name for name in other if name not in one)]:
        if name not in one or name not in other:
            yield f"{kind}: {name} is {'missing, but the request names it' if name in other else 'not of the request'}"
        else:
            yield from (f"{kind}: {name}: {text}" for text in _fields(one[name], other[name], ""))


def _fields(one: Any, other: Any, where: str) -> Iterator[str]:
    """Where two JSON-able values differ, with both."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in dict.fromkeys((*one, *other)):
            if name not in _PASSED_OVER:
                yield from _fields(one.get(name), other.get(name), f"{where}.{name}".lstrip("."))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, (a, b) in enumerate(zip(one, other)):
            name = a.get("id", number) if isinstance(a, dict) else number
            yield from _fields(a, b, f"{where}[{name}]")
    elif one != other:
        yield f"{where} is {_short(one)}, planned again {_short(other)}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _units(run: RunRecord, plan: Planning, stored: Mapping[str, ResultRecord], methods: set[str]) -> Iterator[str]:
    """Units that one side has and the other has not, and settings that differ."""
    listed, planned = defaultdict[Address, list[str]](list), defaultdict[Address, list[Any]](list)
    for record in run.units:
        if record.method in methods:
            listed[record.stage, record.method, record.dataset, record.seed].append(record.key)
    for unit in plan.units:
        if unit.method in methods:
            planned[unit.stage, unit.method, unit.dataset, unit.seed].append(unit)
    for address in dict.fromkeys((*listed, *planned)):
        keys, units = listed[address], planned[address]
        if len(keys) != len(units):
            yield f"units: {len(keys)} of {' '.join(map(str, address))}, the request gives {len(units)}"
            continue
        for key, unit in zip(keys, units):  # both in the order of the plan
            if key != unit.key and key in stored:
                yield from (f"units: {unit}: {text}" for text in
                            _fields(_without_code(stored[key].settings), _without_code(unit.settings), "settings"))


def _without_code(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings less the hashes of source code: those of metrics stand beside their names."""
    plain: dict[str, Any] = records.write(settings)
    if "metrics" in plain:
        plain["metrics"] = [name for name, *_ in plain["metrics"]]
    return plain
