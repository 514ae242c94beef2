"""What an unfinished unit has done so far: a line for each item, checked like a result before it is taken over."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from core.errors import IvfbenchError
from core.files import make_way, read_bytes, sha256_of, write_text

NAME = "partial.jsonl"


class Journal:
    """OUT/<unit>/partial.jsonl. A line names the unit's key, an item and what came out of it, sealed with their hash.

    Lines that are cut, damaged or of another unit are dropped when the journal is opened: their items are done again.

    Attributes:
        done: item -> content of the lines that check.
    """

    def __init__(self, folder: Path, key: str):
        self.path, self._key = Path(folder) / NAME, key
        kept = [line for line in _lines(self.path) if self._is_own(line)]
        self.done: dict[str, Any] = {line["item"]: line["content"] for line in kept}
        make_way(self.path)
        write_text(self.path, "".join(map(_text, kept)))  # renamed into place: a link is replaced, not followed

    def add(self, item: str, content: Any) -> None:
        """Record an item. content: JSON-able."""
        line = {"key": self._key, "item": item, "content": content}
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(_text({**line, "seal": sha256_of(line)}))
        self.done[item] = content

    def _is_own(self, line: Any) -> bool:
        if not isinstance(line, dict) or line.keys() != {"key", "item", "content", "seal"}:
            return False
        sealed = {name: value for name, value in line.items() if name != "seal"}
        return line["key"] == self._key and isinstance(line["item"], str) and line["seal"] == sha256_of(sealed)


def _text(line: Any) -> str:
    return json.dumps(line) + "\n"


def _lines(path: Path) -> Iterable[Any]:
    try:
        text = read_bytes(path).decode("utf-8", errors="replace")
    except (OSError, IvfbenchError):  # none, or a folder or device in its place
        return
    for line in text.split("\n"):
        try:
            yield json.loads(line)
        except (ValueError, RecursionError):
            continue

