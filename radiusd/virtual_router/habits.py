"""What real routers and phones do that the manual does not promise."""

from attrs import frozen


@frozen(kw_only=True)
class Habits:
    """Each is a switch; all off is a router on its best behaviour."""

    accept_off: bool = False  # /radius/incoming accept=no, as it is out of the box: disconnects are not heard
    nak_406: bool = False  # Error-Cause 406 for a session that is not there, where 503 is expected
    late: bool = False  # answers disconnects a second late
    mute: bool = False  # cuts, and answers nothing
    lost_stop: bool = False  # the Stop never leaves the router
    reboot: bool = False  # power cut in mid-evening: no Stop, nothing replayed, ids of the next boot
    cookie: bool = False  # the phone's cookie logs it in again right after a cut
    random_mac: bool = False  # the phone shows another MAC at each login
    wrapped: bool = False  # the counters stand just below 2**32 at the start
    no_gigawords: bool = False  # Gigawords are left out


MEANINGS = {
    "accept-off": "does not hear disconnects (accept=no, as out of the box)",
    "nak-406": "says 406 instead of 503 for a session that is not there",
    "late": "answers disconnects a second late",
    "mute": "cuts, and answers nothing",
    "lost-stop": "loses its Stop",
    "reboot": "loses power in mid-evening and comes back as if nothing had been",
    "cookie": "lets the phone's cookie log it in again after a cut",
    "random-mac": "sees another MAC at each login",
    "wrapped": "counts from just below 2**32",
    "no-gigawords": "leaves Gigawords out",
}


def of(names: tuple[str, ...]) -> Habits:
    """The habits of these names, written as in MEANINGS."""
    return Habits(**{each.replace("-", "_"): True for each in names})
