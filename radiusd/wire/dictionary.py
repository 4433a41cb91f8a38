"""The attribute tables of `dictionaries/`, read once by pyrad's parser."""

from pathlib import Path

from pyrad.dictionary import Dictionary, ParseError


class DictionaryError(Exception):
    """The tables cannot be used; the message says which file and what to do."""


def load(path: Path) -> Dictionary:
    """The dictionary in the file `path` and all it includes; raises DictionaryError."""
    try:
        return Dictionary(str(path))
    except OSError as error:
        raise DictionaryError(f"cannot read the dictionary {error.filename or path}: {error.strerror}") from error
    except ParseError as error:
        raise DictionaryError(f"the dictionary {path} is not valid: {error}") from error
