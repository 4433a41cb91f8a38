"""What studios and cafés are handed for their game servers and launchers; secrets are shown only this once."""

from collections.abc import Mapping

from radiusd.config import Config
from radiusd.icafectl.pc_owner import is_only_here
from radiusd.icafectl.printing import print_json, say

PATH = "/v1"


def base_url(config: Config) -> str | None:
    """What all paths begin with; None if the server takes no requests."""
    return None if config.web is None else (config.at_web.public_url or f"http://{config.web}") + PATH


def hand_over(where: str, made: Mapping[str, str], config: Config, *, as_json: bool) -> None:
    """Print what is to be entered at `where`."""
    url = base_url(config)
    if as_json:
        print_json({**made, "url": url})
        return
    width = max(len(name) for name in ("url", *made)) + 1
    say(
        f"enter this at {where}; it is shown only this once:",
        *(f"  {name + ':':{width}} {value}" for name, value in made.items()),
        f"  {'url:':{width}} {url or f'- (the server takes no requests: set web in [server] of {config.path})'}",
    )
    if is_only_here(config):
        say(f"only this machine reaches that url: set public_url in [web] of {config.path} to what the others reach")
