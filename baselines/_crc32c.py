"""CRC-32C (Castagnoli) of long buffers with numpy: the checksum of TensorFlow checkpoints.

A buffer is cut into equal lanes whose registers advance side by side; the lanes are then joined with the linear map
"append n zero bytes", since a CRC register is linear over GF(2).
"""

import numpy as np

POLYNOMIAL = 0x82F63B78  # reflected
LANES = 1024


def _byte_table() -> np.ndarray:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, table >> 1 ^ np.uint32(POLYNOMIAL), table >> 1)
    return table.astype(np.uint32)


TABLE = _byte_table()
ZERO = np.zeros(1, np.uint8)


def _step(register: np.ndarray, byte: np.ndarray) -> np.ndarray:
    return TABLE[(register ^ byte) & 0xFF] ^ register >> 8


def _after_zeros(count: int) -> np.ndarray:
    """uint32 [32]: where each bit of a register goes when `count` zero bytes follow."""
    result = np.uint32(1) << np.arange(32, dtype=np.uint32)
    power = _step(result, ZERO)  # one byte; squared as often as `count` has bits
    while count:
        if count & 1:
            result = _apply(power, result)
        power = _apply(power, power)
        count >>= 1
    return result


def _apply(operator: np.ndarray, registers: np.ndarray) -> np.ndarray:
    bits = registers[:, None] >> np.arange(32, dtype=np.uint32) & 1
    return np.bitwise_xor.reduce(np.where(bits == 1, operator, np.uint32(0)), axis=1)


def crc32c(data: bytes) -> int:
    """CRC-32C of `data` ("123456789" gives 0xE3069283)."""
    values = np.frombuffer(data, np.uint8)
    length = len(values) // LANES
    register = np.array([0xFFFFFFFF], np.uint32)
    if length:
        lanes = values[:LANES * length].reshape(LANES, length).astype(np.uint32)
        registers = np.zeros(LANES, np.uint32)
        registers[0] = register[0]
        for column in lanes.T.copy():
            registers = _step(registers, column)
        operator = _after_zeros(length)
        while len(registers) > 1:  # LANES is a power of two: join neighbours, doubling the step
            registers = _apply(operator, registers[0::2]) ^ registers[1::2]
            operator = _apply(operator, operator)
        register = registers
    for byte in values[LANES * length:]:
        register = _step(register, byte)
    return int(register[0]) ^ 0xFFFFFFFF


def masked(data: bytes) -> int:
    """The form in which TensorFlow and LevelDB store it: rotated right by 15 bits, plus a constant."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
