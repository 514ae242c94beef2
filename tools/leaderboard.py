"""Write docs/leaderboard.md and docs/leaderboard/summary.csv from a run: python tools/leaderboard.py OUT."""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)

from core.files import write_text  # noqa: E402  (needs the path above)
from reports.leaderboard import make  # noqa: E402

PAGE = ROOT / "docs" / "leaderboard.md"
FOLDER = PAGE.with_suffix("")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="the OUT of a run with --paper docs/leaderboard")
    made = make(parser.parse_args().out, FOLDER)
    write_text(PAGE, made.page)
    write_text(FOLDER / "summary.csv", made.summary.to_csv(index=False, float_format="%.6g", lineterminator="\n"))


if __name__ == "__main__":
    main()
