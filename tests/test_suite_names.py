"""--methods: folders whose names hold commas, equal signs and spaces."""

import pytest

from suite.errors import UserError
from suite.names import parse_methods


def parsed(text, *folders):
    return parse_methods(text, lambda folder: folder in folders)


@pytest.mark.parametrize("text, folders, expected", [
    ("a, b ,c", (), ("a", "b", "c")),
    ("mine=x", ("x",), ("mine=x",)),
    ("average,mine=x,laplacian", ("x",), ("average", "mine=x", "laplacian")),
    ("mine=fused a,b", ("fused a,b",), ("mine=fused a,b",)),
    ("mine=runs/lr=1e-4,bs=8,average", ("runs/lr=1e-4,bs=8",), ("mine=runs/lr=1e-4,bs=8", "average")),
    ("a=1,2,3,b=1,2", ("1,2,3", "1,2"), None),  # "1,2,3" and "1,2" both exist
    ("a=x,y,b=z", ("x,y", "z"), ("a=x,y", "b=z")),
    ("a=x,,y", ("x,,y",), ("a=x,,y",)),
    (" a=x, y , average", ("x, y",), ("a=x, y", "average")),
    (r"a=x\,y,b", ("x,y",), ("a=x,y", "b")),
    (r"a=x\,y,b=x", ("x,y", "x"), ("a=x,y", "b=x")),
    ("average,", (), ("average",)),
    ("all-known,mine=x y", ("x y",), ("all-known", "mine=x y")),
])
def test_readings(text, folders, expected):
    if expected is None:
        with pytest.raises(UserError, match=r"may mean the folder 1,2 or 1,2,3; .*\\,"):
            parsed(text, *folders)
    else:
        assert parsed(text, *folders) == expected


def test_none_stays_none_and_nothing_is_an_error():
    assert parse_methods(None) is None
    for text in ("", " , ,"):
        with pytest.raises(UserError, match="empty list"):
            parse_methods(text)


@pytest.mark.parametrize("text, message", [
    ("mine=gone", r"mine=gone: no such folder$"),
    ("mine=gone a,b", r"mine=gone a: no such folder \(a comma in a folder's name is written \\,\)"),
    ("mine=x,average", r"may mean the folder x or x,average")])
def test_what_cannot_be_meant(text, message):
    with pytest.raises(UserError, match=message):
        parsed(text, "x", "x,average")


def test_the_file_system_is_asked(tmp_path):
    (tmp_path / "lr=1,bs=2").mkdir()
    assert parse_methods(f"mine={tmp_path}/lr=1,bs=2,average") == (f"mine={tmp_path}/lr=1,bs=2", "average")
