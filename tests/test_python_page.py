"""docs/python.md as a notebook: its blocks run in their order, in a kernel of their own."""

import os
import re

import pytest
from suite_scenes import ROOT

nbclient = pytest.importorskip("nbclient", reason="nbclient comes with the dev extra")


@pytest.mark.long
def test_the_pages_blocks_run_as_one_notebook(tmp_path, monkeypatch):
    import nbformat

    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    page = (ROOT / "docs/python.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(block) for block in blocks])
    nbclient.NotebookClient(book, timeout=600, kernel_name="python3",
                            resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [[output["data"] for output in cell.outputs if output.output_type == "execute_result"]
             for cell in book.cells]
    assert "rows" in shown[0][0]["text/plain"]
    assert "<table" in shown[2][0]["text/html"]
    assert re.search(r"True,\s*\[\]\)$", shown[4][0]["text/plain"])
    assert shown[5][0]["text/plain"] == "True"
    assert "did you mean average" in "".join(output.get("text", "") for output in book.cells[-1].outputs)
