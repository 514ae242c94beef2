"""Texts of a run without the machine they were made on: paths become "<data>/tno/ir/05.png", for blind review.

Pure functions, but for asking where the home folder and this checkout lie.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from core.names import is_name
from reports.render import latex, markdown
from results.records import RunRecord

ELSEWHERE = "<path>"  # an absolute path below none of the known roots; its last part stays
_OPTION = re.compile(r"(--[a-z-]+)(=|\s+)(.*?)(?=\s--?[a-z]|$)", re.DOTALL)
_FOLDERS = {"--data": "<data>", "--weights": "<weights>", "--out": "<out>", "--plugins": "<plugins>"}
_NAMES_OR_PATHS = {"--paper": "<paper>", "--profile": "<profile>"}


@dataclass(frozen=True)
class Spelling:
    """How a file format writes a path. escape: of one character. gap: what may stand between two. part: of a name."""

    escape: Callable[[str], str] = str
    gap: str = ""
    part: str = r"[\w.+@~-]"


_SPELLINGS = {
    ".tex": Spelling(lambda c: latex.escape(c) or c, r"(?:\\allowbreak\{\}|\{\})?",
                     r"(?:[\w.+@-]|\\allowbreak\{\}|\{\}|\\[_&%#$]|\\textasciitilde\{\})"),
    ".md": Spelling(lambda c: markdown.escape(c) or c, "", r"(?:[\w.+@~-]|\\[\\`*_|<>\[\]])")}


@dataclass(frozen=True)
class Neutral:
    """roots: path -> placeholder. methods: names, which stay in a command."""

    roots: Mapping[str, str]
    methods: tuple[str, ...] = ()

    def text(self, text: str, suffix: str = "") -> str:
        """A file's text with placeholders for paths, written as files of that suffix write them."""
        spelling = _SPELLINGS.get(suffix, Spelling())

        def spelt(path: str) -> str:
            return "".join(map(spelling.escape, path))

        def placeholder(found: re.Match[str]) -> str:
            if found["known"] is None:
                return spelt(ELSEWHERE) + found["other"][found["other"].rindex("/"):]
            return spelt(next(self.roots[root] for root in self._longest_first
                              if re.fullmatch(_pattern(root, spelling), found["known"])))

        known = "|".join(_pattern(root, spelling) for root in self._longest_first) or r"(?!)"
        return re.sub(rf"(?<![\w./-])(?:file://)?(?:(?P<known>{known})(?![\w-])|"
                      rf"(?<![<>])(?<!\\allowbreak\{{\}})(?P<other>(?:/{spelling.part}+){{2,}}))", placeholder, text)

    def content(self, content: Any) -> Any:
        """JSON-able content, every text in it neutral; what stands under the key "command" is a command line."""
        if isinstance(content, str):
            whole = content.startswith("/") and "\n" not in content and \
                not any(content.startswith(f"{root}/") or content == root for root in self.roots)
            return f"{ELSEWHERE}/{Path(content).name}" if whole else self.text(content)
        if isinstance(content, Mapping):
            return {self.content(key): self._under(key, value) for key, value in content.items()}
        if isinstance(content, list | tuple):
            return [self.content(value) for value in content]
        return content

    def _under(self, key: str, value: Any) -> Any:
        if key == "command" and isinstance(value, str):
            return self.command(value)
        if key == "methods" and isinstance(value, list):  # of a request: names, NAME=FOLDER
            return [name.partition("=")[0] + ("=<pictures>" if "=" in name else "") for name in map(str, value)]
        return self.content(value)

    def command(self, text: str) -> str:
        """A command line of `run_all.py`; relative folders say something of their owner, too."""
        return self.text(_OPTION.sub(self._option, text))

    def _option(self, found: re.Match[str]) -> str:
        name, between, value = found.groups()
        if name in _FOLDERS:
            value = _FOLDERS[name]
        elif name in _NAMES_OR_PATHS and not is_name(value):
            value = _NAMES_OR_PATHS[name]
        elif name == "--methods" and "=" in value:
            known = "|".join(map(re.escape, sorted((*self.methods, "all", "all-known"), key=len, reverse=True)))
            value = ",".join(f"{method}=<pictures>" if brought else method for method, brought in
                             re.findall(rf"(?:^|,)\s*({known})(?:(=)|\s*(?=,|$))", value))
        return f"{name}{between}{value}"

    @cached_property
    def _longest_first(self) -> list[str]:
        return sorted(self.roots, key=len, reverse=True)


def _pattern(path: str, spelling: Spelling) -> str:
    return spelling.gap.join(re.escape(spelling.escape(character)) for character in path)


def neutral_of(run: RunRecord, out: Path, paper: Path) -> Neutral:
    """The places that a run's texts may name: its roots, OUT, plug-ins, the paper's folder, home, this checkout."""
    places: list[tuple[str | Path, str]] = [
        (Path.home(), "<home>"), (Path(__file__).parents[1], "<ivfbench>"), (paper.parent, "<papers>"),
        *((Path(file).parent, "<plugins>") for file in run.plugins), (out, "<out>"),
        *((root, f"<{name}>") for name, root in run.roots.items())]
    roots = {str(spelt): name for way in (Path.resolve, Path.absolute) for place, name in places
             if len((spelt := way(Path(place))).parts) > 1}
    return Neutral({**dict(_given(run.command)), **roots}, tuple(run.methods))


def _given(command: str) -> Iterator[tuple[str, str]]:
    """(path, placeholder) as the user wrote it: messages and records repeat relative paths."""
    for found in _OPTION.finditer(command):
        option, path = found[1], found[3].strip().rstrip("/")
        if "/" in path and (option in _FOLDERS or option == "--paper"):
            yield path, _FOLDERS.get(option, f"<papers>/{Path(path).name}")
