"""`run_all.py bundle OUT`: one zip to hand over, with everything a reader can check and nobody else's pictures.

Made for blind review: its texts say nothing of the machine (suite.neutral), its records are sealed anew, and
originals.json keeps the hash and the seal that each file has in OUT.

What a file is, and its sha256, stands in ro-crate-metadata.json (RO-Crate 1.1, written by hand: a dozen keys do not
need a library).
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from core import records
from core.errors import IvfbenchError
from core.files import read_json, read_text, sha256
from fusion.method import methods
from results.audit import FILE as AUDIT
from results.paper import Paper
from results.records import RunRecord, read_result, read_run
from suite.archive import write_zip
from suite.errors import UserError
from suite.neutral import Neutral, neutral_of
from suite.seal import SEAL
from suite.seal import read as read_seal
from suite.unit import seal_of

METADATA = "ro-crate-metadata.json"
ORIGINALS = "originals.json"
PAPER = "paper"  # the description's folder inside a bundle
LICENCE = "https://spdx.org/licenses/MIT"  # the benchmark's own; --licence names another
_TOP = ("run.json", "rows.csv", "provenance.json")
_AUDIT = (AUDIT, "audit.md")
_FOLDERS = ("tables", "label_problems")
_TYPES = {".json": "application/json", ".csv": "text/csv", ".tex": "application/x-tex", ".md": "text/markdown",
          ".html": "text/html", ".png": "image/png", ".toml": "application/toml", ".txt": "text/plain"}


def bundle(out: Path, target: Path, paper: Paper, *, pictures: bool = False, licence: str = LICENCE) -> Path:
    """Write the bundle of the run in OUT. Returns its path. Raises UserError when OUT holds no finished run."""
    try:
        run = read_run(out)
    except FileNotFoundError as error:
        raise UserError(f"{error.filename}: no such file; name the OUT of a run") from error
    found = dict(contents(out, run, paper, pictures))
    lacking = [name for name in _TOP if not found[name].is_file()]
    if lacking:
        raise UserError(f"{out}/{lacking[0]}: no such file; run the same command again, which writes it")
    neutral = neutral_of(run, out, paper.folder)
    rewritten = {name: content for name, path in found.items() if (content := _rewritten(path, neutral)) is not None}
    files: dict[str, Path | bytes] = {**found, **rewritten}
    files[SEAL] = _json(_sealed(out, files, neutral))
    files[ORIGINALS] = _json({name: _original(found[name]) for name in sorted(rewritten)})
    files["manifests.json"] = _json({name: {"manifest": of.manifest, "title": of.title,
                                            "pairs": [pair.id for pair in of.pairs]}
                                     for name, of in run.datasets.items()})
    files[METADATA] = _json(neutral.content(metadata(run, paper, files, licence)))
    return write_zip(target, files)


def _rewritten(path: Path, neutral: Neutral) -> bytes | None:
    """A file's bytes without paths of this machine; None where it has none. Raises UserError, see `_result`."""
    if path.suffix == ".png" or path.name == "rows.csv":
        return None
    if path.name == "result.json":
        return _result(path, neutral)
    if path.suffix == ".json":
        content = read_json(path)
        without = neutral.content(content)
        return None if without == content else _json(without)
    text = read_text(path)
    plain = neutral.text(text, path.suffix)
    return None if plain == text else plain.encode()


def _result(path: Path, neutral: Neutral) -> bytes | None:
    """A unit's result, sealed anew. Raises UserError where its key was made from a path and would hold no longer."""
    result = read_result(path)
    if neutral.content(result.settings) != result.settings:
        raise UserError(f"{path}: its settings hold a path, which an older version took into the key; run the same "
                        "command again, then bundle")
    without = replace(result, details=neutral.content(result.details), provenance=neutral.content(result.provenance))
    return None if without == result else _json(records.write(replace(without, seal=seal_of(without))))


def _sealed(out: Path, files: Mapping[str, Path | bytes], neutral: Neutral) -> dict[str, Any]:
    """The run's seal over the bundle's own files. What OUT's seal does not hold any more stays as it was sealed.

    A signature of OUT's seal is none of this one: it stays with the run. Raises UserError where OUT has no seal.
    """
    found = read_seal(out)

    def anew(sealed: Mapping[str, str]) -> dict[str, str]:
        return {name: _digest(files[name]) if sha256(out / name) == digest else digest
                for name, digest in sealed.items() if name in files}

    return {**found, "records": anew(found["records"]), "reports": anew(found["reports"]),
            "rendering": neutral.content(found["rendering"])}


def _original(path: Path) -> dict[str, str]:
    """What identifies a rewritten file in OUT."""
    seal = {"seal": read_result(path).seal} if path.name == "result.json" else {}
    return {"sha256": sha256(path), **seal}


def contents(out: Path, run: RunRecord, paper: Paper, pictures: bool) -> Iterator[tuple[str, Path]]:
    """(name in the bundle, file). Fused pictures on request; those of "source" methods are the data sets' own: never.

    Links are left out: they may lead anywhere.
    """
    yield from ((name, out / name) for name in _TOP)
    yield from ((name, out / name) for name in _AUDIT if (out / name).is_file() and not (out / name).is_symlink())
    found = [path for folder in _FOLDERS for path in (out / folder).rglob("*")]
    for unit in run.units:
        if unit.status == "done":
            found.append(out / unit.folder / "result.json")
            if pictures and run.methods[unit.method].kind != "source":
                found += (out / unit.folder / "images").glob("*.png")
    for path in sorted(found):
        if path.is_file() and not path.is_symlink() and not path.name.startswith("."):
            yield path.relative_to(out).as_posix(), path
    for path in sorted(paper.folder.glob("*")):
        if path.suffix in (".toml", ".csv") and path.is_file():
            yield f"{PAPER}/{path.name}", path


def metadata(run: RunRecord, paper: Paper, files: Mapping[str, Path | bytes], licence: str) -> dict[str, Any]:
    """The RO-Crate's JSON-LD: what the run is, whose paper it follows, its licence, and every file with its hash."""
    used = [name for name in run.methods if not run.methods[name].reason]
    root = {
        "@id": "./", "@type": "Dataset", "name": f"ivfbench run: {paper.title}",
        "description": f"Rows, records and tables of an image-fusion benchmark run (profile {run.profile}, protocol "
                       f"{run.protocol}, precision {run.precision}; {len(used)} methods on "
                       f"{', '.join(run.datasets) or 'no data sets'})",
        "datePublished": run.finished, "license": {"@id": licence}, "citation": {"@id": "#paper"},
        "hasPart": [{"@id": name} for name in sorted(files)], "mentions": [{"@id": f"#method-{m}"} for m in used]}
    return {"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": [
        {"@id": METADATA, "@type": "CreativeWork", "about": {"@id": "./"},
         "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"}},
        root,
        {"@id": licence, "@type": "CreativeWork", "name": licence.rpartition("/")[2]},
        {"@id": "#paper", "@type": "ScholarlyArticle", "name": paper.title, "description": paper.citation},
        *(_method(name, run) for name in used),
        *(_file(name, files[name]) for name in sorted(files))]}


def _method(name: str, run: RunRecord) -> dict[str, Any]:
    """A method: where it was published, under which licence, with which weights."""
    card = methods().get(name)
    return {"@id": f"#method-{name}", "@type": "SoftwareApplication", "name": run.methods[name].title,
            "citation": card.paper if card else "", "license": (card.licence if card else "") or "none stated",
            "description": ", ".join(f"weights {w.file} sha256 {w.sha256}" for w in run.methods[name].weights)}


def _file(name: str, content: Path | bytes) -> dict[str, Any]:
    size = len(content) if isinstance(content, bytes) else content.stat().st_size
    return {"@id": name, "@type": "File", "name": name, "contentSize": str(size), "sha256": _digest(content),
            "encodingFormat": _TYPES.get(Path(name).suffix, "application/octet-stream")}


def _digest(content: Path | bytes) -> str:
    return hashlib.sha256(content).hexdigest() if isinstance(content, bytes) else sha256(content)


def faults(folder: Path) -> list[str]:
    """What is wrong with an unpacked bundle by its own metadata: hashes, files that are gone, files too many."""
    try:
        graph = read_json(folder / METADATA)["@graph"]
        listed = {entry["@id"]: entry["sha256"] for entry in graph if entry["@type"] == "File"}
    except (FileNotFoundError, IvfbenchError, KeyError, TypeError) as error:
        return [f"{METADATA}: gone or no metadata of a bundle ({type(error).__name__})"]
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {METADATA}
    wrong = [f"{name}: listed in {METADATA}, but not in the bundle" for name in sorted(listed.keys() - there)]
    wrong += [f"{name}: in the bundle, but not listed in {METADATA}" for name in sorted(there - listed.keys())]
    return wrong + [f"{name}: not the bytes whose hash {METADATA} states" for name in sorted(there & listed.keys())
                    if sha256(folder / name) != listed[name]]


def _json(content: Any) -> bytes:
    return (json.dumps(content, indent=1, allow_nan=False) + "\n").encode()
