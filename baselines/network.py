"""What the PyTorch baselines of one luma channel per modality share: device, arrays and tensors, grey scripts."""

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from baselines._checkpoint import load_state, restore
from fusion import images
from fusion.bfloat16 import Bfloat16, parts_of, told
from fusion.complexity import Complexity, multiply_accumulates, parameter_count, thop_parameters, variable_count
from fusion.device import to_device, to_host
from fusion.fast import PLAIN, accelerate, how
from fusion.method import FLOAT32, LumaMethod, require_weights


def rounded_grey(image: np.ndarray) -> np.ndarray:
    """8-bit BT.601 grey of a picture in 0..1, again in 0..1: what a script that reads grey files gets."""
    return images.to_unit(images.grey8(images.to_8bit(image)))


def pillow_luma(image: np.ndarray) -> np.ndarray:
    """The visible picture as scripts with scipy's imread take it: 8 bit, to YCbCr and flattened by Pillow; 0..1."""
    if image.ndim == 2:
        return image
    return np.asarray(Image.fromarray(images.to_8bit(image)).convert("YCbCr").convert("F")) / np.float32(255)


def extremes(image: Tensor) -> tuple[Tensor, Tensor]:
    """Lowest and highest value, with the axes of `image`: of each picture of [N,C,H,W], else of the whole."""
    axes = tuple(range(1 if image.ndim == 4 else 0, image.ndim))
    return image.amin(axes, keepdim=True), image.amax(axes, keepdim=True)


def min_max(image: Tensor) -> Tensor:
    """Stretch (`extremes`) to 0..1; a flat picture, where the authors' scripts divide by zero, becomes 0."""
    low, high = extremes(image)
    return torch.where(high > low, (image - low) / (high - low), 0)


def truncated(image: Tensor) -> Tensor:
    """0..1 as a script leaves it that casts to 8 bit without rounding, again in 0..1."""
    return (image * 255).floor() / 255


def recolour8(luma: np.ndarray, cb: np.ndarray, cr: np.ndarray, centre: float = 0.5) -> np.ndarray:
    """Fused luma [H,W] in 0..1 with the 8-bit chroma of the visible picture (uint8 [H,W] each), float32 [H,W,3].

    8-bit chroma is centred at 128, chroma in float at .5: scripts that scale it to 0..1 and take one for the other
    shift it by half a level. `centre` is what they take off.
    """
    return images.merge_ycbcr(luma, images.to_unit(cb) - np.float32(centre), images.to_unit(cr) - np.float32(centre))


class LumaNetwork(LumaMethod):
    """A network that fuses one infrared and one luma channel.

    `released` follows Table I's colour rule (LumaMethod). `official`, where a card offers it, is the script that
    reads rounded grey (or `official_luma`) and writes grey.

    Attributes:
        architecture: the untrained network, forward(ir, y) on [N,1,H,W]: for counting without weights.
        table5_architecture: the network that Table V counts, where it is another one.
        fast_path_pays: False where the fast path was measured to be the slower one in float32.
        table5_thop: Table V's Params is thop's count; else the checkpoint's variables.
        table5_twice: parts that are called once per modality, which thop's users counted twice.
        channels: of the infrared and the visible input.
        memory_format: channels_last is up to three times as fast on CPUs, and no less exact where no batch norm
            takes its statistics from the picture.
        weight_names: protocol -> the card's files that it needs; a protocol not named needs all that are not optional.
        checkpoint_keys: under which keys of its file the state dict lies.
        official_luma: how the authors' script makes one channel of the visible picture.
    """

    architecture: type[nn.Module]
    table5_architecture: type[nn.Module] | None = None
    memory_format: torch.memory_format = torch.contiguous_format
    fast_path_pays: bool = True
    table5_thop: bool = False
    table5_twice: tuple[str, ...] = ()
    channels: tuple[int, int] = (1, 1)
    weight_names: ClassVar[dict[str, tuple[str, ...]]] = {}
    checkpoint_keys: tuple[str, ...] = ()
    official_luma = staticmethod(rounded_grey)

    def __init__(self, *, weights: Path | None = None, device: str = "cpu", protocol: str = "released"):
        super().__init__(device=device, protocol=protocol)
        self.reference: nn.Module
        self._running: nn.Module | None
        self.weight_files = tuple(require_weights(self.card, weights, self.weight_names.get(protocol)))
        with torch.random.fork_rng(devices=[]):  # constructing layers draws numbers; the user's generator stays put
            network = self.build(self.weight_files)
        network = network.to(device, memory_format=self.memory_format)  # type: ignore[call-overload]  # not in torch's stubs
        self.network = network.eval()
        self._use_fast = False

    @property  # type: ignore[override]  # the base class has no network to offer
    def network(self) -> nn.Module:
        """The network that fuses: `reference`, as its authors wrote it, or what path and precision make of that.

        That is made for the first picture: planning loads methods that it does not run.
        """
        if self._running is None:
            network = accelerate(self.reference, parts_of(self.precision)) if self._accelerated else self.reference
            self._running = network if self.precision == FLOAT32 else Bfloat16(network)
        return self._running

    @network.setter
    def network(self, network: nn.Module) -> None:
        self.reference, self._running = network, None

    @property
    def _accelerated(self) -> bool:
        return self._use_fast and (self.fast_path_pays or self.precision != FLOAT32)

    def use_fast_path(self) -> None:
        self._use_fast, self._running = torch.device(self.device).type == "cpu", None

    def use_reference_path(self) -> None:
        self._use_fast, self._running = False, None

    def use_precision(self, precision: str) -> None:
        self.precision, self._running = precision, None

    @property
    def path(self) -> str:  # type: ignore[override]  # the base class has no network to tell of
        """How the network runs on this machine. Asked when pictures are fused: planning must not compile anything."""
        path = how(parts_of(self.precision)) if self._accelerated else PLAIN
        return path if self.precision == FLOAT32 else f"{path}; {told(self.device)}"

    @classmethod
    def complexity(cls, height: int = 480, width: int = 640) -> Complexity:
        """Table V's figures, counted without weights or pixels."""
        with torch.device("meta"):
            network = cls.architecture().eval()
            counted = cls.table5_architecture().eval() if cls.table5_architecture else network
            inputs = tuple(torch.empty(1, c, height, width) for c in cls.channels)
            small = tuple(torch.empty(1, c, 64, 64) for c in cls.channels)
        macs = multiply_accumulates(network, *inputs)
        params = variable_count(counted)
        if cls.table5_thop:
            again = [(getattr(counted, name), small[:1]) for name in cls.table5_twice]
            params = thop_parameters([(counted, small), *again])
        return Complexity(parameter_count(network), params, macs)

    def build(self, files: Sequence[Path]) -> nn.Module:
        """The network with the tensors of `files` loaded strictly; as constructed when there are no files."""
        network = self.architecture()
        for path in files:
            restore(network, load_state(path, *self.checkpoint_keys), path)
        return network

    @abstractmethod
    def run(self, ir: Tensor, y: Tensor) -> Tensor:
        """float32 [N,1,H,W] in 0..1 each -> fused [N,1,H,W], N = 1 unless `several`; called in inference mode."""

    def fuse_luma(self, ir: np.ndarray, y: np.ndarray) -> np.ndarray:
        return self._at_once([(ir, y)])[0]

    def fuse_lumas(self, sources: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[np.ndarray]:
        return self._at_once(sources)

    def _at_once(self, sources: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[np.ndarray]:
        with torch.inference_mode():
            ir, y = (to_device(images, self.device) for images in zip(*sources, strict=True))
            return list(to_host(self.run(ir, y))[:, 0])

    def sources(self, ir: np.ndarray, vi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self.protocol == "official":
            return rounded_grey(ir), self.official_luma(vi)
        return super().sources(ir, vi)

    def finished(self, luma: np.ndarray, vi: np.ndarray) -> np.ndarray:
        return luma if self.protocol == "official" else super().finished(luma, vi)


class TruncatedColour(LumaNetwork):
    """`official` is a script that fuses rounded infrared and float luma, casts to 8 bit and puts 8-bit chroma back."""

    def sources(self, ir: np.ndarray, vi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self.protocol != "official":
            return super().sources(ir, vi)
        return rounded_grey(ir), images.luma(images.grey_if_equal(vi))

    def finished(self, luma: np.ndarray, vi: np.ndarray) -> np.ndarray:
        if self.protocol != "official":
            return super().finished(luma, vi)
        fused, vi = np.floor(luma * 255) / np.float32(255), images.grey_if_equal(vi)
        if vi.ndim == 2:
            return fused
        return recolour8(fused, *images.split_ycbcr8(images.to_8bit(vi))[1:], centre=128 / 255)
