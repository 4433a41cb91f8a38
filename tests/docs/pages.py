"""The documentation as tests read it: pages, their fenced blocks, their links, and the commands in them."""

import re
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from attrs import frozen

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
PAGES = (README, *sorted(DOCS.rglob("*.md")))

OPERATOR = DOCS / "operator"
READ_IN_ORDER = (
    *(OPERATOR / f"{name}.md" for name in ("install", "add-a-branch", "day-by-day", "cuts", "gaming-pcs", "games")),
    OPERATOR / "when-it-does-not-work.md",
    DOCS / "integrator" / "health-and-json.md",
)
"""The pages an operator goes through on one machine, each going on where the one before ended."""

TRIED_OUT = (
    DOCS / "integrator" / "pc-sync.md",
    DOCS / "integrator" / "portal.md",
    DOCS / "integrator" / "launcher.md",
    DOCS / "integrator" / "games.md",
    DOCS / "integrator" / "charging-partner.md",
)
"""The pages that somebody goes through who has the project and nothing else."""

_FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


@frozen
class Block:
    """What stands between two fences; `prints` is what the page says that it prints, None if it says nothing."""

    page: Path
    line: int
    info: str
    text: str
    prints: str | None = None

    @property
    def language(self) -> str:
        """The first word behind the fence."""
        return self.info.split(" ", 1)[0]

    @property
    def why_not_run(self) -> str | None:
        """The reason a command is not run; None if it is."""
        marked = re.fullmatch(r"sh not-run: (.+)", self.info)
        return None if marked is None else marked[1]

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    text = page.read_text()
    found = list(_FENCE.finditer(text))
    return [
        Block(
            page=page,
            line=text.count("\n", 0, match.start()) + 1,
            info=match["info"],
            text=match["text"],
            prints=_output(text, match, following),
        )
        for match, following in zip_longest(found, found[1:])
    ]


def _output(text: str, match: re.Match[str], following: re.Match[str] | None) -> str | None:
    """The text block right after this one."""
    if following is None or following["info"] != "text" or text[match.end() : following.start()].strip():
        return None
    return following["text"]


def section(page: Path, heading: str) -> str:
    """What stands under a heading, up to the next one of any level."""
    # Within fences a line that begins with # is no heading.
    plain = _FENCE.sub(lambda match: re.sub(r"[^\n]", "x", match[0]), page.read_text())
    found = re.search(rf"^#+ +{re.escape(heading)}\n(.*?)(?=^#|\Z)", plain, re.MULTILINE | re.DOTALL)
    assert found is not None, f"{page}: no heading {heading!r}"
    return page.read_text()[found.start(1) : found.end(1)]


def blocks_under(page: Path, heading: str) -> list[Block]:
    """The fenced blocks under a heading."""
    text = section(page, heading)
    first = page.read_text()[: page.read_text().index(text)].count("\n") + 1
    return [block for block in blocks(page) if first <= block.line < first + text.count("\n")]


def rows(text: str) -> list[list[str]]:
    """The rows of the tables in a text, cell by cell; a cell that is code is without its backticks."""
    lines = [line for line in text.splitlines() if line.startswith("|") and not set(line) <= set("| -:")]
    return [[cell.strip().strip("`") for cell in line.strip("|").split(" | ")] for line in lines]


def all_blocks(*languages: str) -> list[Block]:
    """Every block of these languages, of every page."""
    return [block for page in PAGES for block in blocks(page) if block.language in languages]


def links(page: Path) -> list[str]:
    """Where the page points to; not what stands in its fences."""
    return _LINK.findall(_FENCE.sub("", page.read_text()))


def anchors(page: Path) -> set[str]:
    """The headings of a page, as a link names them."""
    headings = _HEADING.findall(_FENCE.sub("", page.read_text()))
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def commands(word: str) -> Iterator[tuple[str, str]]:
    """Every line that begins with `word` in fences, or is so written in the text; with the place where it stands."""
    for page in PAGES:
        text = page.read_text()
        for match in _INLINE.finditer(_FENCE.sub("", text)):
            if match[1].startswith(f"{word} "):
                yield str(page.relative_to(ROOT)), match[1]
        for block in blocks(page):
            if block.language == "sh":
                for line in re.findall(rf"(?<![\w/.-]){word} [^\n|)&]*", block.text):
                    yield str(block), line


def matches(printed: str, expected: str) -> bool:
    """Whether `printed` is what a page says; `…` stands for anything, and white space is all one."""
    parts = (re.escape(" ".join(part.split())) for part in expected.split("…"))
    return re.search(".*".join(parts), " ".join(printed.split())) is not None
