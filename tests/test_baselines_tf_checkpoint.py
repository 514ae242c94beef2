"""The TensorFlow checkpoint reader against files written here byte by byte, and against its own kind of damage."""

import numpy as np
import pytest
from tf_writer import blob, number, table, write_v1, write_v2

from baselines._crc32c import crc32c
from baselines.tf_checkpoint import read_checkpoint, tensor
from fusion.method import MethodError

RNG = np.random.default_rng(5)
VARIABLES = {
    "encoder/conv1/kernel": RNG.standard_normal((3, 3, 2, 4)).astype(np.float32),
    "encoder/conv1/bias": RNG.standard_normal(4).astype(np.float32),
    "encoder/conv2/kernel": RNG.standard_normal((1, 1, 4, 1)).astype(np.float32),
    "decoder/scale": np.float32(0.25) * np.ones((), np.float32),
    "decoder/double": RNG.standard_normal((2, 5)),
    "counts": np.array([[-3, 7], [2**31 - 1, 0]], np.int32),
    "global_step": np.array(-(2**40), np.int64),
}


def same(found: dict, expected: dict) -> None:
    assert set(found) == set(expected)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype and found[name].shape == array.shape
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize(("data", "crc"), [
    (b"", 0), (b"123456789", 0xE3069283), (bytes(32), 0x8A9136AA), (b"\xff" * 32, 0x62A8AB43),  # RFC 3720, B.4
    (bytes(range(32)), 0x46DD794E)])
def test_crc32c_known_values(data, crc):
    assert crc32c(data) == crc


@pytest.mark.parametrize("length", [1023, 1024, 1025, 5000])
def test_crc32c_lanes_agree_with_the_bytewise_definition(length):
    import tf_writer

    data = RNG.bytes(length)
    assert crc32c(data) == tf_writer.crc32c(data)


@pytest.mark.parametrize("shards", [1, 3])
def test_v2_bundle(tmp_path, shards):
    prefix = tmp_path / "model.ckpt"
    write_v2(prefix, VARIABLES, shards)
    same(read_checkpoint(prefix), VARIABLES)
    same(read_checkpoint(tmp_path / "model.ckpt.index"), VARIABLES)


@pytest.mark.parametrize("content", [False, True])
def test_v1_file(tmp_path, content):
    path = tmp_path / "model.ckpt-7"
    write_v1(path, VARIABLES, content=content)
    same(read_checkpoint(path), VARIABLES)


def test_results_are_writable_copies(tmp_path):
    write_v2(tmp_path / "m", VARIABLES)
    read_checkpoint(tmp_path / "m")["counts"][0, 0] = 1


def message(path) -> str:
    with pytest.raises(MethodError) as caught:
        read_checkpoint(path)
    assert str(path.parent) in str(caught.value)
    return str(caught.value)


def test_missing_files(tmp_path):
    assert "V2 checkpoint is named by its prefix" in message(tmp_path / "model.ckpt")
    write_v2(tmp_path / "model.ckpt", VARIABLES, 2)
    (tmp_path / "model.ckpt.data-00001-of-00002").unlink()
    assert "model.ckpt.data-00001-of-00002: missing" in message(tmp_path / "model.ckpt")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a zip", b"version https://git-lfs.github.com/spec/v1\n" * 4,
                                     bytes(4096)])
def test_files_that_are_no_checkpoint(tmp_path, content):
    (tmp_path / "model.ckpt").write_bytes(content)
    assert "no TensorFlow checkpoint" in message(tmp_path / "model.ckpt")
    (tmp_path / "model.ckpt.index").write_bytes(content)
    assert "no TensorFlow checkpoint" in message(tmp_path / "model.ckpt")


def test_another_table_with_the_right_magic_number(tmp_path):
    (tmp_path / "a.index").write_bytes(table({b"key": b"value"}))
    assert "no header entry" in message(tmp_path / "a")
    (tmp_path / "b").write_bytes(table({b"key": b"value"}))
    assert "no metadata entry" in message(tmp_path / "b")


@pytest.mark.parametrize("kept", [0.2, 0.9, 0.999])
def test_truncated_data_and_index(tmp_path, kept):
    prefix = tmp_path / "model.ckpt"
    for name in ("model.ckpt.data-00000-of-00001", "model.ckpt.index"):
        write_v2(prefix, VARIABLES)
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[:int(len(whole) * kept)])
        assert "truncated" in message(prefix)


def test_every_flipped_byte_is_noticed(tmp_path):
    write_v2(tmp_path / "m", VARIABLES)
    write_v1(tmp_path / "v1", VARIABLES)
    for path, asked in ((tmp_path / "m.index", tmp_path / "m"), (tmp_path / "v1", tmp_path / "v1"),
                        (tmp_path / "m.data-00000-of-00001", tmp_path / "m")):
        whole = bytearray(path.read_bytes())
        for at in range(0, len(whole), 11):
            damaged = whole.copy()
            damaged[at] ^= 0x10
            path.write_bytes(damaged)
            try:
                found = read_checkpoint(asked)
            except MethodError as error:
                assert str(tmp_path) in str(error)
            else:  # bytes that carry nothing: the footer's padding and the unused meta block
                same(found, VARIABLES)
        path.write_bytes(whole)


def test_compressed_tables_are_refused(tmp_path):
    path = tmp_path / "m.index"
    path.write_bytes(table({b"": number(1, 1)}, compression=1))
    assert "compressed" in message(tmp_path / "m")


def test_sliced_variables_are_refused(tmp_path):
    (tmp_path / "m.index").write_bytes(table({b"": number(1, 1), b"w": number(1, 1) + blob(7, b"")}))
    assert "partitioned" in message(tmp_path / "m")


def test_a_missing_variable_names_file_and_neighbours(tmp_path):
    with pytest.raises(MethodError, match=r"no variable 'decoder/conv9/kernel'.*has 7.*encoder/conv1/kernel"):
        tensor(VARIABLES, "decoder/conv9/kernel", tmp_path / "model.ckpt")
