"""What FMI looks at instead of the pixels: gradient, edges, cosine transform, wavelet transform.

Pure functions on float64 [H,W] in 0..255. Summed in another order they would differ by rounding, and where a picture is
flat FMI looks at nothing else: so its plain and its fast path share them.
"""

import numpy as np
from scipy import fft, ndimage

# Half of the discrete Meyer low-pass filter of 102 taps, in units of 1e-15, as in rafat/wavelib: it is symmetric about
# the last of these, and its 102nd tap is 0. A table, for there is no formula for this approximation.
MEYER_HALF = np.array([
    -1509740857, 1278766757, 449585560, -2096568870, 1723223554, 698082276, -2879408033, 2383148395, 982515602,
    -4217789186, 3353501538, 1674721859, -6034501342, 4837555802, 2402288023, -9556309846, 7216527695, 4849078300,
    -14206928581, 10503914271, 6187580298, -24438005846, 20106387691, 14993523600, -46428764284, 32341311914,
    37409665760, -102779005085, 24461956845, 149713515389, -75592870255, -139913148217, -93512893880, 161189819725,
    859500213762, -578185795273, -2702168733939, 2194775336459, 6045510596456, -6386728618548, -11044641900539,
    15250913158586, 17403888210177, -32094063354505, -24321783959519, 63667300884468, 30621243943425,
    -132696615358862, -35048287390595, 444095030766529, 743751004903787,
]) / 1e15
MEYER = np.concatenate([MEYER_HALF, MEYER_HALF[-2::-1], [0.0]])
NEARLY = 100 * float(np.finfo(np.float64).eps)


def pixels(image: np.ndarray) -> np.ndarray:
    """The picture itself."""
    return image


def gradient(image: np.ndarray) -> np.ndarray:
    """Central differences along the rows, one-sided at the ends: MATLAB's gradient with one result."""
    return np.asarray(np.gradient(image, axis=1))


def edges(image: np.ndarray) -> np.ndarray:
    """MATLAB's edge(picture): 1 where the Sobel strength is a local maximum above twice its root mean square.

    Sobel / 8, edge repeated. A maximum along its row where the horizontal derivative is the stronger one,
    along its column where the vertical one is; of two equal neighbours the later one. Never at the border.
    """
    across, down = (np.abs(ndimage.sobel(image, axis=axis, mode="nearest")) / 8 for axis in (1, 0))
    squared = across**2 + down**2
    here = squared[1:-1, 1:-1]
    across, down = across[1:-1, 1:-1], down[1:-1, 1:-1]
    peak_across = (squared[1:-1, :-2] <= here) & (here > squared[1:-1, 2:]) & (across >= down - NEARLY)
    peak_down = (squared[:-2, 1:-1] <= here) & (here > squared[2:, 1:-1]) & (down >= across - NEARLY)
    found = np.zeros(image.shape)
    found[1:-1, 1:-1] = (here > 4 * squared.mean()) & (peak_across | peak_down)
    return found


def cosines(image: np.ndarray) -> np.ndarray:
    """The orthonormal two-dimensional cosine transform of the whole picture."""
    return np.asarray(fft.dctn(image, norm="ortho"))


def wavelet(image: np.ndarray) -> np.ndarray:
    """One level of the discrete Meyer wavelet, smaller picture and details as one picture, stretched to 0..1.

    Edge mirrored, itself repeated: [H,W] -> [2 ((H + 101) // 2), 2 ((W + 101) // 2)]. All ones for a constant.
    """
    low = MEYER[::-1]
    high = np.where(np.arange(len(MEYER)) % 2, MEYER, -MEYER)
    smooth, rough = _decimated(image, low, 1), _decimated(image, high, 1)
    found = np.block([[_decimated(smooth, low, 0), _decimated(smooth, high, 0)],
                      [_decimated(rough, low, 0), _decimated(rough, high, 0)]])
    least, most = found.min(), found.max()
    return (found - least) / (most - least) if most > least else np.ones_like(found)


def _decimated(image: np.ndarray, kernel: np.ndarray, axis: int) -> np.ndarray:
    """The picture convolved along an axis, every second value kept."""
    image = np.moveaxis(image, axis, -1)
    reach = len(kernel) - 1
    padded = np.pad(image, [(0, 0), (reach, reach)], mode="symmetric")
    windows = np.lib.stride_tricks.sliding_window_view(padded, len(kernel), axis=-1)[:, 1::2]
    return np.moveaxis(windows @ kernel[::-1], -1, axis)
