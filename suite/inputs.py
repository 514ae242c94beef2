"""What a stage reads is what the run was planned with: hashed when it is read, an error that names it otherwise."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from core.files import sha256
from fusion.method import FLOAT32, Method, load_method
from suite.errors import UserError


@contextmanager
def unchanged(files: Mapping[Path, str]) -> Iterator[None]:
    """The files have these sha256 before the block and after it: for readers that open files by themselves, many times.

    Raises UserError naming the first that has another.
    """
    _check(files)
    yield
    _check(files)


def _check(files: Mapping[Path, str]) -> None:
    for path, recorded in files.items():
        try:
            found = sha256(path)
        except OSError as error:
            raise UserError(f"{path}: {error.strerror}, but the run was planned with it; put it back, or run the same "
                            "command again") from error
        if found != recorded:
            raise UserError(f"{path}: its sha256 is {found[:12]}, {recorded[:12]} was recorded: the file was replaced "
                            "meanwhile; put it back, or run the same command again with what is there now")


def load_planned(name: str, weights: Path | None, digests: Sequence[str], device: str, protocol: str,
                 precision: str = FLOAT32) -> Method:
    """A registered method with the weights that the run was planned with.

    Raises MethodError as load_method does, UserError for weights of another hash.
    """
    method = load_method(name, weights=weights, device=device, protocol=protocol, precision=precision)
    _check(dict(zip(method.weight_files, digests)))
    if len(method.weight_files) != len(digests):
        raise UserError(f"{name}: {len(method.weight_files)} weight files, the run was planned with {len(digests)}; "
                        "run the same command again")
    return method
