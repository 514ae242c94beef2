"""`run_all.py verify OUT`: is what lies in OUT what the rows say it is? Means and limits: docs/verify.md."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reports.data import RunData, load
from reports.errors import ReportError
from results.records import ResultRecord
from suite import seal
from suite.archive import opened
from suite.bundle import PAPER, faults
from suite.checks.again import Again, sample
from suite.checks.costs import check_costs
from suite.checks.findings import Findings
from suite.checks.plan import check_plan
from suite.checks.predictions import check_predictions
from suite.checks.records import check_provenance, check_rows, check_units
from suite.checks.reports import check_reports
from suite.environment import environment
from suite.errors import UserError

__all__ = ["Findings", "Look", "verify"]


@dataclass(frozen=True)
class Look:
    """How closely to look.

    data, weights: roots here; None: where they were. pictures: to fuse and score again in all, at least one of every
    unit; 0: none. everything: all pictures and figures. seed: which pictures. signed_by: whose signature the seal must
    have: a public ssh key or an allowed-signers file.
    """

    data: Path | None = None
    weights: Path | None = None
    pictures: int = 8
    everything: bool = False
    seed: int = 0
    device: str = "cpu"
    signed_by: Path | None = None


def verify(out: Path, look: Look = Look(), say: Callable[[str], None] = print) -> Findings:
    """Look through OUT, or a bundle. Raises ReportError when it holds no run, UserError for an unsafe zip.

    A bundle holds no data set and perhaps no pictures: its pictures are hashed where they are, none is fused again.
    """
    with opened(Path(out)) as (folder, unpacked):
        findings = Findings(bundled=unpacked)
        if unpacked:
            findings.wrong += faults(folder)
            findings.count("files of the bundle: hashes", sum(path.is_file() for path in folder.rglob("*")))
            say("a bundle: no picture is fused again")
        try:
            data = load(folder, str(folder / PAPER) if unpacked else None)
        except ReportError as error:
            if not findings.wrong:
                raise
            findings.wrong.append(str(error))  # what was changed is the first thing to say
            return findings
        stored = check_units(data, findings)
        with _sound(findings, "rows and provenance"):
            check_rows(data, stored, findings)
            check_provenance(data, stored, findings)
        with _sound(findings, "parameters and MACs"):
            check_costs(stored, findings)
        with _sound(findings, "seal and reports"):
            _check_seal(data, look, findings)
        if unpacked:
            findings.unknown.append("plan, sources and pictures: they stayed with the run")
        else:
            with _sound(findings, "plan and pictures"):
                _check_again(data, stored, look, say, findings)
        findings.unknown += _never_known(stored)
        findings.unknown = list(dict.fromkeys(findings.unknown))
        return findings


@contextmanager
def _sound(findings: Findings, what: str) -> Iterator[None]:
    """Records that were edited may hold anything: what cannot even be compared is wrong."""
    try:
        yield
    except UserError:  # of an option, not of a record
        raise
    except (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError) as error:
        findings.wrong.append(f"{what}: the records cannot be compared ({type(error).__name__}: {error})")


def _check_seal(data: RunData, look: Look, findings: Findings) -> None:
    """The seal, its signature, and the reports, whose options it holds."""
    try:
        found: dict[str, Any] = seal.read(data.out)
    except UserError as error:
        findings.wrong.append(str(error))
        return
    findings.count("records and reports: sha256 against seal.json", len(found["records"]) + len(found["reports"]))
    findings.wrong += seal.faults(data.out, found, bundled=findings.bundled)
    commit = environment()["commit"]
    if found["commit"] != commit:
        findings.unknown.append(f"code: the run is of commit {found['commit'] or 'unknown'}, here is "
                                f"{commit or 'no checkout'}")
    if look.signed_by is None:
        findings.unknown.append("who wrote it: seal.json was not asked for a signature (--signed-by FILE); whoever can "
                                "write to OUT can write it anew")
    else:
        fault = seal.signature_fault(data.out, look.signed_by)
        findings.wrong += [fault] if fault else []
        findings.count("seal.json: ssh signature")
    check_reports(data, found, findings, thoroughly=look.everything,
                  paper=str(data.out / PAPER) if findings.bundled else None)


def _check_again(data: RunData, stored: dict[str, ResultRecord], look: Look, say: Callable[[str], None],
                 findings: Findings) -> None:
    from baselines.weights import chosen_root

    plan = check_plan(data.out, data.run, stored, findings, look.data, look.weights)
    check_predictions(data.out, data.run, stored, plan, findings)
    recorded = data.run.request.get("weights")
    weights = look.weights or (data.out / recorded if isinstance(recorded, str) else chosen_root(None))
    again = Again(data.out, data.run, stored, plan, weights, look.device, findings)
    for of, entry in sample(again.units(), look.pictures, look.seed, everything=look.everything):
        say(f"fusing again: {of.result.method} {of.result.dataset} {entry.id}")
        again.check(of, entry)
    if not look.everything:
        findings.unknown.append("the other pictures and their scores: hashed, not made again (--all makes all of them)")


def _never_known(stored: dict[str, ResultRecord]) -> list[str]:
    stages = {result.stage for result in stored.values()}
    found = []
    if stages & {"detect", "segment", "train"}:
        found.append("trainings: not repeated; that predictions and weights come from them is not known")
    if "measure" in stages:
        found.append("times and memory: measured once; not measured again")
    return [*found, "machine, packages and times of the provenance: stated by the run, not checked"]
