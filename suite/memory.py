"""Peak memory of this process."""

import resource
from pathlib import Path


def reset_peak() -> None:
    """Start a new peak (Linux; elsewhere the peak is the process's own)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pass


def peak_mib() -> int:
    """Highest resident memory since `reset_peak`, in MiB."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) // 1024
    except OSError:
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
