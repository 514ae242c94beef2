"""`run_all.py import-data`: a release that nothing can clone, from the archive or folder that the user downloaded.

The release's folders are looked for in it, counted against the official numbers of the data set's card, put below the
data root by one rename, and described by a manifest beside them.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.files import read_text, sha256, write_json
from fusion.dataset_cards import DatasetCard, datasets
from fusion.origins import Release, ReleasePart, files_of, manifest_of
from suite.archive import unpack
from suite.errors import UserError

MANIFEST = "{name}.manifest.json"  # beside the data set's folder
RESOURCES = "__MACOSX"  # a copy of the tree, without its contents, in zips that a Mac wrote
SHOWN = 5


def import_data(card: DatasetCard, given: Path, root: Path) -> Path:
    """Put the release in `given`, a zip or folder, below `root`. Returns the manifest's path.

    Raises UserError: a data set without a release; a target that exists; an archive that is not safe to unpack; no
    place in it, or more than one, that looks like the release; other numbers than the official ones. Then nothing is
    put into place.
    """
    release = card.release
    if release is None:
        known = ", ".join(name for name, other in datasets().items() if other.release)
        raise UserError(f"{card.name}: not a release that is imported (those are {known}); "
                        f"`python run_all.py fetch data {card.name}` brings what can be cloned")
    target = root / release.to
    if target.exists():
        raise UserError(f"{target}: exists already, nothing was changed; move it away to import the release anew")
    root.mkdir(parents=True, exist_ok=True)
    stage = root / f".import-{card.name}"
    shutil.rmtree(stage, ignore_errors=True)  # of an import that was killed
    try:
        with _opened(given, stage / "unpacked", card.title) as content:
            place = _find(content, release, given)
            _check(place, release, given)
            _gather(place, release, stage / "ready", shutil.copyfile if given.is_dir() else os.replace)
        manifest = {"data_set": card.name, "release": release.source, "from": given.name,
                    "sha256": sha256(given) if given.is_file() else None, "folders": _folders(stage / "ready", release)}
        path = write_json(root / MANIFEST.format(name=release.to), manifest)
        (stage / "ready").rename(target)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    return path


@contextmanager
def _opened(given: Path, folder: Path, title: str) -> Iterator[Path]:
    if given.is_dir():
        yield given
        return
    if not given.is_file():
        raise UserError(f"{given}: no such archive or folder; name the zip that you downloaded, or what it unpacks to")
    unpack(given, folder, kind=f"release of {title}")
    yield folder


def _find(content: Path, release: Release, given: Path) -> Path:
    """The one folder below `content` that holds all of the release's folders."""
    first = release.folders[0]
    up = len(Path(first).parts) - 1
    places = [path.parents[up] for path in (content, *sorted(content.rglob("*")))
              if path.is_dir() and path.parts[-up - 1:] == Path(first).parts and RESOURCES not in path.parts]
    found = [place for place in places if all((place / name).is_dir() for name in release.folders)]
    if len(found) == 1:
        return found[0]
    wanted = ", ".join(f"{name}/" for name in release.folders)
    there = ", ".join(sorted(path.name for path in content.iterdir())[:SHOWN]) or "nothing"
    if not found:
        raise UserError(f"{given}: no folder in it holds {wanted}; found {there}. Is it the whole release?")
    raise UserError(f"{given}: {len(found)} folders in it hold {wanted}: "
                    f"{', '.join(str(path.relative_to(content)) for path in found[:SHOWN])}; name one of them")


def _check(place: Path, release: Release, given: Path) -> None:
    """Numbers, names and lists against the card. Raises UserError with the first thing that is wrong."""
    try:
        for part in release.parts:
            _check_part(place, part, release)
        pictures = {path.stem for path in files_of(place / release.folders[0])}
        for name, lines in release.lists.items():
            _check_list(place, name, lines, pictures, release)
    except _Differs as error:
        raise UserError(f"{given}: {error} ({release.source}). Download it again; to run on a part of a data set, "
                        "place its folders by hand (see `check`)") from None


class _Differs(Exception):
    """What is not as in the release, without the archive's name."""


def _check_part(place: Path, part: ReleasePart, release: Release) -> None:
    names = {folder: {path.stem for path in files_of(place / folder) if release.is_original(path.stem)}
             for folder in part.folders}
    first = names[part.folders[0]]
    for folder, stems in names.items():
        if len(stems) != part.files:
            raise _Differs(f"{len(stems)} files in {folder}/; the release has {part.files}")
        if stems != first:
            raise _Differs(f"nothing named {min(first - stems)}.* in {folder}/, but in {part.folders[0]}/; "
                           f"{len(first - stems)} such names")


def _check_list(place: Path, listed: str, lines: int, pictures: set[str], release: Release) -> None:
    if not (place / listed).is_file():
        raise _Differs(f"no {listed}; the release has it")
    names = [name for name in read_text(place / listed, UserError).split() if release.is_original(name)]
    if len(names) != lines or len(set(names)) != lines:
        raise _Differs(f"{len(names)} names in {listed}, {len(set(names))} different; the release has {lines}")
    lost = sorted(set(names) - pictures)
    if lost:
        raise _Differs(f"{listed} names {lost[0]}, which is not in {release.folders[0]}/; {len(lost)} such names")


def _gather(place: Path, release: Release, target: Path, take: Callable[[Path, Path], object]) -> None:
    """The release's own files; whatever else lies beside them stays where it is."""
    for folder in release.folders:
        (target / folder).mkdir(parents=True)
        for path in files_of(place / folder):
            take(path, target / folder / path.name)
    for name in release.lists:
        take(place / name, target / name)


def _folders(place: Path, release: Release) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {
        folder: {"files": len(files_of(place / folder)), "manifest": manifest_of(place / folder)}
        for folder in release.folders}
    return found | {name: {"names": lines, "sha256": sha256(place / name)} for name, lines in release.lists.items()}
