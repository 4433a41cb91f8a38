"""The project's own dictionary, for packets made by pyrad."""

from pathlib import Path

from pyrad.dictionary import Dictionary

DICTIONARY = Dictionary(str(Path(__file__).parents[2] / "dictionaries" / "dictionary"))
