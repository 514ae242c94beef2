"""Writes tiny TensorFlow-1 checkpoints, byte by byte after the format's description (the reader's tests use it)."""

import struct
from pathlib import Path

import numpy as np

MAGIC = 0xDB4775248B80FB57
TYPES = {"float32": 1, "float64": 2, "int32": 3, "int64": 9}


def crc32c(data: bytes) -> int:
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0x82F63B78 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


def masked(data: bytes) -> int:
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = b""
    while value > 0x7F:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def blob(field: int, value: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(value)) + value


def shape(array: np.ndarray) -> bytes:
    return b"".join(blob(2, number(1, size)) for size in array.shape)


def _block(entries: list[tuple[bytes, bytes]], share: bool) -> bytes:
    out, last = b"", b""
    for key, value in entries:
        same = 0
        while share and same < min(len(key), len(last)) and key[same] == last[same]:
            same += 1
        out += varint(same) + varint(len(key) - same) + varint(len(value)) + key[same:] + value
        last = key
    return out + struct.pack("<II", 0, 1)  # one restart point, at the start


def table(entries: dict[bytes, bytes], per_block: int = 3, compression: int = 0) -> bytes:
    """A LevelDB table of several data blocks with shared key prefixes, an empty meta block and an index block."""
    out = b""

    def append(block: bytes) -> bytes:
        nonlocal out
        handle = varint(len(out)) + varint(len(block))
        block += bytes([compression])
        out += block + struct.pack("<I", masked(block))
        return handle

    ordered = sorted(entries.items())
    index = []
    for at in range(0, len(ordered), per_block):
        part = ordered[at:at + per_block]
        index.append((part[-1][0], append(_block(part, share=True))))
    meta = append(_block([], share=False))
    handles = meta + append(_block(index, share=False))
    return out + handles.ljust(40, b"\0") + struct.pack("<Q", MAGIC)


def write_v2(prefix: Path, variables: dict[str, np.ndarray], shards: int = 1) -> None:
    data = [b""] * shards
    entries = {b"": number(1, shards)}
    for at, (name, array) in enumerate(sorted(variables.items())):
        raw, shard = array.tobytes(), at % shards
        entry = number(1, TYPES[str(array.dtype)]) + blob(2, shape(array))
        entry += number(3, shard) + number(4, len(data[shard])) + number(5, len(raw))
        entries[name.encode()] = entry + varint(6 << 3 | 5) + struct.pack("<I", masked(raw))
        data[shard] += raw
    for shard, content in enumerate(data):
        prefix.with_name(f"{prefix.name}.data-{shard:05d}-of-{shards:05d}").write_bytes(content)
    prefix.with_name(prefix.name + ".index").write_bytes(table(entries))


def write_v1(path: Path, variables: dict[str, np.ndarray], *, content: bool = False) -> None:
    """`content`: values as raw bytes (tensor_content) instead of the typed fields that the V1 saver writes."""
    entries, meta = {}, b""
    for name, array in variables.items():
        kind = TYPES[str(array.dtype)]
        meta += blob(1, blob(1, name.encode()) + blob(2, shape(array)) + number(3, kind) + blob(4, b""))
        if content:
            values = blob(4, array.tobytes())
        elif array.dtype.kind == "f":
            values = blob({4: 5, 8: 6}[array.itemsize], array.tobytes())
        else:
            values = blob({4: 7, 8: 10}[array.itemsize], b"".join(varint(int(v)) for v in array.ravel()))
        proto = number(1, kind) + values
        entries[b"\0" + name.encode()] = blob(2, blob(1, name.encode()) + blob(2, b"") + blob(3, proto))
    entries[b""] = blob(1, meta)
    path.write_bytes(table(entries))
