"""The option --device, checked."""


def check_device(device: str) -> str:
    """The device, or an error that says what is there."""
    import torch

    from suite.errors import UserError

    try:
        kind = torch.device(device).type
    except RuntimeError as error:
        raise UserError(f"--device {device}: {str(error).splitlines()[0]}") from error
    if kind == "cuda" and not torch.cuda.is_available():
        raise UserError(f"--device {device}: this torch sees no CUDA device; use --device cpu")
    return device
