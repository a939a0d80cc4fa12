"""The polite client: paced, retried with backoff, resumed, verified before anything older is replaced.

A file comes down as `NAME.part`, with the server's validator (ETag or Last-Modified) in `NAME.part.tag` beside it; what
a broken connection left of it is resumed with Range and If-Range. When it is whole and its source's check passes, it is
moved to NAME: a finished file is never half a file, and what was there stays until then. There is no other state.
"""

import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx
import stamina

from feeds.errors import BullbearError, UnreadableFile
from feeds.fetch.source import Fetched

Check = Callable[[Path], None]
"""Raises UnreadableFile where a file is not what its source serves."""

MOST_BYTES = 4 << 30
LONGEST_WAIT = 300.0
"""Seconds: a server that asks for a longer pause is left alone."""

# what is retried is the user's business only when it fails: each file says what became of it
stamina.instrumentation.set_on_retry_hooks(())

SLOWEST, PATIENCE = 100.0, 120.0
"""Bytes a second below which an answer is broken off once it has gone on for so many seconds, to be resumed."""

_BUSY = frozenset({408, 418, 425, 429, 500, 502, 503, 504})
_TIMEOUT = httpx.Timeout(30.0, read=60.0)


class Refused(BullbearError):
    """A server's answer that is no file: its status, and the pause it asks for."""

    def __init__(self, status: int, url: str, pause: float | None = None) -> None:
        super().__init__(f"{url.split('?')[0]}: the server answered {status}")
        self.status, self.pause = status, pause


class Unreachable(BullbearError):
    """A server that does not answer, or breaks off."""


@dataclass(frozen=True)
class Answer:
    """A small answer, whole."""

    status: int
    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True)
class Wanted:
    """One file to have.

    Attributes
    ----------
    name : where it goes, below the folder
    urls : its addresses, the next tried where one says that there is none
    check : what the file must pass
    absent : statuses by which the server says that there is none
    settled : whether the file never changes once it is out; one that may is asked for again, if changed since
    """

    name: str
    urls: tuple[str, ...]
    check: Check
    absent: frozenset[int] = frozenset({404})
    settled: bool = True


@dataclass
class Polite:
    """A paced client for one source. `clock` and `wait` are there for tests."""

    folder: Path
    agent: str
    a_second: float
    clock: Callable[[], float] = time.monotonic
    wait: Callable[[float], None] = time.sleep
    attempts: int = 5
    _next: float = 0.0
    _http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        # identity: a range of a compressed answer is no range of the file
        headers = {"User-Agent": self.agent, "Accept-Encoding": "identity"}
        self._http = httpx.Client(headers=headers, timeout=_TIMEOUT, follow_redirects=True, max_redirects=5)

    def __enter__(self) -> "Polite":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def file(self, wanted: Wanted) -> Fetched:
        """Have a file: present already, fetched now, not published, or failed with the reason."""
        final = self.folder / wanted.name
        if wanted.settled and final.exists():
            return Fetched(wanted.name, "present")
        try:
            for url in wanted.urls:
                if (found := self._had(wanted, url, final)) is not None:
                    return found
        except (BullbearError, httpx.HTTPError, OSError) as error:
            return Fetched(wanted.name, "failed", _line(error))
        return Fetched(wanted.name, "unpublished", "the server has no such file")

    def answer(self, method: str, url: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """A small answer, whole.

        Raises
        ------
        Refused : a status of no success
        Unreachable : no answer at all
        """
        try:
            for attempt in self._retried():
                with attempt, self._asked(method, url, headers or {}, body) as response:
                    if response.status_code >= 400:
                        raise _refusal(response)
                    response.read()
        except httpx.HTTPError as error:
            raise Unreachable(f"{url.split('?')[0]}: {_line(error)}") from None
        return Answer(response.status_code, response.headers, response.content)

    def call(self, ask: Callable[[], Any]) -> Any:
        """What a library's own request answers, paced and retried: whatever it raises may be a passing fault."""
        for attempt in stamina.retry_context(on=Exception, attempts=3, timeout=None, wait_initial=2.0, wait_max=30.0):
            with attempt:
                self.pace()
                answer = ask()
        return answer

    def keep(self, name: str, content: bytes, check: Check) -> Fetched:
        """Write what was put together here: beside its place, checked, then moved."""
        final = self.folder / name
        part = final.with_name(f"{final.name}.part")
        try:
            part.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(content)
            _verified(part, final.name, check)
            os.replace(part, final)
        except (BullbearError, OSError) as error:
            return Fetched(name, "failed", _line(error))
        return Fetched(name, "fetched", f"{len(content):,} bytes")

    def pace(self) -> None:
        """Wait until the next request may go out."""
        now = self.clock()
        if self._next > now:
            self.wait(self._next - now)
        self._next = max(now, self._next) + 1.0 / self.a_second

    def _had(self, wanted: Wanted, url: str, final: Path) -> Fetched | None:
        """The file from one of its addresses; None where that address has none."""
        part = final.with_name(f"{final.name}.part")
        part.parent.mkdir(parents=True, exist_ok=True)
        for attempt in self._retried():
            with attempt:
                status, stamp = self._stream(url, part, final)
        if status in wanted.absent:
            return None
        if status == 304 and final.exists():
            return Fetched(wanted.name, "present", "unchanged")
        if status not in (200, 206):
            raise Refused(status, url)
        _verified(part, final.name, wanted.check)
        size = part.stat().st_size
        os.replace(part, final)
        _tag(part).unlink(missing_ok=True)
        if stamp is not None:
            os.utime(final, (stamp, stamp))
        return Fetched(wanted.name, "fetched", f"{size:,} bytes")

    def _stream(self, url: str, part: Path, final: Path) -> tuple[int, float | None]:
        """One request for a file, from where the last one broke off; its status and the file's own time."""
        headers, held = {}, part.stat().st_size if part.exists() and _tag(part).exists() else 0
        if held:
            headers = {"Range": f"bytes={held}-", "If-Range": _tag(part).read_text()}
        elif final.exists():
            headers = {"If-Modified-Since": _http_date(final.stat().st_mtime)}
        with self._asked("GET", url, headers) as response:
            status = response.status_code
            if status == 416:
                _dropped(part)  # longer than the file: it was another's
                raise httpx.RemoteProtocolError(f"{url}: the server has no such range")
            if status in _BUSY:
                raise _refusal(response)
            if status not in (200, 206):
                return status, None
            if status == 206 and not _to_the_end(response, held):
                _dropped(part)
                raise httpx.RemoteProtocolError(f"{url}: the server answered with another range than asked")
            _noted(part, response)
            self._written(response, part, held if status == 206 else 0)
            return status, _seconds(response.headers.get("Last-Modified"))

    def _written(self, response: httpx.Response, part: Path, held: int) -> None:
        """The answer's bytes onto the part; a body shorter than it was said to be raises and leaves what came."""
        encoded = response.headers.get("Content-Encoding", "identity") != "identity"
        began, before = self.clock(), held
        with part.open("ab" if held else "wb") as stream:
            for block in response.iter_bytes() if encoded else response.iter_raw():
                held += len(block)
                if held > MOST_BYTES:
                    raise UnreadableFile(f"expected a file of at most {MOST_BYTES:,} bytes, found more")
                stream.write(block)
                if (took := self.clock() - began) > PATIENCE and held - before < SLOWEST * took:
                    raise httpx.ReadTimeout(f"the server sent {held - before:,} bytes in {took:.0f} seconds")

    @contextmanager
    def _asked(self, method: str, url: str, headers: Mapping[str, str], body: Any = None) -> Iterator[httpx.Response]:
        """One paced request."""
        self.pace()
        content = None if body is None else json.dumps(body).encode()
        more = {} if body is None else {"Content-Type": "application/json"}
        with self._http.stream(method, url, headers={**more, **headers}, content=content) as response:
            yield response

    def _retried(self) -> "Iterator[Any]":
        return iter(
            stamina.retry_context(
                on=again, attempts=self.attempts, timeout=None, wait_initial=1.0, wait_max=60.0, wait_jitter=1.0
            )
        )


def again(error: Exception) -> bool | float:
    """Whether a request is made again: after the pause that the server asks for, else with growing ones.

    >>> again(Refused(429, "u", 7.0)), again(Refused(503, "u")), again(Refused(403, "u")), again(ValueError())
    (7.0, True, False, False)
    """
    if isinstance(error, Refused):
        if error.pause is not None:
            return error.pause if error.pause <= LONGEST_WAIT else False
        return error.status in _BUSY
    return isinstance(error, httpx.TransportError) and not isinstance(error, httpx.UnsupportedProtocol)


def _refusal(response: httpx.Response) -> Refused:
    """A busy server's answer with the pause it asks for: seconds, or a time that is read against its own clock."""
    asked = response.headers.get("Retry-After", "")
    pause: float | None = None
    if asked.isdecimal():
        pause = float(asked)
    elif (then := _seconds(asked)) is not None and (now := _seconds(response.headers.get("Date"))) is not None:
        pause = max(then - now, 0.0)
    return Refused(response.status_code, str(response.request.url), pause)


def _seconds(text: str | None) -> float | None:
    """An HTTP date as seconds since 1970; None where it is none."""
    try:
        return parsedate_to_datetime(text or "").timestamp()
    except (ValueError, TypeError):
        return None


def _http_date(seconds: float) -> str:
    from email.utils import formatdate

    return formatdate(seconds, usegmt=True)


def _tag(part: Path) -> Path:
    return part.with_name(f"{part.name}.tag")


def _noted(part: Path, response: httpx.Response) -> None:
    """Keep the validator by which the part can be resumed; a weak one cannot vouch for bytes."""
    tag = response.headers.get("ETag", "")
    validator = tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified", "")
    if validator and response.headers.get("Content-Encoding", "identity") == "identity":
        _tag(part).write_text(validator)
    else:
        _tag(part).unlink(missing_ok=True)


def _to_the_end(response: httpx.Response, held: int) -> bool:
    """Whether a partial answer holds all that was not held: a range that ends before the file is not the file."""
    found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", response.headers.get("Content-Range", "").strip())
    return found is not None and int(found[1]) == held and int(found[2]) + 1 == int(found[3])


def _dropped(part: Path) -> None:
    part.unlink(missing_ok=True)
    _tag(part).unlink(missing_ok=True)


def _verified(part: Path, name: str, check: Check) -> None:
    """Pass a whole file, or drop it: what is not the source's file is nothing to resume."""
    try:
        with part.open("rb") as stream:
            head = stream.read(2048)
        if not head:
            raise UnreadableFile("found zero bytes")
        start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
        if start.startswith((b"<!doctype html", b"<html")):
            raise UnreadableFile("found an HTML page")
        check(part)
    except UnreadableFile as error:
        _dropped(part)
        raise UnreadableFile(f"{name}: {str(error).replace(part.name, name)}; kept nothing of it") from None


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
