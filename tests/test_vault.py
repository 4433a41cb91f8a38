"""What is sealed opens under its key, for its purpose, as it was; and in no other case."""

from pathlib import Path

import pytest

from radiusd.vault import Vault, VaultError, make_key_file, read_key_file

KEY = bytes(range(32))
SECRET = "mật khẩu".encode()


@pytest.mark.parametrize("clear", [b"", SECRET, bytes(300)])
def test_what_is_sealed_opens_again(clear: bytes) -> None:
    sealed = Vault(KEY).seal(clear, "router secret")
    assert Vault(KEY).open(sealed, "router secret") == clear


def test_the_sealed_tells_nothing_and_never_looks_the_same_twice() -> None:
    vault = Vault(KEY)
    one, two = vault.seal(SECRET, "router secret"), vault.seal(SECRET, "router secret")
    assert one != two
    assert SECRET not in one + two


def test_another_key_opens_nothing_and_says_so_without_the_secret() -> None:
    sealed = Vault(KEY).seal(SECRET, "router secret")
    with pytest.raises(VaultError, match=r"^a stored secret does not open: the key file is not the one it was"):
        Vault(bytes(32)).open(sealed, "router secret")


def test_what_was_sealed_for_one_purpose_does_not_open_for_another() -> None:
    vault = Vault(KEY)
    sealed = vault.seal(SECRET, "router secret")
    assert vault.open(sealed, "router secret") == SECRET
    with pytest.raises(VaultError):
        vault.open(sealed, "password")


def test_a_changed_bit_anywhere_is_noticed() -> None:
    sealed = Vault(KEY).seal(b"x", "router secret")
    for at in range(len(sealed)):
        changed = bytearray(sealed)
        changed[at] ^= 1
        with pytest.raises(VaultError):
            Vault(KEY).open(bytes(changed), "router secret")


@pytest.mark.parametrize("length", [0, 5, 11, 12, 27])
def test_what_is_cut_short_is_noticed(length: int) -> None:
    sealed = Vault(KEY).seal(b"x", "router secret")
    with pytest.raises(VaultError):
        Vault(KEY).open(sealed[:length], "router secret")


def test_the_key_of_the_class_attribute_is_another_one_and_stays_the_same() -> None:
    assert Vault(KEY).class_key == Vault(KEY).class_key
    assert Vault(KEY).class_key not in (KEY, Vault(bytes(32)).class_key)


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_key_has_32_octets(length: int) -> None:
    with pytest.raises(VaultError):
        Vault(bytes(length))


# The key file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "key"


def test_a_new_key_is_read_back_and_is_its_owners_alone(file: Path) -> None:
    make_key_file(file)
    assert len(read_key_file(file)) == 32
    assert file.stat().st_mode & 0o777 == 0o600


def test_two_new_keys_differ(file: Path, tmp_path: Path) -> None:
    make_key_file(file)
    make_key_file(tmp_path / "another")
    assert read_key_file(file) != read_key_file(tmp_path / "another")


def test_a_key_is_never_replaced(file: Path) -> None:
    make_key_file(file)
    before = file.read_text()
    with pytest.raises(FileExistsError):
        make_key_file(file)
    assert file.read_text() == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_a_key_file_that_others_may_touch_is_one_sentence(file: Path, mode: int) -> None:
    make_key_file(file)
    file.chmod(mode)
    with pytest.raises(VaultError, match=f"^the key file {file} can be read by others: run chmod 600 {file}$"):
        read_key_file(file)


def test_a_key_file_that_is_not_there_is_one_sentence(file: Path) -> None:
    with pytest.raises(VaultError, match=f"^cannot read the key file {file}: No such file .*`icafectl store init`"):
        read_key_file(file)


@pytest.mark.parametrize("content", [b"", b"00" * 31, b"00" * 33, b"zz" * 32, b"\xff" * 64])
def test_a_key_file_without_a_key_is_one_sentence_that_does_not_show_it(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(VaultError, match=f"^the key file {file} does not hold 64 hexadecimal digits$"):
        read_key_file(file)
