"""A diary is on the disk before an answer counts."""

import asyncio
import os
from pathlib import Path

import pytest

from radiusd.faults import told
from radiusd.faults.told import Diary, read


def test_what_was_told_is_durable_when_it_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "diary"
    synced: list[int] = []
    fsync = os.fsync

    def counted(descriptor: int) -> None:
        fsync(descriptor)
        synced.append(path.stat().st_size)

    monkeypatch.setattr(told.os, "fsync", counted)

    async def ask() -> None:
        diary = Diary(path)
        diary.asked("login", line="1")
        await diary.told("login", line="1")
        assert synced == [path.stat().st_size]
        assert [each["which"] for each in read(path)] == ["asked", "told"]
        diary.close()

    asyncio.run(ask())


def test_those_who_are_told_at_once_share_an_fsync_and_none_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(told.os, "fsync", synced.append)
    path = tmp_path / "diary"

    async def ask() -> None:
        diary = Diary(path)
        await asyncio.gather(*(diary.told("login", line=str(each)) for each in range(100)))
        assert {each["line"] for each in read(path)} == {str(each) for each in range(100)}
        assert len(synced) < 10
        diary.close()

    asyncio.run(ask())
