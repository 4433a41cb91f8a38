"""Who charges for games is what the configuration says, or why not is told."""

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.task import Clock

from radiusd.charging.building import ChargingError, build
from radiusd.charging.local import LocalWallet
from radiusd.charging.partner import Partner
from radiusd.charging.port import CafeAuth
from radiusd.config import Games
from radiusd.store.directory import Directory
from tests.server.given import NOON

URL = "https://charging.example.com/v1"


def built(**settings: Any) -> CafeAuth:
    clock: Any = Clock()
    return build(Games(**settings), lambda: Directory({}, {}), lambda job, done: None, clock, lambda: NOON)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    made = tmp_path / "partner.key"
    made.write_text("the-key-of-the-partner\n")
    made.chmod(0o600)
    return made


def test_without_a_partner_the_cafes_own_wallets_are_charged() -> None:
    assert isinstance(built(), LocalWallet)


def test_with_one_the_partner_is(key_file: Path) -> None:
    assert isinstance(built(partner_url=URL, partner_key_file=key_file), Partner)


def test_a_key_that_others_can_read_is_refused_and_not_shown(key_file: Path) -> None:
    key_file.chmod(0o644)
    with pytest.raises(ChargingError, match=r"games.partner_key_file, can be read by others: run chmod 600") as caught:
        built(partner_url=URL, partner_key_file=key_file)
    assert "the-key-of-the-partner" not in str(caught.value)


def test_a_key_that_is_not_there_or_empty_is_told(tmp_path: Path, key_file: Path) -> None:
    with pytest.raises(ChargingError, match="cannot read"):
        built(partner_url=URL, partner_key_file=tmp_path / "nothing")
    key_file.write_text("\n")
    with pytest.raises(ChargingError, match="nothing in its first line"):
        built(partner_url=URL, partner_key_file=key_file)


@pytest.mark.parametrize("url", ["https://", "https://user:word@charging.example.com", "https://x/?q=1"])
def test_an_address_that_is_none_is_told_with_its_key(key_file: Path, url: str) -> None:
    with pytest.raises(ChargingError, match=r"games\.partner_url: the charging partner's address"):
        built(partner_url=url, partner_key_file=key_file)
