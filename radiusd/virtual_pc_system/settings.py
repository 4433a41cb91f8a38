"""What `icafectl branch pc-sync set-up NAME --json` printed, read back."""

from pathlib import Path
from typing import Annotated

import msgspec
from attrs import field, frozen

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=1024, pattern="^[!-~]+$")]


class SettingsError(Exception):
    """The file cannot be used; the message says what to do."""


@frozen
class Settings:
    """Where events go, and what they are signed with. The key is the octets of the text, whatever it looks like."""

    location_id: _Text
    token: _Text = field(repr=False)
    signing_key: _Text = field(repr=False)
    url: Annotated[str, msgspec.Meta(pattern="^https?://[!-~]+$")]
    api_key: _Text | None = field(default=None, repr=False)


def read(path: Path) -> Settings:
    """The settings in a file. Raises SettingsError."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Settings)
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        # msgspec names the field and what is wrong with it, never its value.
        what = str(error) if isinstance(error, msgspec.ValidationError) else "it is not JSON"
        command = "icafectl branch pc-sync set-up NAME --json"
        raise SettingsError(f"{path} is not what `{command}` prints: {what}") from None
