"""Every file is read through the bounded readers: no other way stands in the packages."""

import ast
from pathlib import Path

from suite_scenes import ROOT

ROOMS = ("core", "fusion", "baselines", "downstream", "metrics", "results", "reports", "suite")
CALLS = {"read_text", "read_bytes", "open", "fromfile", "memmap", "loadtxt", "genfromtxt", "imread", "parse", "load",
         "read_csv", "ZipFile", "safe_open", "load_file"}
# (file, call) -> why it may
ALLOWED = {
    ("core/files.py", "read_bytes"): "the reader itself", ("core/files.py", "open"): "the reader itself",
    ("core/source.py", "read_text"): "the project's own source and loaded plug-ins",
    ("core/source.py", "parse"): "the project's own source and loaded plug-ins",
    ("core/archives.py", "open"): "an entry whose header was judged",
    ("fusion/checkpoints.py", "load"): "after the file was looked at, weights_only",
    ("fusion/checkpoints.py", "ZipFile"): "after the file was looked at",
    ("fusion/checkpoints.py", "safe_open"): "after the file was looked at",
    ("fusion/images.py", "open"): "after the file was looked at, or a buffer",
    ("fusion/images.py", "load"): "EXIF bytes of an opened picture",
    ("fusion/methods/smfnet.py", "load"): "fusion.smfnet.weights",
    ("downstream/detection/engines/trainer.py", "load"): "ultralytics' copy between two networks",
    ("fusion/sample/writing.py", "read_bytes"): "the renderer's own source",
    ("fusion/smfnet/training/log.py", "open"): "written",
    ("baselines/weights.py", "ZipFile"): "a blob of bounded size",
    ("downstream/detection/engines/classic.py", "open"): "written",
    ("results/rows.py", "read_csv"): "after the file was looked at",
    ("results/rows.py", "open"): "the last byte of a file that was read",
    ("results/paper.py", "read_csv"): "text that was read",
    ("fusion/fast/extension.py", "read_text"): "the project's own source, and the kernel's own",
    ("reports/page/__init__.py", "read_text"): "the project's own style sheet and script",
    ("reports/pictures.py", "open"): "after the file was looked at",
    ("suite/archive.py", "ZipFile"): "written, or judged entry by entry", ("suite/archive.py", "open"): "written",
    ("suite/archive.py", "read_bytes"): "what a bundle is made of",
    ("fusion/repositories.py", "open"): "the first bytes of a file that git wrote",
    ("suite/checks/reports.py", "read_bytes"): "figures drawn a moment ago, in a folder of their own",
    ("suite/data/fetch.py", "open"): "written", ("suite/journal.py", "open"): "written",
    ("suite/listing.py", "open"): "the project's own table",
    ("suite/training.py", "ZipFile"): "a trainer's state, summed piece by piece; nothing of it is kept",
    ("suite/memory.py", "read_text"): "the kernel's own",
}
OWNERS = {"planning", "self", "point"}  # no files: a plan, an entry point


def calls(path):
    """Names of the calls in a file that read, bounded ones of core.files left out."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            function = node.func
            if isinstance(function, ast.Attribute) and function.attr in CALLS:
                if not (isinstance(function.value, ast.Name) and function.value.id in OWNERS):
                    yield function.attr
            elif isinstance(function, ast.Name) and function.id in {"open", "safe_open"}:
                yield function.id


def test_every_read_is_bounded():
    found = {(str(path.relative_to(ROOT)), call) for room in ROOMS for path in (ROOT / room).rglob("*.py")
             for call in calls(path)}
    assert sorted(found - ALLOWED.keys()) == [], "read through core.files, or say here why it need not"
    assert sorted(ALLOWED.keys() - found) == [], "no longer needed"


def test_it_can_fail(tmp_path):
    (tmp_path / "x.py").write_text("from pathlib import Path\nPath('a').read_text()\nopen('b')\njson.load(f)\n")
    assert list(calls(Path(tmp_path / "x.py"))) == ["read_text", "open", "load"]
