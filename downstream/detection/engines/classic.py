"""The classic, anchor-based YOLOv5 (ultralytics/yolov5 at a tag), driven as a subprocess in its own environment.

Its repository is cloned and its packages are installed once, below $IVFBENCH_CLASSIC_HOME or a per-user cache; nothing
of it is imported here. Its resume is its own: it goes on from the last epoch, but with half-precision weights and new
random numbers, so a resumed run is close to an uninterrupted one, not equal.
"""

import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock

from core.files import write_json
from downstream._training import TrainingError, estimate_cost, load_state, save_state
from downstream.detection.engines import Detections, Job, Trained
from downstream.detection.settings import DetectionError, DetectionSettings
from fusion.images import size

COMMITS = {("https://github.com/ultralytics/yolov5", "v7.0"): "915bbf294bb74c859f0b41f1c23bc395014ea679"}
# v7.0 is of November 2022: newer releases of these broke it (torch.load's default, numpy 2, Pillow 10, pkg_resources)
CONSTRAINTS = ("torch<2.6", "torchvision<0.21", "numpy<2", "pillow<10", "setuptools<81", "pandas<2.3",
               "opencv-python<4.12", "matplotlib<3.10")
_HYPERPARAMETERS = ("lr0", "lrf", "momentum", "weight_decay", "warmup_epochs", "hsv_h", "hsv_s", "hsv_v", "translate",
                    "scale", "fliplr", "flipud", "mosaic", "mixup")
# of hyp.scratch-low
_LOSS = {"warmup_momentum": 0.8, "warmup_bias_lr": 0.1, "box": 0.05, "cls": 0.5, "cls_pw": 1.0, "obj": 1.0,
         "obj_pw": 1.0, "iou_t": 0.2, "anchor_t": 4.0, "fl_gamma": 0.0, "degrees": 0.0, "shear": 0.0,
         "perspective": 0.0, "copy_paste": 0.0}
_POLL = 0.5  # seconds between looks at the subprocess


def home() -> Path:
    """Where repositories and environments are kept."""
    import platformdirs

    return Path(os.environ.get("IVFBENCH_CLASSIC_HOME") or platformdirs.user_cache_path("ivfbench") / "yolov5-classic")


def install(settings: DetectionSettings, root: Path | None = None) -> tuple[Path, Path]:
    """(repository, python) of the settings' repository and tag; cloned and installed on first use.

    Raises DetectionError when the clone fails, the tag is not the pinned commit, or the packages cannot be installed.
    """
    name = hashlib.sha256(settings.classic_repository.encode()).hexdigest()[:8]
    folder = (Path(root) if root else home()) / f"{settings.classic_tag}-{name}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    python = folder / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    with FileLock(f"{folder}.lock"):
        if not (folder / "ready").is_file():
            shutil.rmtree(folder, ignore_errors=True)
            _clone(settings, folder / "repository")
            _environment(folder, python)
            (folder / "ready").touch()
    return folder / "repository", python


def _clone(settings: DetectionSettings, target: Path) -> None:
    import git

    url, tag = settings.classic_repository, settings.classic_tag
    try:
        repository = git.Repo.clone_from(url, target, branch=tag, depth=1)
    except git.GitCommandError as error:
        raise DetectionError(f"{url} at {tag} could not be cloned ({error.stderr.strip()}); clone it elsewhere and "
                             "name its path as classic_repository") from error
    commit, pinned = repository.head.commit.hexsha, COMMITS.get((url, tag))
    repository.close()
    if pinned and commit != pinned:
        raise DetectionError(f"{url}: {tag} is {commit[:12]}, expected {pinned[:12]}")


def _environment(folder: Path, python: Path) -> None:
    constraints = folder / "constraints.txt"
    constraints.write_text("\n".join(CONSTRAINTS) + "\n", encoding="utf-8")
    for command in ([sys.executable, "-m", "venv", str(folder / "venv")],
                    [str(python), "-m", "pip", "install", "-q", "-r", str(folder / "repository/requirements.txt"),
                     "-c", str(constraints)]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise DetectionError(f"{' '.join(command)} failed: {done.stderr.strip()[-2000:]}")


class Classic:
    """See engines.Engine."""

    def __init__(self, job: Job):
        self.job, self.known = job, len(_losses(job.out / "classic"))  # epochs that were reported

    def train(self) -> Trained:
        """Run train.py to the end, or on from its last epoch."""
        job, settings, out = self.job, self.job.settings, self.job.out
        _supported(settings)
        run, marker = out / "classic", out / "classic.pt"
        state = load_state(marker, job.identity) or {"seconds": 0.0, "done": False}
        save_state(marker, state, job.identity)
        now = 0.0
        if not state["done"]:
            repository, python = install(settings)
            begun = time.perf_counter()
            command = _train_command(settings, job.data, out, job.seed, job.device)
            if (run / "weights/last.pt").is_file() and len(_losses(run)) < settings.epochs:
                command = ["train.py", "--resume", str(run / "weights/last.pt")]
            if len(_losses(run)) < settings.epochs:
                _run(python, command, repository, out, lambda: self._watch(run, begun))
            now = time.perf_counter() - begun
            state = {"seconds": state["seconds"] + now, "done": True}
            save_state(marker, state, job.identity)
        losses = _losses(run)
        if len(losses) != settings.epochs:
            raise TrainingError(f"{run}/results.csv: {len(losses)} of {settings.epochs} epochs; see {out}/classic.log")
        cost = json.loads((out / "cost.json").read_text(encoding="utf-8"))
        return Trained(losses, state["seconds"], now, cost)

    def _watch(self, run: Path, begun: float) -> None:
        job, losses = self.job, _losses(run)
        if len(losses) <= self.known:
            return
        estimate_cost(job.out, seconds=time.perf_counter() - begun, epochs=job.settings.epochs, device=job.device,
                      first=len(losses) - self.known)
        self.known = len(losses)
        if job.progress:
            job.progress(len(losses), job.settings.epochs, losses[-1])

    def predict(self, ids: Sequence[str]) -> Detections:
        """Run val.py on the test split."""
        settings, data, out = self.job.settings, self.job.data, self.job.out
        repository, python = install(settings)
        shutil.rmtree(out / "classic-test", ignore_errors=True)
        best = out / "classic/weights" / ("best.pt" if settings.validate else "last.pt")
        _run(python, ["val.py", "--data", str(data), "--weights", str(best), "--task", "test", "--batch-size",
                      str(settings.batch), "--imgsz", str(settings.imgsz), "--conf-thres", str(settings.conf),
                      "--iou-thres", str(settings.nms_iou), "--max-det", str(settings.max_det), "--device",
                      _device(self.job.device), "--workers", str(settings.workers), "--save-txt", "--save-conf",
                      "--project", str(out), "--name", "classic-test", "--exist-ok"], repository, out)
        lines = (data.parent / "test.txt").read_text(encoding="utf-8").splitlines()
        pictures = {Path(line).stem: Path(line) for line in lines}
        found = {}
        for key in ids:
            height, width = size(pictures[key])
            path = out / "classic-test/labels" / f"{key}.txt"
            lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
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
    write_json(hyp, {**_LOSS, **{name: vars(settings)[name] for name in _HYPERPARAMETERS}})  # JSON is YAML
    command = ["train.py", "--data", str(data), "--hyp", str(hyp), "--weights", settings.weights, "--cfg",
               f"{settings.classic_model}.yaml", "--epochs", str(settings.epochs), "--batch-size", str(settings.batch),
               "--imgsz", str(settings.imgsz), "--optimizer", settings.optimizer, "--seed", str(seed), "--device",
               _device(device), "--workers", str(settings.workers), "--patience", str(settings.epochs), "--noplots",
               "--project", str(out), "--name", "classic", "--exist-ok"]
    flags = {"--rect": settings.rect, "--cache": settings.cache, "--noval": not settings.validate}
    return command + [flag for flag, wanted in flags.items() if wanted]


def _device(device: str) -> str:
    return device.removeprefix("cuda").removeprefix(":") or "0" if device.startswith("cuda") else device


def _run(python: Path, command: list[str], repository: Path, out: Path, watch=lambda: None) -> None:
    """Run a script of the repository, its output to out/classic.log; `watch` is called while it runs."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")}
    environment |= {"YOLOv5_AUTOINSTALL": "false", "WANDB_MODE": "disabled", "MPLBACKEND": "Agg",
                    # where downstream.guard has put the font that it would download
                    "YOLOV5_CONFIG_DIR": str(Path(os.environ["YOLO_CONFIG_DIR"]) / "Ultralytics")}
    with (out / "classic.log").open("a", encoding="utf-8") as log:
        process = subprocess.Popen([str(python), *command], cwd=repository, env=environment, stdout=log,
                                   stderr=subprocess.STDOUT)
        try:
            while process.poll() is None:
                watch()
                time.sleep(_POLL)
            watch()
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    if process.returncode:
        tail = (out / "classic.log").read_text(encoding="utf-8", errors="replace")[-1500:]
        raise TrainingError(f"{command[0]} ended with {process.returncode}; see {out / 'classic.log'}:\n{tail}")


def _losses(run: Path) -> list[float]:
    """Box + objectness + class loss per epoch from results.csv; an epoch that was done twice counts once."""
    path = run / "results.csv"
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as handle:
        table = [{k.strip(): v for k, v in row.items() if k} for row in csv.DictReader(handle)]
    by_epoch = {int(row["epoch"]): sum(float(v) for k, v in row.items() if k.startswith("train/")) for row in table}
    return [by_epoch[epoch] for epoch in sorted(by_epoch)]
