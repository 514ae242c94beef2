"""The classic, anchor-based YOLOv5 (ultralytics/yolov5 at a tag), driven as a subprocess in its own environment.

Its repository is cloned and its packages are installed once, below $IVFBENCH_CLASSIC_HOME or a per-user cache; nothing
of it is imported here. Its resume is its own: it goes on from the last epoch, but with half-precision weights and new
random numbers, so a resumed run is close to an uninterrupted one, not equal.
"""

import csv
import hashlib
import io
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock

from core.files import read_bytes, read_json, read_text, write_json, write_text
from core.trust import OPTION, foreign_code_allowed
from downstream._training import TrainingError, estimate_cost, load_state, save_state
from downstream.detection.engines import Detections, Job, Trained
from downstream.detection.engines.initial import rewritten
from downstream.detection.engines.ledger import Ledger
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

    Raises DetectionError when the clone fails, the commit is not a pinned one (unless the user allows foreign code), or
    the packages cannot be installed.
    """
    named = f"{settings.classic_repository}\0{settings.classic_tag}"
    folder = (Path(root) if root else home()) / hashlib.sha256(named.encode()).hexdigest()[:16]
    folder.parent.mkdir(parents=True, exist_ok=True)
    python, ready = folder / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python"), folder / "ready"
    with FileLock(f"{folder}.lock"):
        if not ready.is_file():
            shutil.rmtree(folder, ignore_errors=True)
            commit = _clone(settings, folder / "repository")
            try:
                _trusted(settings, commit)
            except DetectionError:
                shutil.rmtree(folder, ignore_errors=True)
                raise
            _environment(folder, python)
            write_text(ready, commit)
        _trusted(settings, read_text(ready, DetectionError))
    return folder / "repository", python


def check_source(settings: DetectionSettings) -> None:
    """DetectionError before anything is fused, where it is plain that the repository may not be run."""
    url, tag = settings.classic_repository, settings.classic_tag
    if (url, tag) not in COMMITS and not Path(url).is_dir():  # a folder may be a copy of the pinned repository
        _trusted(settings, "")


def _trusted(settings: DetectionSettings, commit: str) -> None:
    """A pinned commit is the same files wherever they come from; any other is code of whoever named it."""
    url, tag = settings.classic_repository, settings.classic_tag
    pinned = COMMITS.get((url, tag))
    if pinned and commit != pinned:
        raise DetectionError(f"{url}: {tag} is {commit[:12]}, expected {pinned[:12]}")
    if commit not in COMMITS.values() and not foreign_code_allowed():
        known = ", ".join(f"{repository} at {name}" for repository, name in COMMITS)
        raise DetectionError(f"classic_repository {url} at {tag} is not the pinned {known}: its train.py and what its "
                             "requirements.txt names would run on this machine with your rights. If you have read and "
                             f"trust them, say so with {OPTION}")


def _clone(settings: DetectionSettings, target: Path) -> str:
    """Clone one commit and return its hash.

    Also a folder is cloned through a pack (--no-local): a hard link would be whatever bytes lie there under the name.
    """
    import git

    url, tag = settings.classic_repository, settings.classic_tag
    try:
        repository = git.Repo.clone_from(url, target, branch=tag, depth=1, no_local=True, no_tags=True,
                                         env={"GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": "file:https:ssh"})
    except git.GitError as error:
        told = getattr(error, "stderr", "") or str(error)
        raise DetectionError(f"{url} at {tag} could not be cloned ({' '.join(told.split())[:400]}); clone it elsewhere "
                             "and name its path as classic_repository") from error
    commit = str(repository.head.commit.hexsha)
    repository.close()
    return commit


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
        self.ledger = Ledger(home(), job.out / "classic")

    def train(self) -> Trained:
        """Run train.py to the end, or on from its last epoch."""
        job, settings, out = self.job, self.job.settings, self.job.out
        _supported(settings)
        run, marker = out / "classic", out / "classic.pt"
        state = load_state(marker, job.identity) or {"seconds": 0.0, "done": False}
        if not self.ledger.holds():  # checkpoints of another machine's run, or changed since
            shutil.rmtree(run)
            (out / "cost.json").unlink(missing_ok=True)
            state, self.known = {"seconds": 0.0, "done": False}, 0
        save_state(marker, state, job.identity)
        now = 0.0
        if not state["done"]:
            repository, python = install(settings)
            begun = time.perf_counter()
            command = _train_command(settings, job.data, out, job.seed, job.device)
            if (run / "weights/last.pt").is_file() and len(_losses(run)) < settings.epochs:
                command = ["train.py", "--resume", str(run / "weights/last.pt")]
            if len(_losses(run)) < settings.epochs:
                try:
                    _run(python, command, repository, out, lambda: self._watch(run, begun))
                finally:
                    self.ledger.enter()
            now = time.perf_counter() - begun
            state = {"seconds": state["seconds"] + now, "done": True}
            save_state(marker, state, job.identity)
        losses = _losses(run)
        if len(losses) != settings.epochs:
            raise TrainingError(f"{run}/results.csv: {len(losses)} of {settings.epochs} epochs; see {out}/classic.log")
        cost = read_json(out / "cost.json", TrainingError)
        return Trained(losses, state["seconds"], now, cost)

    def _watch(self, run: Path, begun: float) -> None:
        job, losses = self.job, _losses(run)
        self.ledger.watch()
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
        tail = read_bytes(out / "classic.log", TrainingError).decode("utf-8", "replace")[-1500:]
        raise TrainingError(f"{command[0]} ended with {process.returncode}; see {out / 'classic.log'}:\n{tail}")


def _losses(run: Path) -> list[float]:
    """Box + objectness + class loss per epoch from results.csv; an epoch that was done twice counts once."""
    path = run / "results.csv"
    if not path.is_file():
        return []
    lines = io.StringIO(read_text(path, TrainingError), newline="")
    table = [{k.strip(): v for k, v in row.items() if k} for row in csv.DictReader(lines)]
    by_epoch = {int(row["epoch"]): sum(float(v) for k, v in row.items() if k.startswith("train/")) for row in table}
    return [by_epoch[epoch] for epoch in sorted(by_epoch)]
