"""The door: `python run_all.py --suite ivf,detection,segmentation`. Everything behind it lives in suite/."""

from suite.cli import main

if __name__ == "__main__":
    main()
