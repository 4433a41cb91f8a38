from typing import TextIO

from pyrad.bidict import BiDict

DATATYPES: frozenset[str]

class ParseError(Exception):
    msg: str | None
    file: str
    line: int

class Attribute:
    name: str
    code: int
    type: str
    vendor: str
    encrypt: int
    has_tag: bool
    values: BiDict
    sub_attributes: dict[int, str]
    parent: Attribute | None
    is_sub_attribute: bool

class Dictionary:
    attributes: dict[str, Attribute]
    attrindex: BiDict
    vendors: BiDict
    skipped_attributes: set[str]
    def __init__(self, dict: str | TextIO | None = None, *dicts: str | TextIO) -> None: ...
    def __len__(self) -> int: ...
    def __getitem__(self, key: str) -> Attribute: ...
    def __contains__(self, key: object) -> bool: ...
    def has_key(self, key: object) -> bool: ...
    def ReadDictionary(self, file: str | TextIO) -> None: ...
