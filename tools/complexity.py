"""Count every network's parameters and multiply-accumulates again: writes suite/complexity.csv, which `list` reads."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from core.files import write_text  # noqa: E402  (needs the path above)
from fusion.method import methods  # noqa: E402
from suite.listing import COMPLEXITY, count  # noqa: E402


def main() -> None:
    lines = ["name,params,macs"]
    for name in methods():
        found = count(name)
        if found is not None:
            lines.append(f"{name},{found[0]},{found[1]}")
    write_text(COMPLEXITY, "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
