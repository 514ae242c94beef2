"""One thread rule for numbers: a sum depends on how many threads share it, in its last bits."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
from threadpoolctl import threadpool_limits


@contextmanager
def one_thread() -> Iterator[None]:
    """BLAS, OpenMP, OpenCV and torch work with one thread inside, whatever the process was started with.

    Scores are then the same whichever executor, --jobs or OMP_NUM_THREADS they were made with.
    """
    torch = sys.modules.get("torch")  # whoever has not loaded it does not wait for it
    before = cv2.getNumThreads(), torch.get_num_threads() if torch else 0
    cv2.setNumThreads(1)
    if torch:
        torch.set_num_threads(1)
    try:
        with threadpool_limits(limits=1):
            yield
    finally:
        cv2.setNumThreads(before[0])
        if torch:
            torch.set_num_threads(before[1])
