"""Training: repeatable, resumable after a kill, confined to its folder; pretrained weights; early fusion."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from segmentation_scenes import visible_pictures, write_mfnet

from downstream._training import TrainingError
from downstream.segmentation import SegmentationError, SegmentationSettings, open_segmentation, read_label
from downstream.segmentation import training as loop
from downstream.segmentation.batches import Item, Scenes, augment
from downstream.segmentation.confusion import background_baseline, confusion
from downstream.segmentation.network import build_network, network_config
from downstream.segmentation.run import run_segmentation

TINY = SegmentationSettings(depth=18, base_channels=4, head_channels=8, output_stride=16, crop=(32, 32),
                            scale=(0.8, 1.2), batch=2, epochs=3, lr=0.05, min_lr=0.001)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """(data set, pictures, its root)."""
    root = tmp_path_factory.mktemp("data")
    folder = write_mfnet(root)
    return open_segmentation("mfnet", root), visible_pictures(folder, root / "vi"), root


@pytest.fixture(scope="module")
def first(data, tmp_path_factory):
    """An uninterrupted run and its folder."""
    out = tmp_path_factory.mktemp("first")
    return _run(data, out), out


def _run(data, out, settings=TINY, seed=0, **kwargs):
    return run_segmentation(data[1], data[0], None, settings, seed=seed, device="cpu", out=out, **kwargs)


def _same(one, two) -> bool:
    """Losses, counts, rows (repr: nan equals nan) and the trained weights, all to the last bit."""
    files = [result.predictions.parent / "state.pth" for result in (one, two)]
    weights = [torch.load(file, weights_only=True)["state"]["network"] for file in files]
    return (one.losses == two.losses and (one.confusion == two.confusion).all() and repr(one.rows) == repr(two.rows)
            and all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0]))


def test_result(data, first):
    result, out = first
    dataset = data[0]
    assert len(result.losses) == 3 and all(np.isfinite(result.losses))
    assert {r["item"] for r in result.rows} == {*dataset.classes, "-"}
    assert result.cost["epochs"] == 3 and result.cost["predicted_hours"] > 0
    assert (out / "cost.json").is_file()
    counted = np.zeros((9, 9), np.int64)
    for key in dataset.split().test:
        truth = read_label(dataset.labels[key], dataset.legend)
        counted += confusion(truth, read_label(result.predictions / f"{key}.png", dataset.legend, truth.shape), 9)
    assert (counted == result.confusion).all()
    from torchmetrics.classification import MulticlassJaccardIndex  # after torchvision's guard

    theirs = MulticlassJaccardIndex(9, average=None)
    for key in dataset.split().test:
        paths = result.predictions / f"{key}.png", dataset.labels[key]
        theirs.update(*(torch.from_numpy(read_label(path, dataset.legend)) for path in paths))
    ours = [r["value"] for r in result.rows if r["metric"] == "IoU"]
    assert np.abs(np.nan_to_num(ours) - theirs.compute().numpy()).max() < 1e-6  # theirs: 0 where a class is absent
    assert result.notes == [
        TINY.title, f"split official of MFNet: 6 pictures to train, 2 to test; answering Unlabel everywhere has mIoU "
                    f"{background_baseline(counted, 'nan'):.3f} on these",
        "a class in neither labels nor predictions is left out of the means"]
    assert sorted(p.name for p in out.iterdir()) == ["cost.json", "predictions", "state.pth"]


def test_same_seed_same_numbers_other_seed_others(data, first, tmp_path):
    torch.manual_seed(99)  # what ran before in the process must not matter
    again = _run(data, tmp_path / "again")
    assert _same(again, first[0])
    assert _run(data, tmp_path / "other", seed=1).losses != again.losses


def test_loading_in_worker_processes_changes_nothing(data, first, tmp_path):
    assert _same(_run(data, tmp_path, dataclasses.replace(TINY, workers=1)), first[0])


KILLED = """
import dataclasses, os, signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_segmentation_training import TINY, open_segmentation, run_segmentation
from downstream.segmentation import training
inner, calls = training._run_epoch, []
def dies_in_the_second_epoch(network, wrapper, loader, rates):
    if calls:
        batch = next(iter(loader))
        network.train_step(batch, optim_wrapper=wrapper)
        os.kill(os.getpid(), signal.SIGKILL)
    calls.append(1)
    return inner(network, wrapper, loader, rates)
training._run_epoch = dies_in_the_second_epoch
root, out = Path({root!r}), Path({out!r})
pictures = {{p.stem: p for p in (root / "vi").glob("*.png")}}
settings = dataclasses.replace(TINY, amp={amp})
run_segmentation(pictures, open_segmentation("mfnet", root), None, settings, seed=0, device="cpu", out=out)
"""


@pytest.mark.long
@pytest.mark.parametrize("amp", [False, True])
def test_a_killed_run_goes_on_and_ends_the_same(data, first, tmp_path, amp):
    settings = dataclasses.replace(TINY, amp=amp)
    whole = _run(data, tmp_path / "whole", settings) if amp else first[0]
    code = KILLED.format(tests=str(Path(__file__).parent), root=str(data[2]), out=str(tmp_path / "cut"), amp=amp)
    died = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert died.returncode == -9, died.stderr
    assert (tmp_path / "cut/state.pth").is_file()
    epochs = []
    result = _run(data, tmp_path / "cut", settings, progress=lambda done, total, loss: epochs.append((done, total)))
    assert epochs == [(2, 3), (3, 3)]
    assert _same(result, whole)


def test_bfloat16_is_said_and_keeps_float32_weights(data, first, tmp_path):
    settings = dataclasses.replace(TINY, amp=True)
    result = _run(data, tmp_path, settings)
    assert "bfloat16" in settings.title and settings.title in result.notes and result.settings["amp"]
    assert result.losses != first[0].losses  # other arithmetic,
    assert result.losses[0] == pytest.approx(first[0].losses[0], rel=.02)  # the same training
    weights = torch.load(tmp_path / "state.pth", weights_only=True)["state"]["network"]
    assert {value.dtype for value in weights.values()} == {torch.float32, torch.int64}
    with pytest.raises(TrainingError, match="other settings"):
        _run(data, tmp_path, dataclasses.replace(settings, amp=False))


def test_a_finished_run_is_not_trained_again(data, first):
    result, out = first
    before = (out / "state.pth").stat().st_mtime_ns
    again = _run(data, out, progress=lambda *_: pytest.fail("trained again"))
    assert _same(again, result) and (out / "state.pth").stat().st_mtime_ns == before
    zero = _run(data, out, dataclasses.replace(TINY, absent="zero"), progress=lambda *_: pytest.fail("trained again"))
    assert (zero.confusion == result.confusion).all()
    assert {r["value"] for r in zero.rows if r["item"] == "Bump"} == {0.0}
    assert "a class in neither labels nor predictions counts as 0" in zero.notes


def test_a_state_of_another_training_is_refused(data, first):
    with pytest.raises(TrainingError, match=r"state.pth: belongs to a training with other settings"):
        _run(data, first[1], seed=1)
    with pytest.raises(TrainingError, match="other settings"):
        _run(data, first[1], dataclasses.replace(TINY, lr=0.01))


def test_changed_pictures_are_another_training(data, first):
    changed = dict(data[1])
    a, b = data[0].split().train[:2]
    changed[a], changed[b] = changed[b], changed[a]
    with pytest.raises(TrainingError, match="other settings, data or seed"):
        run_segmentation(changed, data[0], None, TINY, seed=0, device="cpu", out=first[1])


def test_a_diverging_loss_stops_the_training(data, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "_run_epoch", lambda *_: float("nan"))
    with pytest.raises(TrainingError, match=r"loss is nan in epoch 1; lower lr"):
        _run(data, tmp_path)
    assert not (tmp_path / "state.pth").exists()


def test_early_fusion_takes_packed_pictures_and_pairs(data, tmp_path):
    dataset, visible, _ = data
    settings = dataclasses.replace(TINY, four_channel=True, epochs=1)
    packed = run_segmentation(dataset.pictures, dataset, None, settings, seed=0, device="cpu", out=tmp_path / "packed")
    thermal = tmp_path / "ir"
    thermal.mkdir()
    from PIL import Image
    for key, path in dataset.pictures.items():
        Image.fromarray(np.asarray(Image.open(path))[..., 3]).save(thermal / f"{key}.png")
    pairs = {key: (thermal / f"{key}.png", path) for key, path in visible.items()}
    paired = run_segmentation(pairs, dataset, None, settings, seed=0, device="cpu", out=tmp_path / "pairs")
    assert _same(packed, paired)
    with pytest.raises(SegmentationError, match="set four_channel for early fusion"):
        run_segmentation(pairs, dataset, None, TINY, seed=0, device="cpu", out=tmp_path / "wrong")


def test_poly_schedule_is_mmengines():
    from mmengine.optim import PolyLR

    settings = SegmentationSettings(lr=0.01, min_lr=1e-4, power=0.9)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=settings.lr)
    scheduler = PolyLR(optimizer, eta_min=1e-4, power=0.9, begin=0, end=20, by_epoch=False)
    for iteration in range(20):
        assert loop.learning_rate(settings, iteration, 20) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-6)
        optimizer.step()
        scheduler.step()
    assert loop.learning_rate(dataclasses.replace(settings, schedule="constant"), 19, 20) == 0.01


def test_rare_classes_weigh_more_when_told_to(data):
    """Weights follow the training labels; the loss is torch's weighted cross-entropy; the default is plain."""
    from mmseg.registry import MODELS

    dataset, pictures, _ = data
    items = [Item(k, pictures[k], dataset.labels[k], dataset.legend) for k in dataset.split().train]
    pixels = np.bincount(np.concatenate([read_label(i.label, i.legend).ravel() for i in items]), minlength=9)
    weights = loop.class_weights(items, 9, 0.5)
    assert weights[:3] == pytest.approx((pixels[:3] / pixels.sum()) ** -0.5) and weights[3:] == [1.0] * 6
    plain = network_config(TINY, 9)["decode_head"]["loss_decode"]
    assert "class_weight" not in plain and plain["avg_non_ignore"]
    loss = MODELS.get("CrossEntropyLoss")(**{k: v for k, v in network_config(TINY, 9, weights)["decode_head"][
        "loss_decode"].items() if k != "type"})
    scores, truth = torch.randn(2, 9, 8, 8), torch.randint(0, 9, (2, 8, 8))
    truth[:, :2] = 255  # padding
    theirs = torch.nn.functional.cross_entropy(scores, truth, torch.tensor(weights), ignore_index=255)
    assert torch.allclose(loss(scores, truth, ignore_index=255), theirs)


def test_adamw_and_balance_train_and_resume_alike(data, tmp_path):
    settings = dataclasses.replace(TINY, optimizer="AdamW", class_balance=0.5, lr=0.005, epochs=2)
    assert "classes weighed by share^-0.5" in settings.title and "weighed" not in TINY.title
    whole = _run(data, tmp_path / "whole", settings)

    def stop(done, total, loss):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _run(data, tmp_path / "stopped", settings, progress=stop)
    assert _same(_run(data, tmp_path / "stopped", settings), whole)


@pytest.mark.parametrize("stride", [8, 16])
@pytest.mark.parametrize("depth", [18, 50])
def test_networks_have_the_declared_stride(depth, stride):
    network = build_network(dataclasses.replace(TINY, depth=depth, output_stride=stride, auxiliary=depth == 50), 9)
    network.eval()
    with torch.inference_mode():
        features = network.backbone(torch.zeros(1, 3, 64, 96))
        assert features[3].shape[2:] == (64 // stride, 96 // stride) and features[0].shape[2:] == (16, 24)
        assert network.decode_head(features).shape == (1, 9, 16, 24)
    assert network.with_auxiliary_head == (depth == 50)


def test_the_paper_size_network_is_mmsegmentations_recipe():
    """Widths of DeepLabv3+ R50-d8 as published by mmsegmentation."""
    config = network_config(SegmentationSettings(), 9)
    head = config["decode_head"]
    assert (head["in_channels"], head["c1_in_channels"], head["c1_channels"], head["channels"]) == (2048, 256, 48, 512)
    assert head["dilations"] == (1, 12, 24, 36)
    assert config["auxiliary_head"]["in_channels"] == 1024 and config["auxiliary_head"]["channels"] == 256
    assert config["backbone"]["strides"] == (1, 2, 1, 1) and config["backbone"]["dilations"] == (1, 1, 2, 4)


def test_pretrained_weights_come_from_the_given_file_alone(tmp_path):
    wide = dataclasses.replace(TINY, base_channels=64)
    torch.manual_seed(5)
    source = build_network(wide, 9).backbone.state_dict()
    path = tmp_path / "resnet18_v1c.pth"
    torch.save({"state_dict": {**source, "fc.weight": torch.zeros(1)}}, path)
    settings = dataclasses.replace(wide, pretrained=str(path), four_channel=True)
    loaded = build_network(settings, 9).backbone.state_dict()
    assert torch.equal(loaded["layer4.1.conv2.weight"], source["layer4.1.conv2.weight"])
    assert torch.equal(loaded["stem.0.weight"][:, :3], source["stem.0.weight"])
    assert torch.allclose(loaded["stem.0.weight"][:, 3], source["stem.0.weight"].mean(1))
    assert "ImageNet weights" in settings.title
    torch.save({"conv1.weight": torch.zeros(64, 3, 7, 7)}, path)
    with pytest.raises(SegmentationError, match=r"resnet18_v1c.pth: no ResNetV1c weights of this depth"):
        build_network(settings, 9)


def test_augmentation_depends_on_seed_epoch_and_index_alone(data):
    dataset, pictures, _ = data
    items = [Item(k, pictures[k], dataset.labels[k], dataset.legend) for k in dataset.split().train]
    scenes = Scenes(items, TINY, seed=0)
    one = scenes[2, 1]["inputs"]
    scenes[0, 0]
    assert torch.equal(one, scenes[2, 1]["inputs"])
    assert one.shape != (other := scenes[3, 1]["inputs"]).shape or not torch.equal(one, other)
    assert scenes[1]["inputs"].shape == (3, 40, 48)


def test_crops_of_one_class_are_drawn_again():
    ids = np.zeros((64, 64), np.uint8)
    ids[:32, :32] = 1
    picture = np.zeros((64, 64, 3), np.uint8)

    def monotone(max_share):
        settings = dataclasses.replace(TINY, scale=(1, 1), max_share=max_share)
        crops = [augment(picture, ids, settings, np.random.default_rng(seed))[1] for seed in range(40)]
        assert all(crop.shape == (32, 32) for crop in crops)
        return sum(np.bincount(crop.ravel()).max() > 0.75 * crop.size for crop in crops)

    assert monotone(1.0) > 20
    assert monotone(0.75) < 5
