"""What a good file looks like: the checks that sources share. Each raises UnreadableFile with what was found."""

import json
import zipfile
from pathlib import Path
from typing import Any

from feeds.errors import UnreadableFile
from feeds.feed import UNREADABLE_ZIP


def zip_with(path: Path, *members: str) -> None:
    """A zip that is whole and has the members."""
    try:
        with zipfile.ZipFile(path) as archive:
            missing = [name for name in members if name not in archive.namelist()]
            broken = archive.testzip()
    except UNREADABLE_ZIP as error:
        raise UnreadableFile(f"expected a whole zip, found: {error}") from None
    if missing or broken:
        raise UnreadableFile(f"expected a zip with {', '.join(members)}, found {broken or ', '.join(missing)} missing")


def first_line(path: Path, *names: str, delimiter: str = ",") -> None:
    """A header with the names."""
    with path.open("rb") as stream:
        line = stream.readline(65_536).decode("utf-8-sig", "replace").strip()
    found = [part.strip() for part in line.split(delimiter)]
    if [name for name in names if name not in found]:
        raise UnreadableFile(f"expected a header with {', '.join(names)}, found {line[:100]!r}")


def contains(path: Path, *words: str, within: int = 65_536) -> None:
    """The words, in whatever case, among the first bytes."""
    with path.open("rb") as stream:
        head = stream.read(within).decode("utf-8", "replace")
    missing = [word for word in words if word.lower() not in head.lower()]
    if missing:
        raise UnreadableFile(f"expected {', '.join(missing)}, found {' '.join(head.split())[:100]!r}")


def last_line(path: Path) -> str:
    """The last line that is not blank: how a file ends tells whether the server sent it to its end."""
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - 65_536))
        lines = stream.read().decode("utf-8", "replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def json_of(path: Path) -> Any:
    """A JSON document."""
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise UnreadableFile(f"expected JSON, found: {error}") from None
