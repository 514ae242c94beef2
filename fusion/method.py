"""What a fusion method is, its card, and the registry.

A method is one new file in `fusion/methods/` or `baselines/`: a class with a `Card`, registered with `@register`.
Nothing else has to be edited; the conformance tests run over every registered method.
"""

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import IvfbenchError
from core.files import sha256
from core.names import nearest
from fusion import images

if TYPE_CHECKING:
    from fusion.complexity import Complexity

# Names only: fusion imports no other room; a package that is not installed is passed over.
METHOD_PACKAGES = ("fusion.methods", "baselines")
PROTOCOLS = ("released", "paper", "official")
FLOAT32 = "float32"
PRECISIONS = (FLOAT32, "bf16")


class MethodError(IvfbenchError):
    """An unknown method, protocol or precision, or missing weights; the message names the remedy."""


@dataclass(frozen=True)
class WeightFile:
    """One pinned file of released weights, stored as `<weights>/<method>/<file>`."""

    file: str
    sha256: str = ""  # "" where nobody could pin it: such a file is used only when the user names it
    repository: str = ""  # owner/name
    commit: str = ""
    path: str = ""  # inside the repository
    url: str = ""  # where it is published, if not in a repository (named to the user, never fetched)
    optional: bool = False  # needed by another protocol than `released`


@dataclass(frozen=True)
class Card:
    """What a reader must know to trust a method's numbers."""

    name: str  # registry key: lower case, the file's name
    title: str  # as printed in tables
    kind: str  # "source", "classic", "baseline", "ours"
    task: tuple[str, ...]  # "ivf", "mif"
    paper: str  # authors, title, venue and year
    venue: str = ""  # as it stands in `paper`; "" where it was not published yet, or no one says
    year: int = 0  # of the publication; 0 as above
    trained_on: str = ""  # of the released weights, as the authors' repository says; "" where it says nothing
    repository: str = ""  # owner/name@commit, "" for textbook methods
    licence: str = ""  # of the authors' repository
    weights: tuple[WeightFile, ...] = ()
    recipe: dict[str, str] = field(default_factory=dict)  # protocol -> one line; keys = protocols that are offered
    parity: str = ""  # how equality with the authors' code was checked
    # data set, or "complexity" for Table V -> what is known of why our row is not the paper's
    differs: dict[str, str] = field(default_factory=dict)
    version: int = 1  # raised whenever the method's output can change
    trained_on_medical: bool = False


class Method(ABC):
    """Two images in, one image out.

    Attributes:
        card: the method's card.
        batch_size: pictures whose outputs depend on one another (TarDAL's train-mode batch norm); 1 for all others.
        several: whether `fuse_several` may take more than one pair, each fused as if it were alone.
        weight_files: the checkpoint files in use (empty for methods without weights).
        network: the torch module, where there is one.
        title: as printed: the card's, unless the weights at hand are not the authors'.
        note: what must be said beside every number of it, or "".
        path: how its network runs on this machine, "" where there is none: for the record, numbers are the same.
        precision: of the network's products, one of PRECISIONS; float32 for methods that have none to round.
        jpeg_quality: of the file that the recipe writes under the visible picture's name where that is a JPEG; 0 for
            recipes that always write without loss.
    """

    card: Card
    batch_size: int = 1
    several: bool = False
    weight_files: tuple[Path, ...] = ()
    network: Any = None
    title: str = ""
    note: str = ""
    path: str = ""
    precision: str = FLOAT32
    jpeg_quality: int = 0

    def __init__(self, *, device: str = "cpu", protocol: str = "released"):
        self.device, self.protocol = device, protocol
        self.title = self.card.title

    @property
    def name(self) -> str:
        return self.card.name

    @property
    def task(self) -> tuple[str, ...]:
        return self.card.task

    @abstractmethod
    def fuse(self, ir: np.ndarray, vi: np.ndarray) -> np.ndarray:
        """Fuse one pair.

        Args:
            ir: float32 [H,W] in 0..1.
            vi: float32 [H,W] or RGB [H,W,3] in 0..1.
        Returns: float32 [H,W] or [H,W,3] in 0..1 (values outside are clipped at writing), same H, W.
        """

    def fuse_batch(self, pairs: Sequence[tuple[np.ndarray, np.ndarray]], canvas: tuple[int, int]) -> list[np.ndarray]:
        """Fuse consecutive pairs of a data set; `canvas` is the data set's largest height and width."""
        return [self.fuse(ir, vi) for ir, vi in pairs]

    def fuse_several(self, pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[np.ndarray]:
        """Fuse pairs of one size, each as `fuse` does; at once where `several` says so."""
        return [self.fuse(ir, vi) for ir, vi in pairs]

    def written(self, fused: np.ndarray, visible: Path) -> np.ndarray:
        """What the recipe leaves on disk of a fused picture: uint8 [H,W] or [H,W,3]. `visible`: the pair's file.

        Raises ImageError when `fused` is not finite.
        """
        picture = images.to_8bit(fused)
        if self.jpeg_quality and Path(visible).suffix.lower() in (".jpg", ".jpeg"):
            return images.through_jpeg(picture, self.jpeg_quality)
        return picture

    def weight_hashes(self) -> tuple[tuple[Path, str], ...]:
        """(checkpoint file, hex sha256) of the files in use."""
        return tuple((Path(path), sha256(path)) for path in self.weight_files)

    @classmethod
    def complexity(cls, height: int = 480, width: int = 640) -> "Complexity | None":
        """Parameters and multiply-accumulates of the published network for one pair; None where there is none."""
        return None

    def use_precision(self, precision: str) -> None:  # noqa: B027 - meant to be empty where a method has no network
        """Take the network's products in one of PRECISIONS, with float32 sums where the device does so.

        What is around the network (colour, stretching, 8 bit) stays float32. A method with a network sets `precision`.
        """

    def use_fast_path(self) -> None:  # noqa: B027 - meant to be empty where a method has one path
        """Take a fast path that equals the plain network within float noise, where there is one on this machine."""

    def use_reference_path(self) -> None:  # noqa: B027 - as above
        """Leave the fast path."""


class LumaMethod(Method):
    """Table I's rule: fuse the visible luma in float, put Cb and Cr back (fusion.images.recolour).

    A recipe that does otherwise around the network says so in `sources` and `finished`.
    """

    @abstractmethod
    def fuse_luma(self, ir: np.ndarray, y: np.ndarray) -> np.ndarray:
        """float32 [H,W] infrared and visible luma in 0..1 -> fused luma, float32 [H,W]."""

    def fuse_lumas(self, sources: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[np.ndarray]:
        """`fuse_luma` of pairs of one size, at once; asked for where `several` says so."""
        return [self.fuse_luma(ir, y) for ir, y in sources]

    def sources(self, ir: np.ndarray, vi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What `fuse_luma` is given of a pair."""
        return ir, images.luma(vi)

    def finished(self, luma: np.ndarray, vi: np.ndarray) -> np.ndarray:
        """The fused picture of the fused luma and the visible picture."""
        return images.recolour(luma, vi)

    def fuse(self, ir: np.ndarray, vi: np.ndarray) -> np.ndarray:
        return self.finished(self.fuse_luma(*self.sources(ir, vi)), vi)

    def fuse_several(self, pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[np.ndarray]:
        if not self.several:
            return super().fuse_several(pairs)
        lumas = self.fuse_lumas([self.sources(ir, vi) for ir, vi in pairs])
        return [self.finished(luma, vi) for luma, (_, vi) in zip(lumas, pairs, strict=True)]


_REGISTRY: dict[str, type[Method]] = {}


def register(cls: type[Method]) -> type[Method]:
    """Class decorator. The class takes (weights=, device=, protocol=); no `weights` if its card lists none."""
    card = cls.card
    if card.name in _REGISTRY and _REGISTRY[card.name].__module__ != cls.__module__:
        raise MethodError(f"method name {card.name!r} is taken by {_REGISTRY[card.name].__module__}")
    _REGISTRY[card.name] = cls
    return cls


def methods() -> dict[str, Card]:
    """Every registered method's card, by name; imports the method packages once."""
    for package_name in METHOD_PACKAGES:
        try:
            package = importlib.import_module(package_name)
        except ModuleNotFoundError as error:
            if error.name != package_name:
                raise
            continue
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{package_name}.{module.name}")
    return {name: cls.card for name, cls in sorted(_REGISTRY.items())}


def find(name: str) -> type[Method]:
    """The class registered under `name`; MethodError with the nearest names otherwise."""
    known = methods()
    if name not in known:
        raise MethodError(f"unknown method {name!r}{nearest(name, known)}")
    return _REGISTRY[name]


def weights_of(name: str, root: Path) -> Path | None:
    """Where a method's weights lie: `<root>/<name>/`; None where it can do without and the user has no such folder."""
    folder = Path(root) / name
    return None if all(item.optional for item in find(name).card.weights) and not folder.exists() else folder


def load_method(name: str, *, weights: Path | str | None = None, device: str = "cpu",
                protocol: str = "released", precision: str = FLOAT32) -> Method:
    """Build a method ready to fuse.

    Args:
        name: registry key.
        weights: the folder `<weights>/<method>/` or one checkpoint file; None for methods without weights.
        device: torch device.
        protocol: "released", "paper" or "official"; a method that does not offer it uses `released`.
        precision: "float32" or "bf16" (see Method.use_precision); a method without a network stays at float32.
    Raises MethodError when the name, protocol or precision is unknown, or weights are missing, have a wrong hash or
    hold nan.
    """
    if protocol not in PROTOCOLS:
        raise MethodError(f"unknown protocol {protocol!r}{nearest(protocol, PROTOCOLS)}")
    if precision not in PRECISIONS:
        raise MethodError(f"unknown precision {precision!r}{nearest(precision, PRECISIONS)}")
    cls = find(name)
    if protocol not in cls.card.recipe:
        protocol = "released"
    build: Callable[..., Method] = cls  # one with weights takes them too (see register)
    given = {"weights": Path(weights) if weights is not None else None} if cls.card.weights else {}
    method = build(**given, device=device, protocol=protocol)
    _refuse_nan(method)
    method.use_precision(precision)
    method.use_fast_path()
    return method


def _refuse_nan(method: Method) -> None:
    """MethodError when a weight is nan or infinite: said before a run, not by its first picture."""
    for name, tensor in method.network.state_dict().items() if method.network is not None else ():
        if not bool(tensor.isfinite().all()):
            files = ", ".join(map(str, method.weight_files))
            raise MethodError(f"{files}: {name} holds nan or infinite values; the file is damaged or its training "
                              f"diverged: delete it and run `python run_all.py fetch {method.name}`, or train again")


def require_weights(card: Card, weights: Path | None, names: Sequence[str] | None = None) -> list[Path]:
    """The card's weight files below `weights`, each verified by sha256.

    `names` limits which (default: all that are not optional). `weights` may be one file when one is asked for: a
    checkpoint that the user names explicitly is taken as it is, without a hash.
    """
    wanted = [w for w in card.weights if (w.file in names if names is not None else not w.optional)]
    if weights is not None and Path(weights).is_file():
        if len(wanted) != 1:
            files = ", ".join(w.file for w in wanted)
            raise MethodError(f"{weights}: {card.name} needs {len(wanted)} files ({files}); name their folder")
        return [Path(weights)]
    found = []
    for item in wanted:
        path = Path(weights) / item.file if weights is not None else None
        if path is None or not path.is_file():
            where = (f"`python run_all.py fetch {card.name}` clones it from {item.repository}" if item.repository
                     else f"published at {item.url}" if item.url else "no public download is known")
            raise MethodError(f"{card.name}: weight file {path or item.file} is missing; {where}. "
                              f"Expected at <weights>/{card.name}/{item.file}")
        if item.sha256 and sha256(path) != item.sha256:
            raise MethodError(f"{path}: sha256 {sha256(path)[:12]}... differs from the pinned {item.sha256[:12]}...; "
                              f"delete it and run `python run_all.py fetch {card.name}`")
        found.append(path)
    return found
