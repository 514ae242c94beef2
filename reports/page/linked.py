"""The lossless pictures that lie beside the page: where they are, as the page may name them."""

from pathlib import Path
from urllib.parse import quote

from reports.data import RunData

# what a browser decodes without loss of the file's own; the benchmark writes PNG
_SHOWN = {".png"}


def files(data: RunData, dataset: str, item: str) -> dict[str, str]:
    """Title -> address relative to the page, quoted, of the file at full size; none for what does not lie in OUT.

    A source is the picture that its own row of the table was made of, else the copy that the run keeps.
    """
    found = dict(zip(data.source_titles(dataset), data.source_paths(dataset, item) or (None, None)))
    pair = set(found.values())
    sources = dict(zip(("infrared", "visible"), data.source_titles(dataset)))
    if len(pair) == 1:  # both in one file of four channels: no browser shows half of it
        found = {}
    for method in data.run.methods:
        path = data.fused_path(method, dataset, item)
        if path is not None:
            found[sources.get(method) or data.title(method)] = path
    addresses = {title: address(data.out, path) for title, path in found.items() if path is not None}
    return {title: text for title, text in addresses.items() if text}


def address(out: Path, path: Path) -> str:
    """`path` relative to OUT, every part percent-encoded; "" where it is no PNG or lies elsewhere, a link's end too."""
    whole = out.resolve()
    if path.suffix.lower() not in _SHOWN or not path.resolve().is_relative_to(whole):
        return ""
    try:
        parts = path.relative_to(out).parts
    except ValueError:  # named by another way than OUT itself
        parts = path.resolve().relative_to(whole).parts
    return "" if ".." in parts else "/".join(quote(part, safe="") for part in parts)
