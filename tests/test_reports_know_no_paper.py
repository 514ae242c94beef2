"""reports/ holds no paper's names: titles, orders, classes and data sets come from descriptions."""

import ast
import re
from pathlib import Path

import reports
from results.papers import papers

ROOM = Path(reports.__file__).parent
# the words of the first paper that once stood in code, and every paper's name
NAMES = re.compile("|".join(("smfnet", "didfuse", "(?<!foo)tno", "roadscene", "people", "motorcycle", *papers())), re.I)


def docstring_lines(source: str) -> set[int]:
    found: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            found.update(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return found


def named(path: Path) -> list[str]:
    """Lines outside docstrings that hold a paper's word."""
    source = path.read_text(encoding="utf-8")
    allowed = docstring_lines(source) if path.suffix == ".py" else set()
    return [f"{path.name}:{number}: {line.strip()}" for number, line in enumerate(source.splitlines(), 1)
            if number not in allowed and NAMES.search(line)]


def test_no_name_of_a_paper_stands_in_reports():
    files = [path for path in ROOM.rglob("*") if path.suffix in (".py", ".j2", ".js", ".css", ".html")]
    assert len(files) > 30
    assert [line for path in files for line in named(path)] == []


def test_such_a_name_would_be_found(tmp_path):
    path = tmp_path / "table.py"
    path.write_text('"""trace("TNO")"""\nORDER = ["TNO"]  # People\nnote = "a footnote"\n', encoding="utf-8")
    assert named(path) == ['table.py:2: ORDER = ["TNO"]  # People']
