"""Which files of a classic training were written on this machine.

The classic train.py and val.py unpickle their own files and evaluate texts in them, so a checkpoint that came with
somebody else's OUT would be code. Their hashes are kept outside OUT; what is not in the ledger is not gone on from.
"""

import hashlib
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
        self._seen = self._entered = ""

    def watch(self) -> None:
        """Enter what stands still since the last look: a file that is being written is no state yet."""
        now = repr([(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in self._files()])
        if now == self._seen != self._entered:
            self.enter()
            self._entered = now
        self._seen = now

    def enter(self) -> None:
        """Enter every file as it is now."""
        found = [sha256(path) for path in self._files()]
        if found:
            write_json(self.path, list(dict.fromkeys([*self._known(), *found]))[-_KEPT:])

    def holds(self) -> bool:
        """Whether every file that the scripts would read was entered here."""
        known = set(self._known())
        return all(sha256(path) in known for path in self._files())

    def _known(self) -> list[str]:
        try:
            found = read_json(self.path)
        except (FileNotFoundError, IvfbenchError):
            return []
        return [text for text in found if isinstance(text, str)] if isinstance(found, list) else []

    def _files(self) -> Iterator[Path]:
        """Checkpoints and options; a link is no file of the training's."""
        for path in sorted(self.run.rglob("*")):
            if path.suffix in (".pt", ".yaml", ".yml", ".json", ".py") and path.is_file():
                yield path
