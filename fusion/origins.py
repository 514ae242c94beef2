"""Where a data set's files come from: folders of pinned repositories, or a release that only a person can download.

    [[fetch]]                         # one per folder; all of a data set are put into place together
    to = "tno/ir"                     # below the data root: a folder of the first layout, or of labels
    files = 25
    bytes = 5696639
    manifest = "..."                  # manifest_of the folder: whether it is the right one, wherever it came from
    sources = [{repository = "owner/name", commit = "...", path = "test_img/TNO/ir"}]    # tried in this order
    only = "manifests/names.txt"      # optional, or `without`: a file beside the TOML with stems, one per line

    [release]                         # a download that cannot be cloned
    to = "m3fd"                       # below the data root
    source = "..."                    # who says how many there are
    parts = [{folders = ["Ir", "Vis"], files = 4200}]    # folders of one part hold the same names
    lists = {"train.txt" = 784}       # lists of names of the first part's files, and how many
    made_later = "_flip"              # end of names that a script of the release's adds: not counted
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from core.files import read_text, sha256

KINDS = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".txt", ".xml", ".json"}  # pictures and labels


def below(path: str, what: str) -> None:
    """ValueError unless `path` stays below the folder that it is relative to."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts:
        raise ValueError(f"{what} = {path!r}; expected a path below the data root")


def counted(name: str) -> bool:
    """Whether a file of this name belongs to a data set: a picture or label, not hidden."""
    return not name.startswith(".") and PurePosixPath(name).suffix.lower() in KINDS


def files_of(folder: Path) -> list[Path]:
    """The data set's files that lie in a folder, by name."""
    return sorted(path for path in folder.iterdir() if counted(path.name) and path.is_file())


def manifest_of(folder: Path) -> str:
    """Hex sha256 over the names and contents of a folder's files."""
    digest = hashlib.sha256()
    for path in files_of(folder):
        digest.update(f"{path.name}\0{sha256(path)}\n".encode())
    return digest.hexdigest()


@dataclass(frozen=True)
class Source:
    """A folder of a repository, owner/name, at a commit."""

    repository: str
    commit: str
    path: str

    def __post_init__(self) -> None:
        below(self.path, "path")
        if self.repository.count("/") != 1 or len(self.commit) != 40 or not set(self.commit) <= set("0123456789abcdef"):
            raise ValueError(f"{self.repository}@{self.commit}; expected owner/name and a commit of 40 hex digits")


@dataclass(frozen=True)
class FetchedFolder:
    """One folder of pictures or labels that can be cloned; see above for its keys."""

    to: str
    files: int
    bytes: int
    manifest: str
    sources: tuple[Source, ...]
    only: str = ""
    without: str = ""

    def __post_init__(self) -> None:
        for path in filter(None, (self.to, self.only, self.without)):
            below(path, "to, only or without")
        if not self.sources or (self.only and self.without):
            raise ValueError(f"{self.to}: at least one source, and at most one of only and without")

    def taken(self, names: Iterable[str], card_file: Path) -> list[str]:
        """Which of a source's files are the folder's, by name. card_file: the TOML, beside which the lists lie.

        Raises OSError for a missing list.
        """
        listed = self.only or self.without
        stems = set(read_text(card_file.parent / listed).split()) if listed else set()
        return sorted(name for name in names if counted(name)
                      and (not listed or (PurePosixPath(name).stem in stems) == bool(self.only)))


@dataclass(frozen=True)
class ReleasePart:
    """Folders below the release's own root that hold files of the same names, one for each picture."""

    folders: tuple[str, ...]
    files: int

    def __post_init__(self) -> None:
        for folder in self.folders:
            below(folder, "a folder")


@dataclass(frozen=True)
class Release:
    """A published archive and what it must hold; see above for its keys."""

    to: str
    source: str
    parts: tuple[ReleasePart, ...]
    lists: Mapping[str, int] = field(default_factory=dict)
    made_later: str = ""

    def __post_init__(self) -> None:
        for path in (self.to, *self.lists):
            below(path, "to or a list")
        if not self.folders:
            raise ValueError("parts name no folder")

    @property
    def folders(self) -> tuple[str, ...]:
        return tuple(folder for part in self.parts for folder in part.folders)

    def is_original(self, stem: str) -> bool:
        """Whether the release itself holds the file, not a script that ran on it."""
        return not (self.made_later and stem.endswith(self.made_later))
