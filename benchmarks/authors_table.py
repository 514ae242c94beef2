"""How the authors' networks are imported, put together and called, method by method.

Each function takes the checkout of the method's repository (its card names it) and returns their modules under the
names of our state dict, and what their script does with two pictures, [1,1,H,W] in the order and range of our
`architecture`. What the script does around the network (min-max, clamping, borders) is the method's `run`, the same
for all forms. The commits are those of the cards.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from benchmarks.authors import Call, Checkout, stand_in

Made = tuple[nn.Module, Call]
NETWORKS: dict[str, Callable[[Checkout], Made]] = {}

TENSORFLOW = "TensorFlow 1"
# methods whose authors published no PyTorch network, and why
NONE = {"murf": TENSORFLOW, "pmgi": TENSORFLOW, "sdnet": TENSORFLOW, "stdfusionnet": TENSORFLOW, "u2fusion": TENSORFLOW}
# networks that run in training mode only, so that their pictures cannot be compared, and why
RANDOM = {"gesenet": "random masks, as in its script, which leaves training mode on; without it the code fails"}
SQUARE = ("matr",)  # networks that take square pictures only


def _network(make: Callable[[Checkout], Made]) -> Callable[[Checkout], Made]:
    """Enter a function under its own name, the method's."""
    NETWORKS[make.__name__] = make
    return make


def _timm() -> None:
    """What the networks take of timm: two initialisers and a DropPath that does nothing at inference."""
    stand_in("timm.models.layers", DropPath=nn.Identity, to_2tuple=lambda x: x if isinstance(x, tuple) else (x, x),
             trunc_normal_=nn.init.trunc_normal_)


def _both(network: nn.Module) -> Made:
    """A network that takes the two pictures in our order."""
    return network, network


def _stacked(code: Checkout, module: str) -> Made:
    """DATFuse's and MATR's, which take the two pictures as channels of one."""
    _timm()
    network = code.load(module).MODEL(in_channel=2)
    return network, lambda first, second: network(torch.cat([first, second], 1))


@_network
def auif(code: Checkout) -> Made:
    net = code.load("AUIFNet")
    base, detail, decoder = net.Encoder_Base(), net.Encoder_Detail(), net.Decoder()

    def call(ir: Tensor, vi: Tensor) -> Tensor:
        return decoder(base(ir)[0] + base(vi)[0], detail(ir)[0] + detail(vi)[0])

    return nn.ModuleDict({"base": base, "detail": detail, "decoder": decoder}), call


@_network
def caf(code: Checkout) -> Made:
    return _both(code.load("model.models").Ours())


def _dual_branch(code: Checkout, **base_options: int) -> Made:
    _timm()
    net = code.load("net")
    encoder, decoder = net.Restormer_Encoder(), net.Restormer_Decoder()
    base, detail = net.BaseFeatureExtraction(dim=64, **base_options), net.DetailFeatureExtraction(num_layers=1)

    def call(ir: Tensor, vi: Tensor) -> Tensor:
        vi_base, vi_detail, _ = encoder(vi)
        ir_base, ir_detail, _ = encoder(ir)
        return decoder(vi, base(vi_base + ir_base), detail(vi_detail + ir_detail))[0]

    return nn.ModuleDict({"encoder": encoder, "decoder": decoder, "base": base, "detail": detail}), call


@_network
def cddfuse(code: Checkout) -> Made:
    return _dual_branch(code, num_heads=8)


@_network
def pfcfuse(code: Checkout) -> Made:
    return _dual_branch(code)


@_network
def datfuse(code: Checkout) -> Made:
    return _stacked(code, "Networks.network")


@_network
def decfusion(code: Checkout) -> Made:
    network = code.load("LightWeightNet.LightWeightNet").net()

    def call(ir: Tensor, vi: Tensor) -> Tensor:
        vi_light, vi_matter, _ = network(vi)
        ir_light, ir_matter, _ = network(ir)
        return torch.max(vi_light, ir_light) * torch.max(vi_matter, ir_matter)

    return network, call


@_network
def defusion(code: Checkout) -> Made:
    network = code.load("models.UCTestShareModelProCommon").UCTestSharedNetPro()
    return network, lambda ir, vi: network(ir.expand(-1, 3, -1, -1), vi.expand(-1, 3, -1, -1))[3]


@_network
def densefuse(code: Checkout) -> Made:
    network = code.load("net").DenseFuse_net()

    def call(ir: Tensor, vi: Tensor) -> Tensor:
        return network.decoder(network.fusion(network.encoder(ir), network.encoder(vi)))[0]

    return network, call


@_network
def didfuse(code: Checkout) -> Made:
    net = code.load("DIDFuse")
    encoder, decoder = net.AE_Encoder(), net.AE_Decoder()

    def call(ir: Tensor, vi: Tensor) -> Tensor:
        first, second, base, detail = (a + b for a, b in zip(encoder(ir), encoder(vi)))
        return decoder(first, second, base, detail)

    return nn.ModuleDict({"encoder": encoder, "decoder": decoder}), call


@_network
def gesenet(code: Checkout) -> Made:
    return _both(code.load("model").GeSeNet(1))


@_network
def gifnet(code: Checkout) -> Made:
    _timm()
    settings = code.load("args").Args
    network = code.load("GIFNet_model").TwoBranchesFusionNet(settings.s, settings.n, settings.channel, settings.stride)

    def call(ir: Tensor, vi: Tensor) -> Tensor:
        shared = network.forward_encoder(ir, vi)
        return network.forward_mixed_decoder(shared, network.forward_MultiTask_branch(shared, shared))

    return network, call


@_network
def ifcnn(code: Checkout) -> Made:
    stand_in("torchvision.models")
    resnet = nn.Module()  # of ResNet-101 the first layer is used, which the released file holds
    resnet.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
    return _both(code.load("model", "Code").IFCNN(resnet, fuse_scheme=0))


@_network
def itfuse(code: Checkout) -> Made:
    _timm()
    return _both(code.load("Networks.net").MODEL(in_channel=1))


@_network
def lrrnet(code: Checkout) -> Made:
    network = code.load("net_lista").LRR_NET(3, 128, 1, 1, 4, "cat")  # args.py and testing_fusion_lrr.py
    return network, lambda ir, vi: network(ir, vi)["fuse"]


@_network
def matr(code: Checkout) -> Made:
    return _stacked(code, "Networks.net")


@_network
def mfeif(code: Checkout) -> Made:
    extract, construct = code.load("models.extractor").Extractor(), code.load("models.constructor").Constructor()
    attend, join = code.load("models.attention").Attention(), code.load("functions.feather_fuse").FeatherFuse()

    def call(ir: Tensor, vi: Tensor) -> Tensor:
        (ir_deep, *ir_rest), (vi_deep, *vi_rest) = extract(ir), extract(vi)
        deep = (ir_deep * attend(ir) + vi_deep * attend(vi)).softmax(1)
        return construct(deep, *join(ir_rest, vi_rest))

    return nn.ModuleDict({"ext": extract, "con": construct, "att": attend}), call


@_network
def reconet(code: Checkout) -> Made:
    network = code.load("archive.model").Fuser()
    return network, lambda ir, vi: network((ir, vi))[0][-1]


@_network
def res2fusion(code: Checkout) -> Made:
    network = code.load("Net").Rse2Net_atten_fuse()

    def call(ir: Tensor, vi: Tensor) -> Tensor:
        return network.decoder(network.fusion_atten(network.encoder(ir), network.encoder(vi), "atten"))

    return network, call


@_network
def sage(code: Checkout) -> Made:
    network = code.load("model_sub.model").Network()
    return network, lambda ir, vi: network(vi, ir)[0]


@_network
def seafusion(code: Checkout) -> Made:
    network = code.load("FusionNet", "SeAFusion").FusionNet(output=1)
    return network, lambda ir, vi: network(vi, ir)


@_network
def ship(code: Checkout) -> Made:
    for package in ("basicsr", "basicsr.archs", "basicsr.archs.utils", "basicsr.utils"):
        code.package(package)
    stand_in("torchvision.transforms.functional")
    # imported and not used: it would compile deformable convolutions
    stand_in("basicsr.archs.arch_util", ResidualBlockNoBN=None, Upsample=None, make_layer=None)
    network = code.load("basicsr.archs.highOrderInteractionFusion_arch").highOrderInteractionFusion()
    return network, lambda ir, vi: network(vi, ir)


@_network
def smfnet(code: Checkout) -> Made:
    _timm()
    stand_in("torchsummary", summary=None)
    stand_in("thop", profile=None)
    net = code.load("net_final")
    encoder, decoder = net.Restormer_Encoder(), net.Restormer_Decoder()
    base, detail = net.BaseFeatureExtraction(dim=64, num_heads=8), net.DetailFeatureExtraction()
    graph = net.CGR_backbone()

    def call(ir: Tensor, vi: Tensor) -> Tensor:
        vi_base, vi_detail, _, vi_feature = encoder(vi)
        ir_base, ir_detail, _, ir_feature = encoder(ir)
        joint = graph(vi_feature, ir_feature, flag=True)[0]
        return decoder(vi, detail(ir_detail + vi_detail) + base(ir_base + vi_base) + joint)[0]

    return nn.ModuleDict({"DIDF_Encoder": encoder, "DIDF_Decoder": decoder, "BaseFuseLayer": base,
                          "DetailFuseLayer": detail, "GraphModel": graph}), call


@_network
def swinfusion(code: Checkout) -> Made:
    _timm()
    # as in test_swinfusion.py; its `depths` and `num_heads` have no effect there either
    return _both(code.load("models.network_swinfusion1").SwinFusion(
        upscale=1, in_chans=1, img_size=128, window_size=8, img_range=1.0, embed_dim=60, mlp_ratio=2, upsampler=None,
        resi_connection="1conv"))


@_network
def tardal(code: Checkout) -> Made:
    return _both(code.load("modules.generator").Generator())


@_network
def ydtr(code: Checkout) -> Made:
    _timm()
    return _both(code.load("Networks.net").MODEL(in_channel=1))
