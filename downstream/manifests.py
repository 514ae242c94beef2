"""Splits of numbered pictures as text files with a hash, and the files that say which pictures are of one scene."""

from pathlib import Path

from core.files import read_text, write_text
from downstream.splits import PARTS, Split, SplitError

_LETTER = {"train": "t", "val": "v", "test": "e", "": "."}
_PER_LINE = 100
_MAX_FILE = 16 * 2**20  # bytes


def write_manifest(path: Path, split: Split) -> None:
    """A split of numbered pictures as text: letters t, v, e (train, val, test), 100 pictures a line."""
    part_of = {key: part for part in PARTS for key in split.parts[part]}
    last, digits = max(map(int, part_of)), len(next(iter(part_of)))
    letters = "".join(_LETTER[part_of.get(f"{i:0{digits}d}", "")] for i in range(last + 1))
    lines = [f"# {split.name}: {len(split.train)} train (t), {len(split.val)} val (v), {len(split.test)} test (e)",
             f"# {split.source}", f"# sha256 {split.sha256}"]
    lines += [f"{i:0{digits}d} {letters[i:i + _PER_LINE]}" for i in range(0, len(letters), _PER_LINE)]
    write_text(path, "\n".join(lines) + "\n")


def read_manifest(path: Path) -> Split:
    """The split written by write_manifest. Raises SplitError when there is none, or not with the hash it states."""
    path = Path(path)
    heads: list[str] = []
    parts: dict[str, list[str]] = {part: [] for part in PARTS}
    part_of = {letter: part for part, letter in _LETTER.items() if part}
    try:
        for line in read_text(path, SplitError, limit=_MAX_FILE).splitlines():
            if line.startswith("#"):
                heads.append(line[1:].strip())
                continue
            first, letters = line.split()
            for i, letter in enumerate(letters):
                if letter != ".":
                    parts[part_of[letter]].append(f"{int(first) + i:0{len(first)}d}")
        stated = heads[2].split()[-1]
    except OSError as error:
        raise SplitError(f"{path}: cannot be read ({error.strerror}); a split's manifest lies beside the data set's "
                         "TOML file") from error
    except (ValueError, KeyError, IndexError) as error:
        if isinstance(error, SplitError):
            raise
        raise SplitError(f"{path}: no manifest of a split ({error!r}); restore the file") from error
    split = Split(heads[0].split(":")[0], tuple(parts["train"]), tuple(parts["val"]), tuple(parts["test"]), heads[1])
    if stated != split.sha256:
        raise SplitError(f"{path}: its content hashes to {split.sha256[:12]}..., it says {stated[:12]}...; "
                         "restore the file")
    return split


def read_scenes(path: Path) -> dict[str, str]:
    """Picture id -> scene, from lines "first last ..." of consecutive numbers of one scene."""
    scenes = {}
    for line in read_text(path, SplitError, limit=_MAX_FILE).splitlines():
        if not line.startswith("#"):
            first, last = line.split()[:2]
            scenes.update({f"{i:0{len(first)}d}": f"{first}-{last}" for i in range(int(first), int(last) + 1)})
    return scenes
