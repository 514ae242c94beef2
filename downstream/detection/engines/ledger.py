"""Which files of a classic training were written on this machine.

The classic train.py and val.py unpickle their own files and evaluate texts in them, so a checkpoint that came with
somebody else's OUT would be code. Their hashes are kept outside OUT; what is not in the ledger is not gone on from.
train.py writes over its last checkpoint at every epoch: a kill can leave half of one. So a copy of the run as it last
stood still is kept beside it.
"""

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from core.errors import IvfbenchError
from core.files import read_json, sha256, write_json

_KEPT = 64  # hashes: the last epochs'


class Ledger:
    """The files of one training's folder `run`, by content. `home`: where the ledgers of all trainings lie."""

    def __init__(self, home: Path, run: Path):
        self.run = Path(run)
        self.path = Path(home) / "ledgers" / f"{hashlib.sha256(str(self.run).encode()).hexdigest()[:32]}.json"
        self.kept = self.run.with_name(f"{self.run.name}-kept")
        self._seen = self._entered = ""

    def watch(self) -> None:
        """Keep and enter what stands still since the last look: a file that is being written is no state yet."""
        now = self._stamps()
        if now == self._seen != self._entered:
            self._keep(now)
            self._entered = now
        self._seen = now

    def restore(self) -> bool:
        """Put the kept copy in the run's place; False where there is none or it was not made here."""
        for copy in (self.kept, self._unfinished):  # the latter: killed between removing the old and renaming the new
            if copy.is_dir() and self._known_all(copy):
                shutil.rmtree(self.run, ignore_errors=True)
                shutil.copytree(copy, self.run)
                return True
        return False

    def forget(self) -> None:
        """Remove the kept copy."""
        for copy in (self.kept, self._unfinished):
            shutil.rmtree(copy, ignore_errors=True)

    @property
    def _unfinished(self) -> Path:
        return self.kept.with_name(f"{self.kept.name}.new")

    def _stamps(self) -> str:
        """What changes when train.py writes."""
        return repr([(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in self._files()])

    def _keep(self, stamps: str) -> None:
        if not any(path.suffix == ".pt" for path in self._files()):
            return
        new = self._unfinished
        shutil.rmtree(new, ignore_errors=True)
        for path in self._files():
            target = new / path.relative_to(self.run)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        if self._stamps() != stamps:  # written meanwhile: the copy may be torn
            shutil.rmtree(new)
            return
        self.enter(new)
        shutil.rmtree(self.kept, ignore_errors=True)
        new.rename(self.kept)

    def enter(self, folder: Path | None = None) -> None:
        """Enter every file of the run, or of a copy of it, as it is now."""
        found = [sha256(path) for path in self._files(folder)]
        if found:
            write_json(self.path, list(dict.fromkeys([*self._known(), *found]))[-_KEPT:])

    def holds(self) -> bool:
        """Whether every file that the scripts would read was entered here."""
        return self._known_all(self.run)

    def _known_all(self, folder: Path) -> bool:
        known = set(self._known())
        return all(sha256(path) in known for path in self._files(folder))

    def _known(self) -> list[str]:
        try:
            found = read_json(self.path)
        except (FileNotFoundError, IvfbenchError):
            return []
        return [text for text in found if isinstance(text, str)] if isinstance(found, list) else []

    def _files(self, folder: Path | None = None) -> Iterator[Path]:
        """Checkpoints, options and the epochs' lines of the run or of a copy; a link is no file of the training's.

        The lines are run by nobody. But an epoch's stands there before its checkpoint does: a last line without one
        would make a killed training look finished.
        """
        for path in sorted((folder or self.run).rglob("*")):
            if path.suffix in (".pt", ".yaml", ".yml", ".json", ".py", ".csv") and path.is_file():
                yield path
