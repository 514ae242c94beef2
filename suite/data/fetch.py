"""`run_all.py fetch data`: folders of pinned repositories, verified by the cards' manifests, moved into place.

Whatever happens on the way, a folder under its name is complete and right: files are gathered in `<data>/.fetch/`,
where the same command finds those that came before it was killed; all folders of a data set are renamed together.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from core.errors import IvfbenchError
from core.files import aside
from fusion.dataset_cards import DatasetCard
from fusion.origins import FetchedFolder, Source, files_of, manifest_of
from fusion.repositories import Commit, Mirrors, RepositoryError, at_commit, is_pointer, mirror_url

STAGE = ".fetch"
BATCH = 128  # files whose contents travel in one go; what came is kept when the next batch breaks
SPARE = 2  # times the folders' bytes: the clone's compressed copy and the files
MEGABYTE = 10**6
STEP = 5 * MEGABYTE  # bytes between two lines of progress, at least

Say = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """What was done for one data set. state: "ready" (was there), "fetched", "manual" (the user must) or "failed"."""

    dataset: str
    state: Literal["ready", "fetched", "manual", "failed"]
    message: str = ""


def fetch(cards: Iterable[DatasetCard], root: Path, *, mirrors: Mirrors = None, say: Say) -> list[Outcome]:
    """Bring the cards' data sets below `root`; one that cannot be had does not stop the others.

    Args:
        mirrors: where repositories are cloned from instead of GitHub (fusion.repositories.mirror_url).
        say: called with one line for each source, and for every tenth of the bytes.
    Raises OSError where `root` cannot be made or written to, a full disk included: what came is kept for the next try.
    """
    root.mkdir(parents=True, exist_ok=True)
    with _clones(root, mirrors) as clones:
        return [_fetch_one(card, root, clones, say) for card in cards]


def _fetch_one(card: DatasetCard, root: Path, clones: "_Clones", say: Say) -> Outcome:
    if not card.fetch:
        return Outcome(card.name, "manual", _by_hand(card))
    try:
        lacking = [folder for folder in card.fetch if not _in_place(root / folder.to, folder)]
        if not lacking:
            return Outcome(card.name, "ready")
        _room(card, root, lacking)
        stage = root / STAGE / card.name
        progress = _Progress(card.name, sum(folder.bytes for folder in lacking), say)
        staged = [(_gather(card, folder, stage, clones, progress), root / folder.to) for folder in lacking]
    except IvfbenchError as error:
        return Outcome(card.name, "failed", str(error))
    for gathered, target in staged:
        target.parent.mkdir(parents=True, exist_ok=True)
        gathered.rename(target)
    shutil.rmtree(stage)
    return Outcome(card.name, "fetched", ", ".join(str(target) for _, target in staged))


def _by_hand(card: DatasetCard) -> str:
    if card.release:
        return (f"cannot be cloned; download it ({card.published}), then `python run_all.py import-data {card.name} "
                "ARCHIVE.zip|FOLDER`")
    return f"no repository is known that holds it; published at {card.published}"


def _in_place(target: Path, folder: FetchedFolder) -> bool:
    """Whether the folder is there as it must be. Raises RepositoryError where another one has its name."""
    if not target.exists():
        return False
    if target.is_dir() and manifest_of(target) == folder.manifest:
        return True
    found = f"{len(files_of(target))} files" if target.is_dir() else "no folder"
    raise RepositoryError(f"{target}: {found}, not the {folder.files} that the data set's card pins; nothing was "
                          "replaced. Use another --data, or move it away and fetch again")


def _room(card: DatasetCard, root: Path, folders: Iterable[FetchedFolder]) -> None:
    needed, free = SPARE * sum(folder.bytes for folder in folders), shutil.disk_usage(root).free
    if needed > free:
        raise RepositoryError(f"{root}: {free // MEGABYTE} MB are free; {card.name} needs {needed // MEGABYTE} MB "
                              "while it is fetched. Make room or name another --data")


def _gather(card: DatasetCard, folder: FetchedFolder, stage: Path, clones: "_Clones", progress: "_Progress") -> Path:
    """The folder complete and verified below `stage`, from the first source that has it. Raises RepositoryError."""
    faults = []
    for number, source in enumerate(folder.sources):
        target = stage / str(number) / folder.to  # of each source apart: theirs are never mixed
        try:
            if not (target.is_dir() and manifest_of(target) == folder.manifest):
                _download(clones.of(source), source, folder, card.path, target, progress)
                _verify(target, folder, clones.of(source).origin)
            return target
        except RepositoryError as error:
            faults.append(str(error))
            progress.say(f"{folder.to}: not from {source.repository}: {error}")
    raise RepositoryError(f"{folder.to}: {'; '.join(faults)}; nothing was put into place")


def _download(commit: Commit, source: Source, folder: FetchedFolder, card_file: Path, target: Path,
              progress: "_Progress") -> None:
    """Every file of the folder that is not there yet, each written aside and renamed."""
    ids = commit.files(source.path)
    names = folder.taken(ids, card_file)
    if len(names) != folder.files:
        raise RepositoryError(f"{commit.origin}: {len(names)} files in {source.path}; expected {folder.files}")
    target.mkdir(parents=True, exist_ok=True)
    progress.say(f"{folder.to}: {folder.files} files from {commit.origin}:{source.path}")
    progress.came(sum((target / name).stat().st_size for name in names if (target / name).exists()))
    names = [name for name in names if not (target / name).exists()]
    for start in range(0, len(names), BATCH):
        batch = names[start:start + BATCH]
        commit.bring([ids[name] for name in batch])
        for name in batch:
            with aside(target / name) as temporary:
                with temporary.open("wb") as sink:
                    commit.write(f"{source.path}/{name}", sink)
                if is_pointer(temporary):
                    raise RepositoryError(f"{commit.origin}: {source.path}/{name} is a Git LFS pointer, not the file")
            progress.came((target / name).stat().st_size)


def _verify(target: Path, folder: FetchedFolder, origin: str) -> None:
    """Remove what is wrong, so that a mended mirror is asked anew."""
    for path in target.iterdir():
        if path.name.startswith("."):
            path.unlink()  # of a fetch that was killed
    found = manifest_of(target)
    if found != folder.manifest:
        shutil.rmtree(target)
        raise RepositoryError(f"{origin}: manifest {found[:12]}... differs from the pinned {folder.manifest[:12]}...: "
                              "other files than the data set's")


@dataclass
class _Progress:
    """Bytes of one data set, said now and then."""

    name: str
    total: int
    say: Say
    done: int = 0
    said: int = 0

    def came(self, size: int) -> None:
        self.done += size
        if self.done - self.said >= max(STEP, self.total // 10):
            self.said = self.done
            self.say(f"{self.name}: {self.done / MEGABYTE:.1f} of {self.total / MEGABYTE:.1f} MB")


@dataclass
class _Clones:
    """Commits cloned once, however many folders come from them; one that cannot be had is not asked for again."""

    mirrors: Mirrors
    scratch: Path
    opened: ExitStack
    known: dict[tuple[str, str], Commit | RepositoryError] = field(default_factory=dict)

    def of(self, source: Source) -> Commit:
        key = source.repository, source.commit
        if key not in self.known:
            url = mirror_url(source.repository, self.mirrors)
            try:
                self.known[key] = self.opened.enter_context(at_commit(url, source.commit, self.scratch))
            except RepositoryError as error:
                self.known[key] = error
        found = self.known[key]
        if isinstance(found, RepositoryError):
            raise found
        return found


@contextmanager
def _clones(root: Path, mirrors: Mirrors) -> Iterator[_Clones]:
    """Clones below the data root's stage, those of a fetch that was killed removed."""
    stage, scratch = root / STAGE, root / STAGE / ".clones"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        with ExitStack() as opened:
            yield _Clones(mirrors, scratch, opened)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        for path in (*sorted(stage.rglob("*"), reverse=True), stage):  # what is left came, and waits for the next try
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()
