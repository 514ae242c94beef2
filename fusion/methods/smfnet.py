"""The paper's method: the authors' checkpoint where it is at hand, else the slim network trained for this project."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.files import read_toml
from fusion.bfloat16 import Bfloat16, parts_of, told
from fusion.complexity import Complexity
from fusion.device import to_device, to_host
from fusion.fast import PLAIN, how
from fusion.fast.extension import why_no_tiles
from fusion.method import FLOAT32, Card, LumaMethod, MethodError, WeightFile, register
from fusion.smfnet import weights as files
from fusion.smfnet.complexity import complexity
from fusion.smfnet.fast.network import FastSMFNet, supports
from fusion.smfnet.network.smfnet import SMFNet
from fusion.smfnet.settings import PROTOCOL_SETTINGS, RELEASED

REPOSITORY, COMMIT = "Abraham-Einstein/SMFNet", "5097711d29c0adb515d12bd366d4e56536dbbc2a"
CHECKPOINTS = ("model_VIF.pth", "models/model_VIF.pth", "model_IVF.pth")  # test.py's names, the README's name
TRAINED = "weights.safetensors"  # what training leaves
SLIM = Path(files.__file__).with_name("pretrained") / "smfnet_slim.safetensors"


@register
class SMFNetMethod(LumaMethod):
    """SMFNet on Y of the visible and grey infrared; the fused picture is stretched to 0..1.

    weights: a folder with the authors' model_VIF.pth or with weights.safetensors of a training run, or such a file.
    None: the slim network, and `title` and `note` say so; a folder that is named must hold what it is named for. The
    protocol `paper` (the network of the
    equations) has no published weights: it needs weights.safetensors of a run of the recipe `paper`.
    """

    card = Card(
        name="smfnet", title="SMFNet", kind="ours", task=("ivf", "mif"),
        paper="Zhang et al., A Semantic-Aware and Multi-Guided Network for Infrared-Visible Image Fusion, "
              "arXiv 2024 (2407.06159)",
        venue="arXiv", year=2024, trained_on="MSRS",
        repository=f"{REPOSITORY}@{COMMIT[:8]}", licence="none stated",
        weights=(WeightFile("model_VIF.pth", repository=REPOSITORY, commit=COMMIT, path="models/model_VIF.pth",
                            optional=True),),
        recipe={"released": "Y of the visible and grey infrared in 0..1, min-max stretch of the fused luma, "
                            "chroma of the visible back",
                "paper": "the same with the network of the paper's equations; weights have to be trained"},
        parity="every intermediate and output of the authors' network under filled weights within float32 noise")

    def __init__(self, *, weights: Path | None = None, device: str = "cpu", protocol: str = "released",
                 fast: bool = True, dtype: torch.dtype = torch.float32, compile: bool = False):
        super().__init__(device=device, protocol=protocol)
        path = _find(weights, protocol)
        self.weight_files = (path,)
        with torch.random.fork_rng(devices=[]):  # constructing layers draws numbers; the user's generator stays put
            network = _load(path, protocol)
        self.title, self.note = _labels(path)
        self.network = network.eval().requires_grad_(False).to(device)
        self._fast = fast and supports(network.settings)
        self._options: dict[str, Any] = {"dtype": dtype, "compile": compile}
        self.run: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = self._fastest()

    @classmethod
    def complexity(cls, height: int = 480, width: int = 640) -> Complexity:
        """Table V's figures of the released network."""
        return complexity(RELEASED, height, width)

    @property
    def path(self) -> str:  # type: ignore[override]  # the base class has no network to tell of
        """How the network runs in bfloat16, which numbers hang on; "" in float32."""
        if self.precision == FLOAT32:
            return ""
        return how(parts_of(self.precision)) if isinstance(self.run, FastSMFNet) else f"{PLAIN}; {told(self.device)}"

    def use_reference_path(self) -> None:
        self.run = self._reference

    def use_precision(self, precision: str) -> None:
        if precision != self.precision:
            self.precision = precision
            self.run = self._fastest()

    def _fastest(self) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
        """The fast path, in bfloat16 where its dense convolutions run on tiles; else the network, then under autocast.

        Autocast cannot be put around the fast path, which writes float32 into buffers of its own.
        """
        tiles = torch.device(self.device).type == "cpu" and not why_no_tiles()
        if self._fast and (self.precision == FLOAT32 or tiles):
            return FastSMFNet(self.network, parts=parts_of(self.precision), **self._options)
        return self._reference

    @torch.inference_mode()
    def _reference(self, ir: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        network = self.network if self.precision == FLOAT32 else Bfloat16(self.network)
        return network(ir, y)

    def fuse_luma(self, ir: np.ndarray, y: np.ndarray) -> np.ndarray:
        fused = to_host(self.run(*(to_device([image], self.device) for image in (ir, y))))[0, 0]
        low, high = fused.min(), fused.max()
        return (fused - low) / (high - low) if high > low else fused


def _find(weights: Path | None, protocol: str) -> Path:
    """The weight file to use; MethodError where none fits the protocol, or where what was named is not there."""
    names = (*CHECKPOINTS, TRAINED) if protocol == "released" else (TRAINED,)
    if weights is None:
        if protocol == "released":
            return SLIM
        raise MethodError(f"smfnet: {_train(protocol)} <weights>/smfnet/")
    path = Path(weights)
    if path.is_file():
        return path
    if not path.is_dir():
        raise MethodError(f"{path}: no such file or folder; name one with {' or '.join(names)}, or leave the weights "
                          "of smfnet out for the slim network")
    found = next((path / name for name in names if (path / name).is_file()), None)
    if found is None:
        there = ", ".join(sorted(item.name for item in path.iterdir())[:5]) or "nothing"
        remedy = "rename the file, or remove the folder for the slim network" if protocol == "released" \
            else f"{_train(protocol)} it"
        raise MethodError(f"{path}: holds {there}, but no {' or '.join(names)}; {remedy}")
    return found


def _train(protocol: str) -> str:
    return (f"no weights are published for protocol {protocol!r}; train them with `python run_all.py train smfnet "
            f"--recipe {protocol}` and put {TRAINED} at")


def _load(path: Path, protocol: str) -> SMFNet:
    if path.suffix != ".safetensors":
        return files.load_released(path, PROTOCOL_SETTINGS[protocol])
    return files.load(path)


def _labels(path: Path) -> tuple[str, str]:
    """(title, note): whose weights these are."""
    if path == SLIM:
        card = read_toml(path.with_suffix(".toml"), MethodError)
        return card["title"], card["note"]
    if path.suffix == ".safetensors":
        return "SMFNet (trained here)", f"weights of a training run of this project, not the authors': {path.name}"
    return "SMFNet", ""
