"""DeepLabv3+ from mmsegmentation's parts: ResNetV1c, DepthwiseSeparableASPPHead, FCNHead as auxiliary head."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import torch

from downstream.segmentation._mmlab import MODELS, ConfigDict, DefaultScope
from downstream.segmentation.labels import IGNORED, SegmentationError
from downstream.segmentation.pretrained import read_weights
from downstream.segmentation.settings import SegmentationSettings

# output stride -> (strides, dilations) of ResNet's stages, dilations of the ASPP branches
LAYOUT = {8: ((1, 2, 1, 1), (1, 1, 2, 4), (1, 12, 24, 36)), 16: ((1, 2, 2, 1), (1, 1, 1, 2), (1, 6, 12, 18))}
LOW_LEVEL_CHANNELS = 48


def build_network(settings: SegmentationSettings, classes: int,
                  class_weights: Sequence[float] | None = None) -> torch.nn.Module:
    """An initialised EncoderDecoder; weights are drawn from torch's global stream or read from settings.pretrained.

    class_weights: of the losses, one a class; None weighs all alike.
    """
    # a scope that other mmengine code of this process has set must not decide where the parts are looked up
    with DefaultScope.overwrite_default_scope("mmseg"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Default ``avg_non_ignore``")  # see cross_entropy below
        network = MODELS.build(ConfigDict(network_config(settings, classes, class_weights)))
    network.init_weights()
    if settings.pretrained:
        load_backbone(network.backbone, Path(settings.pretrained))
    return network


def network_config(settings: SegmentationSettings, classes: int,
                   class_weights: Sequence[float] | None = None) -> dict:
    """mmsegmentation's config of the network. Pictures come normalised; crops are padded to settings.crop."""
    expansion = 1 if settings.depth == 18 else 4
    first = settings.base_channels * expansion
    strides, dilations, aspp = LAYOUT[settings.output_stride]
    norm = {"type": "BN", "requires_grad": True}
    head = {"num_classes": classes, "norm_cfg": norm, "dropout_ratio": 0.1, "align_corners": False}

    def cross_entropy(weight: float) -> dict:
        loss = {"type": "CrossEntropyLoss", "use_sigmoid": False, "loss_weight": weight}
        # with class weights mmsegmentation always averages over what is not ignored (and fails when told to)
        return {**loss, "avg_non_ignore": True} if class_weights is None else {**loss,
                                                                                "class_weight": list(class_weights)}

    config = {
        "type": "EncoderDecoder",
        "data_preprocessor": {"type": "SegDataPreProcessor", "size": settings.crop, "pad_val": 0,
                              "seg_pad_val": IGNORED},
        "pretrained": None,
        "backbone": {"type": "ResNetV1c", "depth": settings.depth, "in_channels": 4 if settings.four_channel else 3,
                     "stem_channels": settings.base_channels, "base_channels": settings.base_channels,
                     "strides": strides, "dilations": dilations, "contract_dilation": True, "norm_cfg": norm},
        "decode_head": {"type": "DepthwiseSeparableASPPHead", "in_channels": first * 8, "in_index": 3,
                        "channels": settings.head_channels, "dilations": aspp, "c1_in_channels": first,
                        "c1_channels": LOW_LEVEL_CHANNELS, "loss_decode": cross_entropy(1.0), **head},
        "train_cfg": {},
        "test_cfg": {"mode": "whole"},
    }
    if settings.auxiliary:
        config["auxiliary_head"] = {"type": "FCNHead", "in_channels": first * 4, "in_index": 2, "num_convs": 1,
                                    "channels": settings.head_channels // 2, "concat_input": False,
                                    "loss_decode": cross_entropy(0.4), **head}
    return config


def load_backbone(backbone: torch.nn.Module, path: Path) -> None:
    """Load ImageNet weights of ResNetV1c (OpenMMLab's resnet50_v1c / resnet101_v1c files) from a local file.

    For a four-channel stem the thermal channel starts with the mean of the colour channels' weights.
    Raises SegmentationError naming missing or odd tensors.
    """
    saved = read_weights(path)
    state = {key.removeprefix("module.").removeprefix("backbone."): value for key, value in saved.items()}
    own = backbone.state_dict()
    stem = "stem.0.weight"
    if stem in state and own[stem].shape[1] == 4 and state[stem].shape[1] == 3:
        state[stem] = torch.cat([state[stem], state[stem].mean(dim=1, keepdim=True)], dim=1)
    odd = [key for key in own if key not in state or state[key].shape != own[key].shape]
    if odd:
        raise SegmentationError(f"{path}: no ResNetV1c weights of this depth: {odd[0]} (and {len(odd) - 1} more) "
                                "missing or of another shape; torchvision's ResNet has another stem, use a v1c file")
    backbone.load_state_dict({key: state[key] for key in own})
