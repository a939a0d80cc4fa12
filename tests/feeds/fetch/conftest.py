"""A server on the loopback that replays recorded answers and faults, and a client that never waits."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import stamina

from feeds.fetch.client import Polite


@dataclass
class Reply:
    """One answer: `cut` breaks the connection after that many bytes; `drip` sends them one by one."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    drip: bool = False
    ranged: bool = False


@dataclass
class Seen:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Replay:
    """Answers by path, in turn; the last one again and again. What was asked is kept in `seen`."""

    def __init__(self, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}"
        self.answers: dict[str, list[Reply]] = {}
        self.seen: list[Seen] = []

    def on(self, path: str, *replies: Reply) -> str:
        self.answers[path] = list(replies)
        return self.base + path

    def reply(self, path: str) -> Reply:
        waiting = self.answers.get(path) or self.answers.get(path.split("?")[0]) or [Reply(status=404)]
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    def paths(self) -> list[str]:
        return [seen.path for seen in self.seen]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    replay: Replay

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        self.replay.seen.append(Seen(self.command, self.path, dict(self.headers), self.rfile.read(length)))
        reply = self.replay.reply(self.path)
        status, body, headers = reply.status, reply.body, dict(reply.headers)
        asked = self.headers.get("Range")
        if reply.ranged and asked and self.headers.get("If-Range") == headers.get("ETag", headers.get("Last-Modified")):
            at = int(asked.removeprefix("bytes=").removesuffix("-"))
            if at >= len(body):
                status, body = 416, b""
            else:
                headers["Content-Range"] = f"bytes {at}-{len(body) - 1}/{len(body)}"
                status, body = 206, body[at:]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if reply.drip:
            for n in range(len(body)):
                self.wfile.write(body[n : n + 1])
                self.wfile.flush()
            return
        self.wfile.write(body if reply.cut is None else body[: reply.cut])
        if reply.cut is not None:
            self.close_connection = True

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Replay]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        replay = Replay(listening.server_address[1])
        listening.RequestHandlerClass = type("Bound", (Handler,), {"replay": replay})
        listening.daemon_threads = True
        listening.handle_error = lambda *_: None  # a client that hangs up is what some tests are about
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield replay
        listening.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _no_backoff() -> Iterator[None]:
    """Retries come at once."""
    with stamina.set_testing(True, attempts=4, cap=True):
        yield


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def polite(tmp_path: Path, waits: list[float]) -> Iterator[Polite]:
    with Polite(tmp_path / "got", "tests a@example.org", 4.0, clock=lambda: 0.0, wait=waits.append) as client:
        yield client
