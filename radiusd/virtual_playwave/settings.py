"""The file that says which server to play against, and with what."""

from pathlib import Path
from typing import Annotated

import msgspec
from attrs import field, frozen

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=1024, pattern="^[!-~]+$")]
SERVER = r"^https?://[^/\s?#]+/?$"


class SettingsError(Exception):
    """The file cannot be used; the message says what to do."""


@frozen
class Settings:
    """A server, an installation's launcher, a game and its key. Secrets are the octets of their text."""

    server: Annotated[str, msgspec.Meta(pattern=SERVER)]
    launcher_id: _Text
    launcher_secret: _Text = field(repr=False)
    api_key: _Text = field(repr=False)
    game_id: _Text


def read(path: Path) -> Settings:
    """The settings in a file. Raises SettingsError."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Settings)
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        # msgspec names the field and what is wrong with it, never its value.
        what = str(error) if isinstance(error, msgspec.ValidationError) else "it is not JSON"
        form = '{"server": "http://127.0.0.1:8080", "launcher_id", "launcher_secret", "api_key", "game_id"}'
        raise SettingsError(f"{path} cannot be used: {what}. It holds {form}, all of them texts") from None
