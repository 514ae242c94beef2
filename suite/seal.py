"""OUT/seal.json: the sha256 of everything that a run says, so that a later change shows; signed on request.

It lists run.json, rows.csv, provenance.json, every unit's result.json, the true boxes that figures show and the
reports; a result lists the pictures, predictions and weights of its unit in turn. Whoever changes a file can write the
seal anew, but not sign it: the signature is made by the user's own ssh key (`ssh-keygen -Y sign`).
"""

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.errors import IvfbenchError
from core.files import make_way, read_bytes, read_json, read_text, sha256, write_json
from results.records import read_run
from suite.environment import environment
from suite.errors import UserError

SEAL, SIGNATURE = "seal.json", "seal.json.sig"
SCHEMA = 1
NAMESPACE = "ivfbench"
RECORDS = ("run.json", "rows.csv", "provenance.json")
_SIGNER = "signer"


def write(out: Path, key: Path | None = None) -> None:
    """Seal what OUT holds, sign it with an ssh key where one is named; a signature of before is removed.

    Raises UserError where the key cannot sign.
    """
    from reports.write import stamp

    made = stamp(out)
    run = read_run(out)
    units = [f"{unit.folder}/result.json" for unit in run.units if unit.status == "done"]
    units += [f"labels/{path.name}" for path in sorted((out / "labels").glob("*.json"))]
    make_way(out / SEAL)
    write_json(out / SEAL, {
        "schema": SCHEMA, "commit": environment()["commit"], "records": _hashes(out, (*RECORDS, *units)),
        "reports": _hashes(out, made["files"]), "rendering": {name: made[name] for name in ("options", "shown")}})
    (out / SIGNATURE).unlink(missing_ok=True)
    if key is not None:
        sign(out, key)


def _hashes(out: Path, names: Any) -> dict[str, str]:
    return {name: sha256(out / name) for name in names if (out / name).is_file()}


def read(out: Path) -> dict[str, Any]:
    """The seal. Raises UserError where it is gone or damaged."""
    try:
        found = read_json(out / SEAL)
    except (OSError, IvfbenchError) as error:
        raise UserError(f"{out / SEAL}: gone or damaged; the run's command writes it") from error
    shape = {"schema": int, "commit": str | None, "records": dict, "reports": dict, "rendering": dict}
    if not isinstance(found, dict) or found.keys() != shape.keys() or \
            not all(isinstance(found[name], kind) for name, kind in shape.items()):
        raise UserError(f"{out / SEAL}: no seal of a run; the run's command writes it")
    return found


def faults(out: Path, found: dict[str, Any], *, bundled: bool = False) -> Iterator[str]:
    """What is not as the seal says. bundled: files may have stayed with the run."""
    for name, digest in {**found["records"], **found["reports"]}.items():
        path = out / name
        if Path(name).is_absolute() or ".." in Path(name).parts:
            yield f"{out / SEAL}: {name!r} leads out of the run"
        elif not path.is_file():
            if not bundled:
                yield f"{path}: sealed, but gone"
        elif sha256(path) != digest:
            yield f"{path}: changed since it was sealed"
    for folder in ("tables", "figures"):
        for path in sorted((out / folder).glob("*")):
            if path.relative_to(out).as_posix() not in found["reports"] and not path.name.startswith("."):
                yield f"{path}: not among what was sealed"


def sign(out: Path, key: Path) -> None:
    """Write seal.json.sig with an ssh key. Raises UserError where ssh-keygen or the key cannot."""
    if not key.is_file():
        raise UserError(f"--sign {key}: no such file; name an ssh key (ssh-keygen -t ed25519 makes one)")
    ended = _keygen("-Y", "sign", "-f", str(key), "-n", NAMESPACE, str(out / SEAL))
    if ended.returncode:
        raise UserError(f"--sign {key}: ssh-keygen could not sign with it ({_words(ended.stderr)})")


def signature_fault(out: Path, allowed: Path) -> str | None:
    """Why the seal's signature is not one of these keys; None where it is.

    Args:
        allowed: a public key (id_ed25519.pub), or an allowed-signers file of ssh-keygen.
    """
    if not (out / SIGNATURE).is_file():
        return f"{out / SIGNATURE}: no signature; the run's command with --sign KEY makes one"
    try:
        text = read_text(allowed, UserError)
    except OSError as error:
        raise UserError(f"--signed-by {allowed}: cannot be read; name a public ssh key or an allowed-signers file"
                        ) from error
    with tempfile.TemporaryDirectory(prefix="ivfbench-") as folder:
        signers = Path(folder) / "signers"
        alone = text.startswith(("ssh-", "ecdsa-", "sk-"))
        signers.write_text(f"{_SIGNER} {text}" if alone else text, encoding="utf-8")
        who = _keygen("-Y", "find-principals", "-s", str(out / SIGNATURE), "-f", str(signers))
        if who.returncode:
            return f"{out / SIGNATURE}: made by no key of {allowed}"
        name = who.stdout.decode(errors="replace").splitlines()[0]
        checked = _keygen("-Y", "verify", "-f", str(signers), "-I", name, "-n", NAMESPACE, "-s", str(out / SIGNATURE),
                          given=read_bytes(out / SEAL))
    if checked.returncode:
        return f"{out / SIGNATURE}: not a signature of this {SEAL} ({_words(checked.stderr)})"
    return None


def _keygen(*arguments: str, given: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    try:
        return subprocess.run(["ssh-keygen", *arguments], input=given, capture_output=True, check=False, timeout=120)
    except FileNotFoundError as error:
        raise UserError("ssh-keygen: no such program; install OpenSSH 8.0 or newer to sign or check a signature"
                        ) from error
    except subprocess.TimeoutExpired as error:
        raise UserError("ssh-keygen: no answer within two minutes; does it wait for a passphrase? Add the key to "
                        "ssh-agent first") from error


def _words(text: bytes) -> str:
    return " ".join(text.decode(errors="replace").split())[:200] or "no reason given"
