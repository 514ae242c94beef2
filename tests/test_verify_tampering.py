"""`verify` against every way of tests/tampering_ways.py; docs/verify.md lists them."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import tampering_reports  # noqa: F401 - registers the ways
from tampering import WAYS, Box, Way
from tiny_run import make, request, with_costs, write_pairs

from fusion.smfnet import weights as smfnet_weights
from fusion.smfnet.network.smfnet import SMFNet
from fusion.smfnet.settings import NetworkSettings
from suite import seal
from suite.verify import Findings, Look, verify

PAGE = Path(__file__).resolve().parent.parent / "docs" / "verify.md"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Box:
    """A finished run with its reports, its data and two ssh keys."""
    root = write_pairs(tmp_path_factory.mktemp("data"))
    (root / "weights" / "smfnet").mkdir(parents=True)
    for name in ("smfnet/weights", "other"):
        smfnet_weights.save(root / "weights" / f"{name}.safetensors", SMFNet(NetworkSettings(width=8, heads=2)))
    keys = tmp_path_factory.mktemp("keys")
    for name in ("key", "other"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(keys / name)], check=True)
    out = tmp_path_factory.mktemp("out")
    methods = ("visible", "average", "smfnet")
    make(root, out, methods, profile=with_costs(request(root, out).profile))
    return Box(out, root, root / "weights", keys / "key", keys / "other")


@pytest.fixture
def box(original: Box, tmp_path: Path) -> Iterator[Box]:
    shutil.copytree(original.out, tmp_path / "out")
    shutil.copytree(original.data, tmp_path / "data")
    yield Box(tmp_path / "out", tmp_path / "data", tmp_path / "data" / "weights", original.key, original.other)


def looked(box: Box, *, everything: bool = False, signed: bool = False) -> Findings:
    return verify(box.out, Look(data=box.data, weights=box.weights, everything=everything,
                                signed_by=box.key.with_suffix(".pub") if signed else None), say=lambda _: None)


def test_an_honest_run_holds_and_says_by_which_means(box: Box) -> None:
    seal.sign(box.out, box.key)
    findings = looked(box, everything=True, signed=True)
    assert findings.wrong == [] and findings.not_run == []
    assert len(findings.checked) == 13 and all(findings.checked.values())
    assert findings.checked["pictures fused again"] == 9  # of three methods
    assert findings.checked["parameters and MACs counted again"] == 3  # of smfnet; the others are no networks
    assert findings.checked["values scored again on the reference path"] == 18


def test_the_default_sample_covers_every_unit(box: Box) -> None:
    said: list[str] = []
    verify(box.out, Look(data=box.data, weights=box.weights, pictures=1), say=said.append)
    assert sorted(line.split()[2] for line in said) == ["average", "smfnet", "visible"]


@pytest.mark.long  # each makes a run's records anew
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_way(way: Way, box: Box) -> None:
    if way.signed:
        seal.sign(box.out, box.key)
    way.change(box)
    findings = looked(box, everything=way.everything, signed=way.signed)
    if way.found:
        assert any(way.found in text for text in findings.wrong), findings.wrong
    else:
        assert findings.wrong == [] and findings.unknown


def table() -> str:
    """The table of docs/verify.md."""
    lines = ["| What was changed | `verify` | By which means, or why not |", "|---|---|---|"]
    for way in WAYS:
        found = "not knowable" if not way.found else "found with `--signed-by`" if way.signed else \
            "found with `--all`" if way.everything else "found"
        lines.append(f"| {way.name} | {found} | {way.means} |")
    return "\n".join(lines) + "\n"


def test_there_are_forty_and_the_page_lists_them() -> None:
    assert len(WAYS) >= 40 and len({way.name for way in WAYS}) == len(WAYS)
    assert table() in PAGE.read_text(encoding="utf-8"), table()
