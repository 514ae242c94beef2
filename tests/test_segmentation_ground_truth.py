"""MSRS with its real labels (a part: 70 train, 24 test)."""

from downstream.segmentation import open_segmentation


def test_real_labels_are_taken_and_called_so(reference):
    found = open_segmentation("msrs", reference / "data_labelled")
    split = found.splits["official"]
    assert (len(split.train), len(split.test)) == (70, 24) and not set(split.train) & set(split.test)
    assert not found.teacher and found.note == ""
    shown = found.check().with_class
    assert shown["Car"] > 40 and shown["Person"] > 40 and shown["Bump"] > 0  # train shows all nine
    assert open_segmentation("msrs", reference / "data").teacher  # the 120 have a network's labels only
