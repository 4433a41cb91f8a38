"""A file is there whole or not at all."""

import os
from pathlib import Path

import click
import pytest

from radiusd.icafectl.whole_file import written_whole


def write(target: Path, text: str = "new", *, may_replace: bool = False) -> None:
    with written_whole(target, may_replace=may_replace) as out:
        out.write(text)


def test_the_name_is_given_only_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "a.csv"
    with written_whole(target, may_replace=False) as out:
        out.write("half")
        out.flush()
        assert not target.exists()
        out.write(" and half")
    assert target.read_text() == "half and half"
    assert list(tmp_path.iterdir()) == [target]


def test_what_fails_leaves_nothing_behind_and_the_old_file_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "a.csv"
    target.write_text("old")
    with pytest.raises(RuntimeError), written_whole(target, may_replace=True) as out:
        out.write("new")
        raise RuntimeError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_is_replaced_only_where_that_is_wanted(tmp_path: Path) -> None:
    target = tmp_path / "a.csv"
    write(target, "old")
    with pytest.raises(click.ClickException, match="--force"):
        write(target)
    assert target.read_text() == "old"
    write(target, may_replace=True)
    assert target.read_text() == "new"


def test_a_file_that_somebody_makes_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    target = tmp_path / "a.csv"
    with pytest.raises(click.ClickException, match="there already"), written_whole(target, may_replace=False) as out:
        out.write("ours")
        target.write_text("theirs")
    assert target.read_text() == "theirs"
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_system_without_links_serves_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted", "x")

    monkeypatch.setattr(Path, "hardlink_to", no_links)
    write(tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text() == "new"
    with pytest.raises(click.ClickException, match="--force"):
        write(tmp_path / "a.csv")


def test_what_is_no_file_is_not_replaced_even_by_force(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for target in (tmp_path / "pipe", tmp_path):
        with pytest.raises(click.ClickException, match="is no file"):
            write(target, may_replace=True)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(click.ClickException, match="no folder"):
        write(tmp_path / "nowhere" / "a.csv")


def test_a_full_disk_names_the_file(tmp_path: Path) -> None:
    target = tmp_path / "a.csv"
    with pytest.raises(OSError, match="No space") as caught, written_whole(target, may_replace=False):
        raise OSError(28, "No space left on device")
    assert caught.value.filename == str(target)
