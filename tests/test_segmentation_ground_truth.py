"""MSRS with its real labels (a part: 70 train, 24 test), by the profile that a user would name."""

import math
from dataclasses import replace

import pytest

from downstream.segmentation import open_segmentation
from suite.plan import make_plan
from suite.profile import load_profile
from suite.stages import Context, execute
from suite.unit import result_rows, stored_result


def test_real_labels_are_taken_and_called_so(reference):
    found = open_segmentation("msrs", reference / "data_labelled")
    split = found.splits["official"]
    assert (len(split.train), len(split.test)) == (70, 24) and not set(split.train) & set(split.test)
    assert not found.teacher and found.note == ""
    shown = found.check().with_class
    assert shown["Car"] > 40 and shown["Person"] > 40 and shown["Bump"] > 0  # train shows all nine
    assert open_segmentation("msrs", reference / "data").teacher  # the 120 have a network's labels only


def trained(out, made, method):
    """((item, metric), value) of one row's training, run alone, and its loss per epoch."""
    [unit] = [unit for unit in made.units if unit.stage == "segment" and unit.method == method]
    for one in (*unit.upstream, unit):
        assert execute(one, Context(out, "cpu", {})).reason == ""
    result = stored_result(out, unit)
    return [((row.item, row.metric), row.value) for row in result_rows(result)], result.details["losses"]


@pytest.mark.long
def test_two_epochs_give_finite_numbers_and_the_same_ones_again(tmp_path, reference):
    profile = load_profile("msrs-segmentation")
    settings = {**profile.tables["segmentation"], "epochs": 2}
    profile = replace(profile, tables={**profile.tables, "segmentation": settings})
    made = make_plan(profile, data=reference / "data_labelled", weights=tmp_path, named=None, known_files={})
    first, second = (trained(tmp_path / name, made, "visible") for name in ("one", "two"))
    assert repr(first) == repr(second)  # to the last bit, nan included
    values, losses = dict(first[0]), first[1]
    # no test picture shows Guardrail or Bump, and so young a network predicts neither: they have no IoU
    assert {item for (item, _), value in values.items() if not math.isfinite(value)} <= {"Guardrail", "Bump"}
    assert .9 < values["-", "aAcc"] <= 1 and 0 < values["-", "mIoU"] < 1
    assert losses[1] < losses[0] < math.inf
