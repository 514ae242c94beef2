"""Make the pictures of docs/gallery anew from a run of the sample: python tools/gallery.py OUT.

Needs the dev extra, chromium, pdflatex, and pdftoppm or mutool.
"""

import argparse
import base64
import io
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageChops
from rich.console import Console

ROOT = Path(__file__).resolve().parent.parent
sys.path[:1] = [str(ROOT), str(ROOT / "tests")]

import browser  # noqa: E402  (needs the paths above)

from core.files import write_text  # noqa: E402
from reports.run import Run  # noqa: E402

FOLDER = ROOT / "docs" / "gallery"
MOST = 150_000  # bytes of one picture
WIDTH = 1000  # pixels
COLUMNS = 104  # of the terminal
_SHOWN = """(async () => {
  const set = document.getElementById("set");
  set.selectedIndex = [...set.options].findIndex((option) => option.value.includes("masks"));
  set.dispatchEvent(new Event("change"));
  document.getElementById("found").click();
  document.getElementById("truth").click();
  document.getElementById("pictures").scrollIntoView({behavior: "instant"});
  await new Promise((done) => setTimeout(done, 800));
})()"""


def page(out: Path) -> Image.Image:
    """The picture browser of OUT/report.html with true and found masks over the pair."""
    with tempfile.TemporaryDirectory(prefix="ivfbench-") as folder:
        started = browser.start(Path(folder) / "profile")
        tab = next(started)()
        tab.resize(1200, 860)
        tab.open(out / "report.html")
        tab.run(_SHOWN)
        taken = tab.call("Page.captureScreenshot", format="png")["data"]
        started.close()
    return Image.open(io.BytesIO(base64.b64decode(taken)))


def tables(out: Path) -> Image.Image:
    """The first page of OUT/tables/all.tex as LaTeX sets it. Raises SystemExit where a program is missing."""
    drawer = next((name for name in ("pdftoppm", "mutool") if shutil.which(name)), None)
    if drawer is None or not shutil.which("pdflatex"):
        raise SystemExit("pdflatex and pdftoppm or mutool: not installed")
    with tempfile.TemporaryDirectory(prefix="ivfbench-") as folder:
        subprocess.run(["pdflatex", "-interaction=batchmode", "-output-directory", folder, "all.tex"],
                       cwd=out / "tables", check=True, stdout=subprocess.DEVNULL)
        made, pdf = Path(folder) / "all-1.png", str(Path(folder) / "all.pdf")
        command = {"pdftoppm": ["pdftoppm", "-r", "150", "-png", "-f", "1", "-singlefile", pdf,
                                str(made.with_suffix(""))],
                   "mutool": ["mutool", "draw", "-q", "-r", "150", "-o", str(made), pdf, "1"]}[drawer]
        subprocess.run(command, check=True)
        return trimmed(Image.open(made).convert("RGB"))


def trimmed(picture: Image.Image, rim: int = 16) -> Image.Image:
    """Without the paper around what is printed, but for a rim."""
    head = picture.crop((0, picture.height // 14, picture.width, picture.height))  # without the running head
    box = ImageChops.difference(head, Image.new("RGB", head.size, "white")).getbbox() or (0, 0, *head.size)
    return head.crop((max(0, box[0] - rim), max(0, box[1] - rim), min(head.width, box[2] + rim),
                      min(head.height, box[3] + rim)))


def terminal(out: Path) -> str:
    """What a run ends with, as SVG that asks no other host for its font."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    for shown in Run(out).tables.values():
        console.print(shown)
    console.print("open out/report.html")
    return re.sub(r"@font-face\s*\{.*?\}", "", console.export_svg(title="run_all.py"), flags=re.DOTALL)


def save(picture: Image.Image, name: str) -> None:
    """docs/gallery/NAME, at most WIDTH wide, in as many colours as MOST allows."""
    picture = picture.convert("RGB")
    picture.thumbnail((WIDTH, 2 * WIDTH), Image.Resampling.LANCZOS)
    for colours in (256, 128, 64, 32):
        content = io.BytesIO()
        # rare colours count: a red number, a class's mask
        few = picture.quantize(colours, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        few.save(content, format="PNG", optimize=True)
        if content.tell() <= MOST:
            (FOLDER / name).write_bytes(content.getvalue())
            return
    raise SystemExit(f"{name}: more than {MOST} bytes even in 32 colours")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="the OUT of `run_all.py --suite ivf,detection,segmentation`")
    out = parser.parse_args().out.resolve()
    FOLDER.mkdir(exist_ok=True)
    save(page(out), "page.png")
    save(tables(out), "table.png")
    save(Image.open(out / "figures" / "radar_sample.png"), "radar.png")
    write_text(FOLDER / "terminal.svg", terminal(out))


if __name__ == "__main__":
    main()
