"""What was ended, in words."""

from radiusd.store.live import Ended


def told_end(ended: Ended) -> str:
    """How many sessions ended, and what the server has to do about it."""
    if not ended.session_ids:
        return "nobody was online with it"
    sessions = "session" if len(ended.session_ids) == 1 else "sessions"
    numbers = ", ".join(map(str, ended.session_ids))
    if not ended.cuts:
        return f"{sessions} {numbers} ended, with nothing to cut"
    cuts = "1 disconnect is" if ended.cuts == 1 else f"{ended.cuts} disconnects are"
    return f"{sessions} {numbers} ended, and {cuts} on the way: icafectl cut list"
