"""The cut-down network of the sample profile."""


def sample_network(width: tuple[int, int, int, int] = (8, 16, 32, 64)) -> dict:
    """YOLOv5's building blocks with few channels, one block per stage and one output scale (stride 8).

    For the rendered sample only, where a training must end within seconds on one core; its AP compares with nothing.
    `width`: channels after each halving of the resolution.
    """
    c1, c2, c3, c4 = width
    backbone = [[-1, 1, "Conv", [c1, 6, 2, 2]], [-1, 1, "Conv", [c2, 3, 2]], [-1, 1, "C3", [c2]],
                [-1, 1, "Conv", [c3, 3, 2]], [-1, 1, "C3", [c3]], [-1, 1, "Conv", [c4, 3, 2]], [-1, 1, "C3", [c4]]]
    head = [[-1, 1, "nn.Upsample", [None, 2, "nearest"]], [[-1, 4], 1, "Concat", [1]], [-1, 1, "C3", [c3, False]],
            [[9], 1, "Detect", ["nc"]]]
    return {"nc": 80, "backbone": backbone, "head": head}
