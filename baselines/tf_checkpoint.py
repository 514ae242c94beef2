"""Reading TensorFlow-1 checkpoints with numpy: the V2 bundle (.index and .data files) and the V1 single file.

Both are tables of sorted keys in the LevelDB layout. A V2 index maps a variable's name to a BundleEntryProto (type,
shape, place in a data file, checksum); a V1 file holds the values themselves as SavedTensorSlices. Formats:
tensorflow/core/lib/io/format.h, core/protobuf/tensor_bundle.proto, core/util/saved_tensor_slice.proto.
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np

from baselines._crc32c import masked
from core.files import read_bytes
from fusion.method import MethodError

MAX_BYTES = 4 * 2**30  # of one file: it is read as a whole

MAGIC = 0xDB4775248B80FB57
FOOTER = 48
# tensorflow/core/framework/types.proto; other types (strings: object graphs) are no network parameters
DTYPES: dict[int, np.dtype] = {
    1: np.dtype("<f4"), 2: np.dtype("<f8"), 3: np.dtype("<i4"), 4: np.dtype("u1"), 6: np.dtype("i1"),
    9: np.dtype("<i8"), 10: np.dtype("?"), 19: np.dtype("<f2")}
# field of TensorProto that holds the values of a type, and how one value is packed there (None: varint)
V1_VALUES: dict[int, tuple[int, str | None]] = {1: (5, "<f4"), 2: (6, "<f8"), 3: (7, None), 9: (10, None)}

T = TypeVar("T")


def read_checkpoint(path: Path | str) -> dict[str, np.ndarray]:
    """All numeric variables of a checkpoint, by TensorFlow name; kernels stay in TensorFlow's order (H, W, in, out).

    Args:
        path: the prefix of a V2 bundle ("model.ckpt"), its .index file, or a V1 file.
    Raises MethodError naming the file when it is missing, no checkpoint, truncated, or fails a checksum.
    """
    path = Path(path)
    if path.name.endswith(".index"):
        path = path.with_name(path.name.removesuffix(".index"))
    index = path.with_name(path.name + ".index")
    if index.is_file():
        return _read_v2(path, index)
    if path.is_file():
        return _read_v1(path)
    raise MethodError(f"{path}: neither this file (V1) nor {index.name} (V2) exists; "
                      "a V2 checkpoint is named by its prefix, without .index or .data-00000-of-00001")


def tensor(variables: Mapping[str, np.ndarray], name: str, path: Path) -> np.ndarray:
    """One variable, or a MethodError that names the file and the nearest names."""
    if name not in variables:
        leaf = name.rsplit("/", 1)[-1]
        like = [known for known in variables if known.endswith(leaf)] or list(variables)
        raise MethodError(f"{path}: no variable {name!r} in the checkpoint; it has {len(variables)}, "
                          f"such as {', '.join(like[:4]) or 'none'}. It is the checkpoint of another network")
    return variables[name]


# ---------------------------------------------------------------------------------------------- V2: .index + .data

def _read_v2(prefix: Path, index: Path) -> dict[str, np.ndarray]:
    entries = dict(_table(index, read_bytes(index, MethodError, limit=MAX_BYTES)))
    if b"" not in entries:
        raise MethodError(f"{index}: the table has no header entry; it is no TensorFlow V2 checkpoint")
    header = _checked(index, _message, entries.pop(b""))
    if _first(header, 2, 0) != 0:
        raise MethodError(f"{index}: big-endian checkpoints are not read")
    count = _first(header, 1, 1)
    shards: dict[int, bytes] = {}
    variables = {}
    for key, value in entries.items():
        entry = _checked(index, _message, value)
        dtype = DTYPES.get(_first(entry, 1, 0))
        if dtype is None:
            continue
        name = key.decode("utf-8", "replace")
        if 7 in entry:
            raise MethodError(f"{index}: variable {name!r} is partitioned into slices, which is not supported")
        shard = _first(entry, 3, 0)
        data = prefix.with_name(f"{prefix.name}.data-{shard:05d}-of-{count:05d}")
        if shard not in shards:
            if not data.is_file():
                raise MethodError(f"{data}: missing; it belongs to {index.name} and must lie beside it")
            shards[shard] = read_bytes(data, MethodError, limit=MAX_BYTES)
        raw = _slice(data, shards[shard], _first(entry, 4, 0), _first(entry, 5, 0), name)
        if 6 in entry and masked(raw) != _first(entry, 6, 0):
            raise MethodError(f"{data}: checksum of variable {name!r} is wrong; the file is damaged, fetch it again")
        variables[name] = _shaped(data, name, np.frombuffer(raw, dtype), _shape(index, entry, 2))
    return variables


def _slice(path: Path, data: bytes, start: int, size: int, name: str) -> bytes:
    if start + size > len(data):
        raise MethodError(f"{path}: truncated: {len(data)} bytes, variable {name!r} needs {start + size}; "
                          "fetch the file again")
    return data[start:start + size]


# ---------------------------------------------------------------------------------------------------- V1: one file

def _read_v1(path: Path) -> dict[str, np.ndarray]:
    entries = dict(_table(path, read_bytes(path, MethodError, limit=MAX_BYTES)))
    if b"" not in entries:
        raise MethodError(f"{path}: the table has no metadata entry; it is no TensorFlow V1 checkpoint")
    meta = _checked(path, _message, _first(_checked(path, _message, entries.pop(b"")), 1, b""))
    kinds, shapes = {}, {}
    for item in meta.get(1, []):
        fields = _checked(path, _message, item)
        name = _first(fields, 1, b"").decode("utf-8", "replace")
        kinds[name], shapes[name] = _first(fields, 3, 0), _shape(path, fields, 2)
        if len(fields.get(4, [])) > 1:
            raise MethodError(f"{path}: variable {name!r} is partitioned into slices, which is not supported")
    variables = {}
    for value in entries.values():
        saved = _checked(path, _message, _first(_checked(path, _message, value), 2, b""))
        name = _first(saved, 1, b"").decode("utf-8", "replace")
        if name not in kinds:
            raise MethodError(f"{path}: values of {name!r}, which the metadata does not list; the file is damaged")
        if kinds[name] in DTYPES:
            proto = _checked(path, _message, _first(saved, 3, b""))
            variables[name] = _shaped(path, name, _v1_values(path, name, proto, kinds[name]), shapes[name])
    lost = [name for name in kinds if kinds[name] in DTYPES and name not in variables]
    if lost:
        raise MethodError(f"{path}: no values for {', '.join(lost[:4])}; the file is damaged")
    return variables


def _v1_values(path: Path, name: str, proto: dict, kind: int) -> np.ndarray:
    if 4 in proto:  # tensor_content: raw bytes
        return np.frombuffer(_first(proto, 4, b""), DTYPES[kind])
    if kind not in V1_VALUES:
        raise MethodError(f"{path}: variable {name!r} has type {kind}, which V1 files of networks do not use")
    field, packed = V1_VALUES[kind]
    if packed:
        return np.frombuffer(b"".join(proto.get(field, [])), packed)
    numbers: list[int] = []
    for chunk in proto.get(field, []):
        numbers += [chunk] if isinstance(chunk, int) else _checked(path, _varints, chunk)
    return np.array(numbers, np.uint64).astype(np.int64).astype(DTYPES[kind])


# ---------------------------------------------------------------------------------------------------- table layout

def _table(path: Path, data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a LevelDB table, in order; every block's checksum is verified."""
    if len(data) < FOOTER or struct.unpack("<Q", data[-8:])[0] != MAGIC:
        raise MethodError(f"{path}: no TensorFlow checkpoint (the table's magic number is not at its end); "
                          "the file is truncated, of another kind, or a Git LFS pointer")
    _, at = _handle(path, data, len(data) - FOOTER)
    index, _ = _handle(path, data, at)
    for _, value in _block(path, data, *index):
        handle, _ = _handle(path, value, 0)
        yield from _block(path, data, *handle)


def _handle(path: Path, data: bytes, at: int) -> tuple[tuple[int, int], int]:
    offset, at = _checked(path, _varint, data, at)
    size, at = _checked(path, _varint, data, at)
    return (offset, size), at


def _block(path: Path, data: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    end = offset + size
    if size < 4 or end + 5 > len(data):
        raise MethodError(f"{path}: truncated: a block ends at byte {end + 5}, the file has {len(data)}")
    if masked(data[offset:end + 1]) != struct.unpack_from("<I", data, end + 1)[0]:
        raise MethodError(f"{path}: a block's checksum is wrong; the file is damaged, fetch it again")
    if data[end] != 0:
        raise MethodError(f"{path}: compressed tables are not read (TensorFlow's own savers never compress)")
    block = data[offset:end]
    stop = size - 4 - 4 * struct.unpack_from("<I", block, size - 4)[0]  # the restart points follow the entries
    at, key = 0, b""
    while at < stop:
        shared, at = _checked(path, _varint, block, at)
        fresh, at = _checked(path, _varint, block, at)
        length, at = _checked(path, _varint, block, at)
        key = key[:shared] + block[at:at + fresh]
        at += fresh
        yield key, block[at:at + length]
        at += length


# ------------------------------------------------------------------------------------------------ protocol buffers

def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise ValueError("a number of more than 64 bits")


def _varints(data: bytes) -> list[int]:
    at, numbers = 0, []
    while at < len(data):
        number, at = _varint(data, at)
        numbers.append(number)
    return numbers


def _message(data: bytes) -> dict[int, list]:
    """Field number -> values in order: int (varint, fixed32), bytes (everything else)."""
    fields: dict[int, list] = {}
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        wire = tag & 7
        value: int | bytes
        if wire == 0:
            value, at = _varint(data, at)
        elif wire in (1, 2, 5):
            length, at = _varint(data, at) if wire == 2 else ({1: 8, 5: 4}[wire], at)
            chunk, at = data[at:at + length], at + length
            if at > len(data):
                raise ValueError("a field runs over its message's end")
            # a fixed32 is a checksum, else one unpacked float
            value = struct.unpack("<I", chunk)[0] if wire == 5 and tag >> 3 == 6 else chunk
        else:
            raise ValueError(f"wire type {wire}")
        fields.setdefault(tag >> 3, []).append(value)
    return fields


def _first(fields: dict[int, list], number: int, default: T) -> T:
    return fields[number][0] if number in fields else default


def _shape(path: Path, fields: dict[int, list], number: int) -> tuple[int, ...]:
    shape = _checked(path, _message, _first(fields, number, b""))
    return tuple(_first(_checked(path, _message, dimension), 1, 0) for dimension in shape.get(2, []))


def _shaped(path: Path, name: str, values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if values.size != int(np.prod(shape)):
        raise MethodError(f"{path}: variable {name!r} has {values.size} values for shape {shape}; the file is damaged")
    return values.reshape(shape).copy()


def _checked(path: Path, function: Callable, *arguments):
    """Call a parser; what it raises on damaged bytes becomes a MethodError that names the file."""
    try:
        return function(*arguments)
    except (ValueError, IndexError, struct.error) as error:
        raise MethodError(f"{path}: damaged, or no TensorFlow checkpoint ({error})") from error
