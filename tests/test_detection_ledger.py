"""A classic training killed while it writes a checkpoint goes on from the one before."""

import shutil

import pytest

from downstream.detection.engines import ledger as module
from downstream.detection.engines.ledger import Ledger


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "out/classic"
    (folder / "weights").mkdir(parents=True)
    write(folder, 0)
    return folder


def write(folder, epoch):
    (folder / "opt.yaml").write_text("epochs: 9")
    (folder / "results.csv").write_text("epoch\n" + "".join(f"{i}\n" for i in range(epoch + 1)))
    (folder / "weights/last.pt").write_text(f"state of {epoch}")


def again(run):
    """The ledger as a later call sees it."""
    return Ledger(run.parents[1] / "home", run)


def test_a_torn_checkpoint_is_replaced_by_the_one_before(run):
    ledger = again(run)
    ledger.watch()
    ledger.watch()
    assert again(run).holds()
    write(run, 1)
    (run / "weights/last.pt").write_text("half a sta")
    ledger.watch()  # one look: nobody knows whether it is whole
    later = again(run)
    assert not later.holds() and later.restore()
    assert (run / "weights/last.pt").read_text() == "state of 0" and again(run).holds()
    assert (run / "results.csv").read_text() == "epoch\n0\n"
    later.forget()
    assert [path.name for path in run.parent.iterdir()] == ["classic"] and not later.restore()


def test_a_new_line_of_results_is_no_finished_epoch(run):
    ledger = again(run)
    ledger.watch()
    (run / "results.csv").write_text("epoch\n0\n1\n")  # train.py writes it before the checkpoint
    ledger.watch()
    assert not again(run).holds() and not again(run).restore()


def test_a_line_without_its_checkpoint_is_taken_back(run):
    """Killed between the two at the last epoch: it would look finished with the checkpoint of the one before."""
    ledger = again(run)
    ledger.watch()
    ledger.watch()
    (run / "results.csv").write_text("epoch\n0\n1\n")
    assert not again(run).holds() and again(run).restore()
    assert (run / "results.csv").read_text() == "epoch\n0\n"


def test_what_changes_while_it_is_copied_is_not_kept(run, monkeypatch):
    copy = shutil.copyfile

    def slow(source, target):
        copy(source, target)
        write(run, 1)

    ledger = again(run)
    ledger.watch()
    monkeypatch.setattr(module.shutil, "copyfile", slow)
    ledger.watch()
    assert not again(run).restore()


def test_a_kept_copy_of_somebody_else_is_not_taken(run):
    ledger = again(run)
    ledger.watch()
    ledger.watch()
    (ledger.kept / "weights/last.pt").write_text("somebody else's")
    write(run, 1)
    assert not again(run).restore()
    assert not Ledger(run.parents[1] / "another home", run).restore()


def test_a_kill_between_the_old_copy_and_the_new(run):
    ledger = again(run)
    ledger.watch()
    ledger.watch()
    ledger.kept.rename(ledger.kept.with_name(f"{ledger.kept.name}.new"))
    (run / "weights/last.pt").write_text("half a sta")
    assert again(run).restore() and (run / "weights/last.pt").read_text() == "state of 0"
