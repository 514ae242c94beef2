"""convolution.cpp, compiled where a compiler is, for a CPU that multiplies bfloat16 matrices (AMX).

Compiling takes about a second, once for each version of the source, of torch and of the CPU; the result lies in the
user's cache (IVFBENCH_KERNELS names another folder; `off` there leaves every network as it is).
"""

import ctypes
import functools
import hashlib
import logging
import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

import torch
from platformdirs import user_cache_path

SOURCE = Path(__file__).with_name("convolution.cpp")
PLACE = "IVFBENCH_KERNELS"  # environment: the folder of compiled code, or OFF
OFF = "off"
FLAGS = ("-O3", "-march=native", "-std=c++17", "-fPIC", "-shared")

_log = logging.getLogger(__name__)


@functools.cache
def kernels() -> ctypes.CDLL | None:
    """The compiled code; None where this machine cannot have it, which `why_not` explains."""
    return None if why_not() else _load()[0]


@functools.cache
def why_not() -> str:
    """Why networks run as they are on this machine, or "" where they do not."""
    if os.environ.get(PLACE) == OFF:
        return f"{PLACE}={OFF}"
    if platform.system() != "Linux" or not torch.cpu._is_amx_tile_supported() or not torch.cpu._init_amx():
        return "this CPU has no tiles for bfloat16 matrices (AMX), or the system does not let them be used"
    return _load()[1]


@functools.cache
def _load() -> tuple[ctypes.CDLL | None, str]:
    """(code, "") or (None, reason)."""
    try:
        library = ctypes.CDLL(str(_compiled()))
        library.convolve.restype = None
        return library, ""
    except OSError as error:  # no compiler, no room, no such symbol
        reason = f"no compiled code for fast convolutions: {error}"
    except subprocess.CalledProcessError as error:
        reason = f"{error.cmd[0]} cannot compile {SOURCE.name}: {error.stderr.strip().splitlines()[-1:]}"
    _log.info("networks run as they are: %s", reason)
    return None, reason


def _compiled() -> Path:
    """The shared library, compiled now unless it lies in the cache. OSError or CalledProcessError where it cannot be."""
    named = os.environ.get(PLACE)
    folder = Path(named) if named else user_cache_path("ivfbench") / "kernels"
    compiler = os.environ.get("CXX") or next(filter(shutil.which, ("c++", "g++", "clang++")), None)
    if compiler is None:
        raise OSError("no C++ compiler (c++, g++ or clang++) is found")
    libraries = Path(torch.__file__).with_name("lib")
    what = [SOURCE.read_text(), torch.__version__, str(libraries), compiler, _processor(), *FLAGS]
    path = folder / f"convolution-{hashlib.sha256('|'.join(what).encode()).hexdigest()[:16]}.so"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as aside:  # then moved: others may compile at the same time
            made = Path(aside) / path.name
            subprocess.run([compiler, *FLAGS, str(SOURCE), "-o", str(made), f"-L{libraries}", "-ltorch_cpu", "-lc10",
                            "-Wl,--no-undefined"], check=True, capture_output=True, text=True)
            made.replace(path)
    return path


def _processor() -> str:
    """What -march=native depends on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line for line in lines if line.startswith("flags")), "")
