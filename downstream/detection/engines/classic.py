"""The classic, anchor-based YOLOv5 (ultralytics/yolov5 at a tag), driven as a subprocess in its own environment.

Nothing of it is imported here. Its resume is its own: it goes on from the last epoch, but with half-precision weights
and new random numbers, so a resumed run is close to an uninterrupted one, not equal.
"""

import csv
import io
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from core.files import read_bytes, read_json, read_text, write_json
from downstream._training import TrainingError, estimate_cost, load_state, save_state
from downstream.detection.engines import Detections, Job, Trained
from downstream.detection.engines.initial import rewritten
from downstream.detection.engines.ledger import Ledger
from downstream.detection.engines.repository import described, home, install
from downstream.detection.settings import DetectionError, DetectionSettings
from downstream.guard import ultralytics_folder
from fusion.images import size

_HYPERPARAMETERS = ("lr0", "lrf", "momentum", "weight_decay", "warmup_epochs", "hsv_h", "hsv_s", "hsv_v", "translate",
                    "scale", "fliplr", "flipud", "mosaic", "mixup")
# of hyp.scratch-low
_LOSS = {"warmup_momentum": 0.8, "warmup_bias_lr": 0.1, "box": 0.05, "cls": 0.5, "cls_pw": 1.0, "obj": 1.0,
         "obj_pw": 1.0, "iou_t": 0.2, "anchor_t": 4.0, "fl_gamma": 0.0, "degrees": 0.0, "shear": 0.0,
         "perspective": 0.0, "copy_paste": 0.0}
_POLL = 0.5  # seconds between looks at the subprocess
_ISOLATED = Path(__file__).with_name("isolated.py")  # runs in the other environment
_NO_TIME = b"NMS time limit"  # what val.py says when it goes on without the rest of a batch's boxes
_TRIES = 3
_STARTED = b"Starting training for"  # what train.py says when pictures and network are ready


class Classic:
    """See engines.Engine."""

    def __init__(self, job: Job):
        self.job, self.known = job, len(_losses(job.out / "classic"))  # epochs that were reported
        self.ledger = Ledger(home(), job.out / "classic")
        self.log = job.out / "classic.log"
        self.said = self.log.stat().st_size if self.log.is_file() else 0  # by earlier calls
        self.begun, self.ready = 0.0, False

    def train(self) -> Trained:
        """Run train.py to the end, or on from its last epoch."""
        job, settings, out = self.job, self.job.settings, self.job.out
        _supported(settings)
        run, marker = out / "classic", out / "classic.pt"
        state = load_state(marker, job.identity) or {"seconds": 0.0, "done": False}
        if not self.ledger.holds() and (state["done"] or not self.ledger.restore()):
            # checkpoints of another machine's run, changed since, or half written when it was killed
            shutil.rmtree(run, ignore_errors=True)
            (out / "cost.json").unlink(missing_ok=True)
            state, self.known = {"seconds": 0.0, "done": False}, 0
        save_state(marker, state, job.identity)
        now = 0.0
        if not state["done"]:
            repository, python = install(settings)
            begun = self.begun = time.perf_counter()
            self.known = done = len(_losses(run))
            command = _train_command(settings, job.data, out, job.seed, job.device)
            if (run / "weights/last.pt").is_file():
                command = ["train.py", "--resume", str(run / "weights/last.pt")]
            if done < settings.epochs:
                _run(python, command, repository, self.log, self._watch)
            now = time.perf_counter() - begun
            state = {"seconds": state["seconds"] + now, "done": True}
            save_state(marker, state, job.identity)
            self.ledger.forget()  # what was kept for a kill
        losses = _losses(run)
        if len(losses) != settings.epochs:
            raise TrainingError(f"{run}/results.csv: {len(losses)} of {settings.epochs} epochs; see {out}/classic.log")
        cost = read_json(out / "cost.json", TrainingError)
        return Trained(losses, state["seconds"], now, cost, (described(settings),))

    def _watch(self, ended: bool) -> None:
        """Look at the running train.py. ended: it came to an end by itself, so none of its files is half written."""
        job, losses = self.job, _losses(self.job.out / "classic")
        if ended:
            self.ledger.enter()
        else:
            self.ledger.watch()
        if not self.ready and _STARTED in read_bytes(self.log, TrainingError)[self.said:]:
            self.ready, self.begun = True, time.perf_counter()  # the start is no part of an epoch
        if len(losses) <= self.known:
            return
        estimate_cost(job.out, seconds=time.perf_counter() - self.begun, epochs=job.settings.epochs, device=job.device,
                      first=len(losses) - self.known)
        self.known = len(losses)
        if job.progress:
            job.progress(len(losses), job.settings.epochs, losses[-1])

    def _val(self) -> bool:
        """Run val.py on the test split; whether it said nothing of boxes that it had no time for."""
        settings, data, out = self.job.settings, self.job.data, self.job.out
        repository, python = install(settings)
        said = self.log.stat().st_size if self.log.is_file() else 0
        shutil.rmtree(out / "classic-test", ignore_errors=True)
        best = out / "classic/weights" / ("best.pt" if settings.validate else "last.pt")
        _run(python, ["val.py", "--data", str(data), "--weights", str(best), "--task", "test", "--batch-size",
                      str(settings.batch), "--imgsz", str(settings.imgsz), "--conf-thres", str(settings.conf),
                      "--iou-thres", str(settings.nms_iou), "--max-det", str(settings.max_det), "--device",
                      _device(self.job.device), "--workers", str(settings.workers), "--save-txt", "--save-conf",
                      "--project", str(out), "--name", "classic-test", "--exist-ok"], repository, self.log)
        return _NO_TIME not in read_bytes(self.log, TrainingError)[said:]

    def predict(self, ids: Sequence[str]) -> Detections:
        """Run val.py on the test split."""
        data, out = self.job.data, self.job.out
        for _ in range(_TRIES):
            if self._val():
                break
        else:
            raise TrainingError(f"val.py left out boxes {_TRIES} times: it suppresses doubles for some seconds only, "
                                "and the machine is too busy. The training is kept; run the same command again with "
                                "less beside it")
        lines = read_text(data.parent / "test.txt", DetectionError).splitlines()
        pictures = {Path(line).stem: Path(line) for line in lines}
        found = {}
        for key in ids:
            height, width = size(pictures[key])
            path = out / "classic-test/labels" / f"{key}.txt"
            lines = read_text(path, DetectionError).splitlines() if path.is_file() else []
            found[key] = sorted((_detection(line, width, height) for line in lines), key=lambda box: -box[4])
        return found


def _detection(line: str, width: int, height: int) -> list[float]:
    label, cx, cy, w, h, score = map(float, line.split())
    corners = (cx - w / 2) * width, (cy - h / 2) * height, (cx + w / 2) * width, (cy + h / 2) * height
    return [*(round(v, 2) for v in corners), round(score, 6), int(label)]


def _supported(settings: DetectionSettings) -> None:
    for name, value in (("nbs", 64), ("close_mosaic", 0)):
        if vars(settings)[name] != value:
            raise DetectionError(f"detection setting {name} = {vars(settings)[name]}; yolov5-classic has it fixed "
                                 f"at {value}")


def _train_command(settings: DetectionSettings, data: Path, out: Path, seed: int, device: str) -> list[str]:
    hyp = out / "hyp.yaml"
    weights = str(rewritten(Path(settings.weights), out / "initial.pt")) if settings.weights else ""
    write_json(hyp, {**_LOSS, **{name: vars(settings)[name] for name in _HYPERPARAMETERS}})  # JSON is YAML
    command = ["train.py", "--data", str(data), "--hyp", str(hyp), "--weights", weights, "--cfg",
               f"{settings.classic_model}.yaml", "--epochs", str(settings.epochs), "--batch-size", str(settings.batch),
               "--imgsz", str(settings.imgsz), "--optimizer", settings.optimizer, "--seed", str(seed), "--device",
               _device(device), "--workers", str(settings.workers), "--patience", str(settings.epochs), "--noplots",
               "--project", str(out), "--name", "classic", "--exist-ok"]
    flags = {"--rect": settings.rect, "--cache": settings.cache, "--noval": not settings.validate}
    return command + [flag for flag, wanted in flags.items() if wanted]


def _device(device: str) -> str:
    return device.removeprefix("cuda").removeprefix(":") or "0" if device.startswith("cuda") else device


def _run(python: Path, command: list[str], repository: Path, said: Path,
         watch: Callable[[bool], None] = lambda ended: None) -> None:
    """Run a script of the repository offline, its output to the file `said`.

    watch: called while it runs with False, and at the end with whether it ended by itself, not by a signal.
    """
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")}
    environment |= {"YOLOv5_AUTOINSTALL": "false", "WANDB_MODE": "disabled", "COMET_MODE": "disabled",
                    "CLEARML_ISOLATED_MODE": "1", "MPLBACKEND": "Agg",
                    # where downstream.guard has put the font that it would download
                    "YOLOV5_CONFIG_DIR": str(ultralytics_folder())}
    with said.open("a", encoding="utf-8") as log:
        # -I: nothing of the caller's Python settings, user packages or this folder's modules. stdin: a pipe that is
        # closed when this process dies, however it dies, and the script with it
        process = subprocess.Popen([str(python), "-I", str(_ISOLATED), *command], cwd=repository, env=environment,
                                   stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT)
        try:
            while process.poll() is None:
                watch(False)
                time.sleep(_POLL)
            watch(process.returncode >= 0)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
            if process.stdin:
                process.stdin.close()
    if process.returncode:
        tail = read_bytes(said, TrainingError).decode("utf-8", "replace")[-1500:]
        raise TrainingError(f"{command[0]} ended with {process.returncode}; see {said}:\n{tail}")


def _losses(run: Path) -> list[float]:
    """Box + objectness + class loss per epoch from results.csv; an epoch that was done twice counts once."""
    path = run / "results.csv"
    if not path.is_file():
        return []
    lines = io.StringIO(read_text(path, TrainingError), newline="")
    table = [{k.strip(): v for k, v in row.items() if k} for row in csv.DictReader(lines)]
    by_epoch = {int(row["epoch"]): sum(float(v) for k, v in row.items() if k.startswith("train/")) for row in table}
    return [by_epoch[epoch] for epoch in sorted(by_epoch)]
