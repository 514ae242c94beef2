"""The compiled code (*.cpp), where a compiler is; its tiles are for CPUs that multiply bfloat16 matrices (AMX).

Compiling takes seconds, once for each version of the source, of torch and of the CPU; the result lies in the
user's cache (IVFBENCH_KERNELS names another folder; `off` there leaves every network as it is).
"""

import ctypes
import functools
import itertools
import logging
import os
import platform
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from platformdirs import user_cache_path
from torch import Tensor

from core.files import aside, sha256_of

SOURCES = tuple(Path(__file__).with_name(name)
                for name in ("attention.cpp", "gates.cpp", "gram.cpp", "kernels.cpp", "pointwise.cpp", "products.cpp",
                             "winograd.cpp"))
NAMES = ", ".join(path.name for path in SOURCES)
HEADERS = tuple(Path(__file__).with_name(name) for name in ("pictures.hpp", "vectors.hpp"))
PLACE = "IVFBENCH_KERNELS"  # environment: the folder of compiled code, or OFF
OFF = "off"
NO_COMPILER = "no C++ compiler (c++, g++ or clang++) is found"
PLAIN = "as its authors wrote it"
CHUNKS = "blocks in chunks"
WINOGRAD = "3x3 convolutions by Winograd's F(4x4,3x3)"
PARTS = 3  # bfloat16 parts of a float32 value: with three, products are as good as float32's own
TILES = {PARTS: f"{WINOGRAD}, others on bfloat16 tiles, three parts a value",
         1: "convolutions on bfloat16 tiles, one part a value"}
FLAGS = ("-O3", "-march=native", "-ffp-contract=fast", "-fno-math-errno", "-std=c++17", "-fPIC", "-shared")

_log = logging.getLogger(__name__)


@functools.cache
def kernels() -> ctypes.CDLL:
    """The compiled code. RuntimeError where this machine cannot have it."""
    library = None if why_no_kernels() else _load()[0]
    if library is None:
        raise RuntimeError(f"no compiled code: {why_no_kernels()}")
    return library


def switched_off() -> bool:
    """Whether the user wants networks as their authors wrote them."""
    return os.environ.get(PLACE) == OFF


@functools.cache
def why_no_kernels() -> str:
    """Why compiled code does not run on this machine, or "" where it does."""
    if switched_off():
        return f"{PLACE}={OFF}"
    if platform.system() != "Linux":
        return f"compiled code is for Linux, this is {platform.system()}"
    return _load()[1]


@functools.cache
def why_no_tiles() -> str:
    """Why convolutions do not run on tiles on this machine, or "" where they do."""
    if why_no_kernels():
        return why_no_kernels()
    if not torch.cpu._is_amx_tile_supported() or not torch.cpu._init_amx():
        return "this CPU has no tiles for bfloat16 matrices (AMX), or the system does not let them be used"
    return ""


def how(parts: int = PARTS) -> str:
    """How networks run here that were accelerated with so many parts a value (1 or PARTS), for the record."""
    if switched_off():
        return f"{PLAIN}: {why_no_kernels()}"
    if not why_no_tiles():
        return f"{CHUNKS}, {TILES[parts]}"
    if parts == PARTS and not why_no_kernels():
        return f"{CHUNKS}, {WINOGRAD}, no tiles for others: {why_no_tiles()}"
    return f"{CHUNKS}, no tiles for convolutions: {why_no_tiles()}"


@functools.cache
def _load() -> tuple[ctypes.CDLL | None, str]:
    """(code, "") or (None, reason)."""
    try:
        library = ctypes.CDLL(str(_compiled()))
        for function in (library.convolve, library.winograd, library.moments, library.affine, library.products,
                         library.layer_norm, library.gelu, library.weighted_apart, library.axis_sums,
                         library.axis_weighted, library.gram, library.gate_reset, library.gate_update,
                         library.gate_messages, library.gate_interact, library.attention, library.windows):
            function.restype = None
        library.panel.restype = library.strip.restype = ctypes.c_int64
        return library, ""
    except FileNotFoundError as error:
        reason, full = NO_COMPILER, str(error)
    except OSError as error:  # no room, no right to write, no such symbol in another torch
        what = error.strerror or type(error).__name__
        reason, full = f"{NAMES} could not be compiled or loaded ({what})", str(error)
    except subprocess.CalledProcessError as error:
        reason, full = f"{Path(error.cmd[0]).name} cannot compile {NAMES}", str(error.stderr)
    _log.info("no compiled code: %s: %s", reason, full)
    return None, reason  # without a path of this machine: it goes into records


def _compiled() -> Path:
    """The shared library, compiled unless it is in the cache. OSError or CalledProcessError where it cannot be."""
    named = os.environ.get(PLACE)
    folder = Path(named) if named else user_cache_path("ivfbench") / "kernels"
    compiler = os.environ.get("CXX") or next(filter(shutil.which, ("c++", "g++", "clang++")), None)
    if compiler is None:
        raise FileNotFoundError(NO_COMPILER)
    libraries = Path(torch.__file__).with_name("lib")
    code = (path.read_text() for path in (*SOURCES, *HEADERS))
    what = [*code, torch.__version__, str(libraries), compiler, _processor(), *FLAGS]
    path = folder / f"kernels-{sha256_of(what)[:16]}.so"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        with aside(path) as made:  # others may compile at the same time
            subprocess.run([compiler, *FLAGS, *map(str, SOURCES), "-o", str(made), f"-L{libraries}", "-ltorch_cpu",
                            "-lc10", "-Wl,--no-undefined"], check=True, capture_output=True, text=True)
    return path


def _processor() -> str:
    """What -march=native depends on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line for line in lines if line.startswith("flags")), "")


def address(tensor: Tensor, value: int = 0) -> ctypes.c_void_p:
    """Where a tensor's values lie from the one of that number on, as compiled code takes it."""
    return ctypes.c_void_p(tensor.data_ptr() + value * tensor.element_size())


def in_threads(work: Callable[[int, int], None], count: int, least: int) -> None:
    """work(begin, end) over 0..count, by as many threads as torch uses, `least` or more each."""
    threads = max(1, min(torch.get_num_threads(), count // least))
    bounds = [count * i // threads for i in range(threads + 1)]
    here, *elsewhere = itertools.pairwise(bounds)
    others = [_pool().submit(work, *piece) for piece in elsewhere]
    work(*here)
    for other in others:
        other.result()


def summed_in_threads(measure: Callable[[int, int], Tensor], count: int, least: int) -> Tensor:
    """The sum of measure(begin, end) over 0..count, as `in_threads`: in one order, whichever thread is first."""
    parts: dict[int, Tensor] = {}

    def work(begin: int, end: int) -> None:
        parts[begin] = measure(begin, end)

    in_threads(work, count, least)
    return torch.stack([parts[begin] for begin in sorted(parts)]).sum(0)


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(thread_name_prefix="kernels")
