"""Octets to packets: from the RFCs' own examples, against pyrad, and for any octets at all."""

from hashlib import md5

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyrad.packet import AcctPacket, AuthPacket, PacketError
from pyrad.packet import Packet as PyradPacket

from radiusd.wire.attributes import encode_octets
from radiusd.wire.authenticator import (
    has_valid_accounting_authenticator,
    has_valid_message_authenticator,
    sign_access_reply,
    sign_accounting_reply,
)
from radiusd.wire.codes import Code
from radiusd.wire.errors import MalformedPacket, WireError
from radiusd.wire.packet import decode, encode
from radiusd.wire.passwords import hide, is_chap_answer, reveal
from radiusd.wire.replies import is_reply_to
from tests.wire.given import DICTIONARY

SECRET = b"xyzzy5461"
PROXY_STATE = 33

# RFC 2865 §7.1: nemo telnets to a host; the password is arctangent.
NEMO = bytes.fromhex(
    "01000038 0f403f9473978057bd83d5cb98f4227a 01066e656d6f 02120dbe708d93d413ce3196e43f782a0aee"
    "0406c0a80110 050600000003"
)
NEMO_ACCEPTED = bytes.fromhex("02000026 86fe220e7624ba2a1005f6bf9b55e0b2 060600000001 0f0600000000 0e06c0a80103")
# RFC 2865 §7.2: flopsy frames with CHAP.
FLOPSY = bytes.fromhex(
    "01010047 2aee86f08d0d55969ca5978e0d3367a2 0108666c6f707379 031316e97557c316185895f293ff6344077275"
    "0406c0a80110 050600000014 060600000002 070600000001"
)


def test_the_first_example_of_the_rfc_is_read_as_it_says() -> None:
    packet = decode(NEMO)
    assert (packet.code, packet.identifier) == (Code.ACCESS_REQUEST, 0)
    assert packet.attributes == (
        (1, b"nemo"),
        (2, bytes.fromhex("0dbe708d93d413ce3196e43f782a0aee")),
        (4, bytes([192, 168, 1, 16])),
        (5, bytes([0, 0, 0, 3])),
    )


def test_the_password_of_the_first_example_is_arctangent() -> None:
    packet = decode(NEMO)
    assert reveal(packet.values[2], SECRET, packet.authenticator) == b"arctangent"
    assert hide(b"arctangent", SECRET, packet.authenticator) == packet.values[2]


def test_the_reply_of_the_first_example_answers_its_request() -> None:
    assert is_reply_to(decode(NEMO_ACCEPTED), NEMO, SECRET)
    assert not is_reply_to(decode(NEMO_ACCEPTED), NEMO, b"another")


def test_the_second_example_has_a_chap_password_of_17_octets() -> None:
    packet = decode(FLOPSY)
    assert packet.values[1] == b"flopsy"
    assert len(packet.values[3]) == 17


def test_octets_beyond_the_length_are_padding() -> None:
    assert decode(NEMO + b"padding").octets == NEMO


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"", "short_datagram"),
        (NEMO[:19], "short_datagram"),
        (NEMO[:-1], "packet_length"),
        (b"\x01\x00\x00\x13" + bytes(16), "packet_length"),
        (b"\x01\x00\x10\x01" + bytes(4093), "packet_length"),
        (b"\x01\x00\x00\x15" + bytes(17), "attribute_length"),
        (b"\x01\x00\x00\x16" + bytes(16) + b"\x01\x00", "attribute_length"),
        (b"\x01\x00\x00\x16" + bytes(16) + b"\x01\x01", "attribute_length"),
        (b"\x01\x00\x00\x17" + bytes(16) + b"\x01\x04x", "attribute_length"),
        (b"\x01\x00\x00\x17" + bytes(16) + b"\x50\x03x", "message_authenticator_layout"),
    ],
)
def test_what_breaks_the_layout_is_named(octets: bytes, reason: str) -> None:
    with pytest.raises(MalformedPacket) as error:
        decode(octets)
    assert error.value.reason == reason


def test_two_message_authenticators_are_no_layout() -> None:
    attributes = (b"\x50\x12" + bytes(16)) * 2
    with pytest.raises(MalformedPacket, match="message_authenticator_layout"):
        decode(encode(1, 0, bytes(16), attributes))


def test_more_than_200_attributes_are_too_many() -> None:
    decode(encode(1, 0, bytes(16), b"\x01\x03x" * 200))
    with pytest.raises(MalformedPacket, match="too_many_attributes"):
        decode(encode(1, 0, bytes(16), b"\x01\x03x" * 201))


@given(st.binary(max_size=200))
def test_any_octets_give_a_packet_or_a_wire_error(octets: bytes) -> None:
    try:
        packet = decode(octets)
    except WireError:
        return
    assert encode(packet.code, packet.identifier, packet.authenticator, packet.octets[20:]) == packet.octets


attributes = st.lists(
    st.tuples(st.integers(1, 255).filter(lambda kind: kind not in (26, 80)), st.binary(min_size=1, max_size=253)),
    max_size=12,
)


@given(st.integers(0, 255), st.binary(min_size=16, max_size=16), attributes)
def test_pyrad_reads_the_same_attributes(
    identifier: int, authenticator: bytes, given_attributes: list[tuple[int, bytes]]
) -> None:
    octets = encode(1, identifier, authenticator, b"".join(encode_octets(*each) for each in given_attributes))
    ours = decode(octets)
    assert ours.attributes == tuple(given_attributes)
    try:
        theirs = PyradPacket(secret=SECRET, packet=octets)
    except PacketError:
        return  # pyrad looks into some attributes while decoding
    assert (theirs.id, theirs.authenticator) == (identifier, authenticator)
    for kind in {each[0] for each in given_attributes}:
        assert theirs[kind] == ours.all(kind)


# Authenticators, with pyrad as judge


def a_login() -> AuthPacket:
    request = AuthPacket(secret=SECRET, dict=DICTIONARY, id=7)
    request["User-Name"] = "nemo"
    request["User-Password"] = request.PwCrypt("arctangent")
    request.add_message_authenticator()
    return request


def test_a_message_authenticator_by_pyrad_is_believed_under_its_secret_only() -> None:
    packet = decode(a_login().RequestPacket())
    assert has_valid_message_authenticator(packet, SECRET)
    assert not has_valid_message_authenticator(packet, b"another")
    assert not has_valid_message_authenticator(decode(NEMO), SECRET)


def test_one_changed_bit_anywhere_breaks_a_message_authenticator() -> None:
    octets = bytearray(a_login().RequestPacket())
    for at in range(20, len(octets)):
        octets[at] ^= 1
        try:
            packet = decode(bytes(octets))
        except MalformedPacket:
            packet = None
        assert packet is None or not has_valid_message_authenticator(packet, SECRET)
        octets[at] ^= 1


def test_an_accounting_request_by_pyrad_is_believed_under_its_secret_only() -> None:
    request = AcctPacket(secret=SECRET, dict=DICTIONARY)
    request["Acct-Status-Type"] = "Start"
    packet = decode(request.RequestPacket())
    assert has_valid_accounting_authenticator(packet, SECRET)
    assert not has_valid_accounting_authenticator(packet, b"another")


@given(attributes.map(lambda given: [each for each in given if each[0] != PROXY_STATE]))
def test_pyrad_believes_our_access_replies_and_finds_the_signature_first(
    given_attributes: list[tuple[int, bytes]],
) -> None:
    request = a_login()
    octets = request.RequestPacket()
    encoded = b"".join(encode_octets(*each) for each in given_attributes)
    reply = sign_access_reply(Code.ACCESS_ACCEPT, 7, octets[4:20], encoded, SECRET)
    assert reply[20:22] == b"\x50\x12"
    assert is_reply_to(decode(reply), octets, SECRET)
    assert request.VerifyReply(request.CreateReply(packet=reply), reply, enforce_ma=True)


def test_pyrad_believes_our_accounting_replies() -> None:
    request = AcctPacket(secret=SECRET, dict=DICTIONARY, id=3)
    request["Acct-Status-Type"] = "Start"
    octets = request.RequestPacket()
    reply = sign_accounting_reply(Code.ACCOUNTING_RESPONSE, 3, octets[4:20], b"", SECRET)
    assert request.VerifyReply(request.CreateReply(packet=reply), reply)


# Passwords


@given(
    st.binary(max_size=128).filter(lambda password: not password.endswith(b"\0")),
    st.binary(min_size=1, max_size=64),
    st.binary(min_size=16, max_size=16),
)
def test_what_was_hidden_is_revealed(password: bytes, secret: bytes, authenticator: bytes) -> None:
    hidden = hide(password, secret, authenticator)
    assert len(hidden) % 16 == 0
    assert 16 <= len(hidden) <= 128
    assert reveal(hidden, secret, authenticator) == password


@pytest.mark.parametrize("length", [0, 15, 17, 144])
def test_a_user_password_of_another_length_is_malformed(length: int) -> None:
    with pytest.raises(MalformedPacket, match="user_password_length"):
        reveal(bytes(length), SECRET, bytes(16))


def test_a_password_over_128_octets_is_refused() -> None:
    with pytest.raises(WireError, match="password_too_long"):
        hide(b"x" * 129, SECRET, bytes(16))


def test_a_chap_answer_is_right_for_its_password_and_challenge_only() -> None:
    request = AuthPacket(secret=SECRET, dict=DICTIONARY)
    answer = b"\x05" + md5(b"\x05" + b"secret" + b"c" * 16, usedforsecurity=False).digest()
    request["CHAP-Password"] = answer
    request["CHAP-Challenge"] = b"c" * 16
    assert request.VerifyChapPasswd("secret")
    assert is_chap_answer(answer, b"secret", b"c" * 16)
    assert not is_chap_answer(answer, b"Secret", b"c" * 16)
    assert not is_chap_answer(answer, b"secret", b"d" * 16)
