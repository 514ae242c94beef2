"""Released weights: fetched from the authors' repositories at a pinned commit, verified, moved into place.

Layout: `<root>/<method>/<file>`, with the authors' file names. Only what a card pins in a repository is downloaded;
what lies behind a sharing service (Google Drive) is named with instructions, since nothing there can be pinned.
"""

import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from baselines.precomputed import how_to_bring
from core.archives import FAULTS, extract, fault
from core.errors import IvfbenchError
from core.files import sha256
from fusion.method import Card, MethodError, WeightFile
from fusion.repositories import MAX_BYTES, Commit, Mirrors, RepositoryError, at_commit, is_pointer, mirror_url

MEMBER = "!"  # "models.zip!folder/file": a member of an archive in the repository
CHUNK = 1 << 20


@dataclass(frozen=True)
class State:
    """One weight file. state: "ready", "missing" or "wrong-hash"; remedy: what to do, "" when ready."""

    method: str
    file: str
    state: str
    remedy: str = ""


@dataclass(frozen=True)
class Outcome:
    """What `fetch` did for one file.

    state: "ready" (was there), "fetched", "manual" (the user must fetch it: `message` says how) or "failed". A method
    whose weights nobody published has one outcome with the file "-".
    """

    method: str
    file: str
    state: str
    message: str = ""


def default_root() -> Path:
    """IVFBENCH_WEIGHTS, or the per-user cache."""
    from platformdirs import user_cache_path

    named = os.environ.get("IVFBENCH_WEIGHTS")
    return Path(named) if named else user_cache_path("ivfbench") / "weights"


def chosen_root(named: Path | str | None) -> Path:
    """The folder that the user names, or `default_root()`. Raises MethodError for a named one that does not exist."""
    if named is None:
        return default_root()
    if not Path(named).is_dir():
        raise MethodError(f"{named}: no such folder; name an existing one with --weights")
    return Path(named).resolve()


def status(cards: Iterable[Card], root: Path) -> list[State]:
    """The state of every weight file that the cards name, in order."""
    states = []
    for card in cards:
        for item in card.weights:
            path = Path(root) / card.name / item.file
            if not path.is_file():
                states.append(State(card.name, item.file, "missing", _source(card, item, path)))
            elif item.sha256 and sha256(path) != item.sha256:
                remedy = f"{path} is not the pinned file; `python run_all.py fetch {card.name}` replaces it"
                states.append(State(card.name, item.file, "wrong-hash", remedy))
            else:
                states.append(State(card.name, item.file, "ready"))
    return states


def fetch(cards: Iterable[Card], root: Path, *, mirrors: Mirrors = None,
          progress: Callable[[str], None] | None = None) -> list[Outcome]:
    """Bring the cards' weights to `root`; each repository is cloned once, shallow and without other files' contents.

    Args:
        mirrors: where repositories are cloned from instead of GitHub (fusion.repositories.mirror_url).
        progress: called with one line before each clone.
    Returns one outcome per file. A file whose sha256 differs from the card's is never put into place: "failed".
    """
    root = Path(root)
    outcomes: dict[tuple[str, str], Outcome] = {}
    wanted: dict[tuple[str, str], list[tuple[Card, WeightFile]]] = {}
    for card in cards:
        if not card.weights:
            message = "needs no weights" if card.kind in ("source", "classic") else how_to_bring(card)
            outcomes[card.name, "-"] = Outcome(card.name, "-", "ready" if card.kind in ("source", "classic")
                                               else "manual", message)
        for item, state in zip(card.weights, status([card], root)):
            key = card.name, item.file
            outcomes[key] = Outcome(*key, "ready")  # keeps the order; replaced below unless it is true
            if state.state == "ready":
                continue
            if item.repository:
                wanted.setdefault((item.repository, item.commit), []).append((card, item))
            else:
                outcomes[key] = Outcome(*key, "manual", _source(card, item, root / card.name / item.file))
    for (repository, commit), items in wanted.items():
        url = mirror_url(repository, mirrors)
        if progress:
            progress(f"{repository}@{commit[:8]} from {url}: {', '.join(item.file for _, item in items)}")
        for outcome in _from_repository(url, commit, items, root):
            outcomes[outcome.method, outcome.file] = outcome
    return list(outcomes.values())


def _source(card: Card, item: WeightFile, path: Path) -> str:
    if item.repository:
        return f"`python run_all.py fetch {card.name}` clones it from {item.repository}"
    if item.url:
        return f"download {item.url} in a browser and save it as {path}"
    return f"no public download is known; ask the authors and save the file as {path}"


def _from_repository(url: str, commit: str, items: list[tuple[Card, WeightFile]], root: Path) -> list[Outcome]:
    try:
        with at_commit(url, commit) as source:
            return [_bring(card, item, source, root) for card, item in items]
    except RepositoryError as error:
        return [Outcome(card.name, item.file, "failed", str(error)) for card, item in items]


def _bring(card: Card, item: WeightFile, source: Commit, root: Path) -> Outcome:
    path = root / card.name / item.file
    try:
        _place(path, item, source)
    except (IvfbenchError, OSError) as error:
        return Outcome(card.name, item.file, "failed", str(error))
    return Outcome(card.name, item.file, "fetched", str(path))


def _place(path: Path, item: WeightFile, source: Commit) -> None:
    """Write the file aside, verify it, rename it: under its name a file is complete and right."""
    inner, _, member = item.path.partition(MEMBER)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as aside:
        try:
            source.write(inner, aside)
            if member:
                _unpack(aside, member, f"{source.origin}:{inner}")
            aside.close()
            _verify(Path(aside.name), item, f"{source.origin}:{item.path}")
            Path(aside.name).chmod(0o644)
            Path(aside.name).replace(path)
        finally:
            Path(aside.name).unlink(missing_ok=True)


def _unpack(aside: IO[bytes], member: str, origin: str) -> None:
    """Leave in `aside` the member of the archive that it holds."""
    with tempfile.TemporaryFile() as archive:
        aside.seek(0)
        shutil.copyfileobj(aside, archive, CHUNK)
        aside.seek(0)
        aside.truncate()
        try:
            with zipfile.ZipFile(archive) as opened:
                entry = opened.getinfo(str(PurePosixPath(member)))
                wrong = fault(entry, "archive of weights") or _too_large(entry.file_size)
                if wrong:
                    raise MethodError(f"{origin}: the member {member} {wrong}; nothing was put into place")
                extract(opened, entry, aside)
        except KeyError as error:
            raise MethodError(f"{origin}: no member {member} in the archive") from error
        except FAULTS as error:
            raise MethodError(f"{origin}: damaged archive ({' '.join(str(error).split())})") from error


def _too_large(size: int) -> str:
    return f"has {size} bytes; at most {MAX_BYTES} are taken" if size > MAX_BYTES else ""


def _verify(path: Path, item: WeightFile, origin: str) -> None:
    if is_pointer(path):
        raise MethodError(f"{origin}: a Git LFS pointer, not the file; clone it with git-lfs and copy it by hand")
    found = sha256(path)
    if item.sha256 and found != item.sha256:
        raise MethodError(f"{origin}: sha256 {found[:12]}... differs from the pinned {item.sha256[:12]}...; "
                          "nothing was put into place. The mirror holds another file")
