"""IoU against torchmetrics, the two conventions for absent classes, Table III's means, the panels."""

import csv
from pathlib import Path

import numpy as np
import pytest

from downstream import guard
from downstream.segmentation.confusion import (
    accuracy,
    background_baseline,
    class_mean,
    confusion,
    iou,
    rows,
)
from fusion.dataset_cards import find_dataset
from reports.figures import segmentations

CLASSES = find_dataset("mfnet").segmentation.classes

TABLE3 = Path(__file__).with_name("golden") / "segmentation_table3.csv"


@pytest.fixture(scope="module")
def maps():
    """Eight label maps of nine classes and predictions that are right in some places and wrong in others."""
    rng = np.random.default_rng(3)
    truth = rng.choice(9, (8, 60, 80), p=[0.8, 0.06, 0.04, 0.03, 0.02, 0.02, 0.01, 0.01, 0.01]).astype(np.uint8)
    predicted = np.where(rng.random(truth.shape) < 0.7, truth, rng.integers(0, 9, truth.shape)).astype(np.uint8)
    return truth, predicted


def _total(truth, predicted):
    return sum(confusion(t, p, 9) for t, p in zip(truth, predicted))


def test_iou_and_accuracy_equal_torchmetrics(maps):
    guard.torchvision_guard()  # before torchmetrics, which imports torchvision
    import torch
    from torchmetrics.classification import MulticlassAccuracy, MulticlassJaccardIndex

    truth, predicted = maps
    pair = torch.from_numpy(predicted.astype(np.int64)), torch.from_numpy(truth.astype(np.int64))
    matrix = _total(truth, predicted)
    theirs = MulticlassJaccardIndex(9, average=None)(*pair).numpy()
    assert np.abs(iou(matrix) - theirs).max() < 1e-6
    assert abs(class_mean(iou(matrix), "nan") - float(MulticlassJaccardIndex(9)(*pair))) < 1e-6
    assert np.abs(accuracy(matrix) - MulticlassAccuracy(9, average=None)(*pair).numpy()).max() < 1e-6
    table = {(r["item"], r["metric"]): r["value"] for r in rows(matrix, CLASSES, "nan")}
    assert abs(table["-", "aAcc"] - float(MulticlassAccuracy(9, average="micro")(*pair))) < 1e-6
    assert abs(table["-", "mAcc"] - float(MulticlassAccuracy(9, average="macro")(*pair))) < 1e-6
    assert table["Guardrail", "IoU"] == iou(matrix)[6]


def test_absent_classes_follow_the_declared_convention():
    truth, predicted = np.array([[0, 0, 1, 2]]), np.array([[0, 0, 1, 3]])
    matrix = confusion(truth, predicted, 9)
    values = iou(matrix)
    assert values[:4].tolist() == [1, 1, 0, 0]  # 3 is predicted but not there: present, IoU 0
    assert np.isnan(values[4:]).all()
    assert class_mean(values, "nan") == pytest.approx(2 / 4)
    assert class_mean(values, "zero") == pytest.approx(2 / 9)
    assert np.isnan(accuracy(matrix)[3])
    zero = {(r["item"], r["metric"]): r["value"] for r in rows(matrix, CLASSES, "zero")}
    assert zero["Bump", "IoU"] == 0 and zero["-", "mIoU"] == pytest.approx(2 / 9)
    assert len(zero) == 2 * 9 + 3


def test_counts_stay_exact_above_2_to_the_24():
    matrix = np.zeros((9, 9), np.int64)
    matrix[0, 0], matrix[1, 1], matrix[1, 0] = 2**27 + 1, 1, 1
    assert iou(matrix)[1] == 0.5
    assert iou(matrix)[0] == (2**27 + 1) / (2**27 + 2)


def test_background_baseline():
    truth = np.array([[0, 0, 0, 1], [0, 0, 0, 2]])
    matrix = confusion(truth, truth, 3)
    assert background_baseline(matrix, "nan") == pytest.approx((6 / 8) / 3)


def test_different_sizes_are_refused():
    with pytest.raises(ValueError, match=r"truth is \(2, 2\), prediction \(2, 3\)"):
        confusion(np.zeros((2, 2)), np.zeros((2, 3)), 9)


def test_published_means_count_guardrail_too():
    """Table III prints eight classes and a mean over nine: the ninth, Guardrail, follows from the mean."""
    with TABLE3.open() as handle:
        table = {row.pop("method"): {k: float(v) for k, v in row.items()} for row in csv.DictReader(handle)}
    assert len(table) == 12
    rounding = 9 * 0.0005 + 8 * 0.0005
    for method, row in table.items():
        printed = [row[c] for c in ("Unlabel", "Car", "Person", "Bike", "Curve", "Stop", "Cone", "Bump")]
        guardrail = 9 * row["mIoU"] - sum(printed)
        assert -rounding <= guardrail < 0.2, method  # a possible IoU for every method
        assert abs(class_mean(printed, "nan") - row["mIoU"]) > 0.01, method  # not the mean of the printed eight
        ours = class_mean([*printed[:6], max(guardrail, 0.0), *printed[6:]], "nan")
        assert ours == pytest.approx(row["mIoU"], abs=rounding / 9)
    smfnet = table["SMFNet"]
    assert round(9 * smfnet["mIoU"] - sum(v for k, v in smfnet.items() if k not in ("mAcc", "mIoU")), 3) == 0.077


def test_the_table_is_the_references(reference):
    assert TABLE3.read_text() == (reference / "paper/table3.csv").read_text()


def test_the_panels_have_a_colour_for_every_class():
    assert len({tuple(colour) for colour in segmentations.PALETTE}) >= len(CLASSES)
