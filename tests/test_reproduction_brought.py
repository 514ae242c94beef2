"""Table I's CDDFuse row through the authors' own fused pictures, brought as a user would bring them."""

import pytest

from baselines.precomputed import open_precomputed
from fusion import images
from fusion.pairs import open_pairs
from metrics import TABLE_METRICS, evaluate
from reports import load
from reports.comparison import compare
from results.records import SCHEMA, DatasetRecord, MethodRecord, RunRecord, SuiteRecord, write_run
from results.rows import Row, to_frame, write_csv

EXACT = {"tno": {"MI", "VIF", "Qabf", "SSIM"}, "roadscene": {"EN", "Qabf"}}
# percent, the rest of the cells: what was seen, and nothing above (docs/reproduction.md)
WITHIN = {"tno": {"EN": .002, "SD": .004, "SF": .002, "AG": .003},
          "roadscene": {"SD": .005, "SF": .002, "MI": .003, "VIF": .008, "AG": .002, "SSIM": .028}}


@pytest.mark.long
@pytest.mark.parametrize("dataset", EXACT)
def test_the_authors_pictures_give_table_ones_cddfuse_row(tmp_path, reference, dataset):
    pairs = open_pairs(dataset, reference / "data")
    brought = open_precomputed("cddfuse", reference / "results/cddfuse" / dataset, [p.id for p in pairs.pairs],
                               [(p.height, p.width) for p in pairs.pairs])
    rows = []
    for pair in pairs.pairs:
        fused = brought.read(pair.id)
        assert fused.ndim == 2, "the authors' pictures are grey; so is what baselines.cddfuse writes"
        ir, vi = pair.read8()
        values = evaluate(images.grey8(fused), ir, images.grey8(vi), metrics=TABLE_METRICS, variant="smfnet")
        rows += [Row("ivf", "cddfuse", dataset, pair.id, name, "smfnet", 0, float(v)) for name, v in values.items()]
    write_csv(tmp_path / "rows.csv", to_frame(rows))
    write_run(tmp_path, RunRecord(
        SCHEMA, "", "smfnet", "released", "", "", "", {"ivf": SuiteRecord("Fusion", "pictures", "ivf")},
        {dataset: DatasetRecord(pairs.card.title, "ivf", pairs.manifest)},
        {"cddfuse": MethodRecord("CDDFuse", "CDDFuse", "brought", ("ivf",))}, ()))
    cells = {cell.metric: cell for cell in compare(load(tmp_path))}
    assert set(cells) == EXACT[dataset] | set(WITHIN[dataset]) and len(cells) == 8
    assert {name for name, cell in cells.items() if cell.status == "exact"} == EXACT[dataset]
    for name, bound in WITHIN[dataset].items():
        assert abs(cells[name].difference) <= bound / 100 * cells[name].published, name
