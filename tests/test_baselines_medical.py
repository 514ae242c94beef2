"""IFCNN, MATR and GeSeNet: the released files load strictly; what is known of the authors' code holds."""

import numpy as np
import pytest
import torch

from baselines.gesenet import RegionMask
from baselines.matr import AdaptiveConv, MATRNetwork
from fusion import images
from fusion.method import load_method
from fusion.pairs import open_pairs

# the authors' parameters, counted in the released files (trainable tensors only)
PARAMETERS = {"ifcnn": 83_587, "matr": 13_422, "gesenet": 240_587}


@pytest.mark.parametrize("name", PARAMETERS)
def test_released_files_load_and_fuse_medical_pairs(reference, name):
    method = load_method(name, weights=reference / "weights" / name)
    assert sum(parameter.numel() for parameter in method.reference.parameters()) == PARAMETERS[name]
    pair = open_pairs("mri_pet", reference / "data").pairs[0]
    mri, pet = pair.read()
    fused = method.fuse(mri, pet)
    assert fused.shape == pet.shape
    with_mri, with_pet, mri_with_pet = (np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in (
        (images.luma(fused), mri), (images.luma(fused), images.luma(pet)), (mri, images.luma(pet))))
    # the structure is the MRI's, and there is more of the PET in it than in the MRI itself
    assert with_mri > 0.8 and with_pet > mri_with_pet


@pytest.mark.parametrize("name", ["ifcnn", "matr"])
def test_truncating_recipes_stay_on_the_8_bit_grid(reference, name):
    method = load_method(name, weights=reference / "weights" / name, protocol="official")
    mri, pet = open_pairs("mri_pet", reference / "data").pairs[1].read()
    levels = method.fuse(mri, pet).astype(np.float64) * 255
    np.testing.assert_allclose(levels, np.round(levels), atol=1e-4)


def test_ifcnn_does_not_care_for_the_order(reference):
    network = load_method("ifcnn", weights=reference / "weights" / "ifcnn").network
    generator = torch.Generator().manual_seed(3)
    first, second = (torch.rand(1, 3, 32, 40, generator=generator) for _ in range(2))
    with torch.inference_mode():
        torch.testing.assert_close(network(first, second), network(second, first), rtol=0, atol=0)


def test_matr_kernels_follow_the_picture():
    """With every gate at one half the layer is a plain convolution by half its kernel."""
    layer = AdaptiveConv(2, 16).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        layer.weight.copy_(torch.randn(16, 2, 3, 3, generator=generator))
        layer.gd.weight.zero_()
        layer.gd2.weight.zero_()
    x = torch.rand(1, 2, 33, 20, generator=generator)
    expected = torch.nn.functional.conv2d(x, layer.weight / 2, padding=1)
    with torch.inference_mode():
        torch.testing.assert_close(layer(x), expected)
        layer.gd.weight.fill_(1)
        assert (layer(x) - expected).abs().max() > 1e-3


def test_matr_attention_in_windows_of_one_pixel_is_its_value_path():
    """Against the general formula of windowed attention with one position per window."""
    block = MATRNetwork().basicLayer.blocks[0]
    x = torch.rand(50, 16, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        query, key, value = block.attn.qkv(x).reshape(50, 1, 3, 8, 2).permute(2, 0, 3, 1, 4)
        scores = query @ key.transpose(-2, -1) / 2**0.5 + block.attn.relative_position_bias_table.view(8, 1, 1)
        expected = block.attn.proj((scores.softmax(-1) @ value).transpose(1, 2).reshape(50, 16))
        torch.testing.assert_close(block.attn(x, x), expected)


def test_gesenet_masked_body_equals_its_sparse_form():
    """Position by position: channels kept inside the region are zero outside it, the others see the whole picture."""
    torch_state = torch.Generator().manual_seed(4)
    body = RegionMask().body.eval()
    with torch.no_grad():
        body.ch_mask.copy_(torch.randn(body.ch_mask.shape, generator=torch_state) * 5)
    x = torch.rand(1, 32, 12, 10, generator=torch_state)
    region = (torch.rand(1, 1, 12, 10, generator=torch_state) > 0.5).float()
    inside = body.ch_mask[0, :, :, 1] > body.ch_mask[0, :, :, 0]  # [32, layers]
    with torch.inference_mode():
        outputs, features, sparse = [], x, torch.zeros(32, dtype=bool)
        for at, layer in enumerate(body.body):
            from_dense = layer(features * ~sparse[None, :, None, None])
            from_sparse = layer(features * sparse[None, :, None, None]) * region  # known, and added, there only
            sparse = inside[:, at]
            total = (from_dense + from_sparse).relu()
            features = torch.where(sparse[None, :, None, None], total * region, total)
            outputs.append(features)
        expected = body.collect(torch.cat(outputs, 1))
        torch.testing.assert_close(body(x, region), expected, rtol=1e-5, atol=1e-5)


def test_gesenet_is_repeatable_and_takes_odd_sizes(reference):
    method = load_method("gesenet", weights=reference / "weights" / "gesenet")
    rng = np.random.default_rng(0)
    ir, vi = rng.random((33, 45), dtype=np.float32), rng.random((33, 45), dtype=np.float32)
    first = method.fuse(ir, vi)
    assert first.shape == (33, 45)
    np.testing.assert_array_equal(first, method.fuse(ir, vi))
