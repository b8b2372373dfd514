"""A small HTTP server on loopback that behaves as well or as badly as a test asks."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAME = "cifar-10-binary.tar.gz"
CONTENT = bytes(range(256)) * 4096  # 1 MiB


@dataclass
class Manners:
    """How the server behaves, and what it was asked."""

    files: dict[str, bytes] = field(default_factory=lambda: {f"/{NAME}": CONTENT})
    ranges: bool = True  # answers Range requests
    wrong_range: bool = False  # ... but with another part
    cut_after: int | None = None  # bytes a connection, then it is closed
    cuts: int = 10**9  # how many connections are cut
    length: bool = True  # sends Content-Length
    status: int = 200
    endless: bool = False
    asked: list[str | None] = field(default_factory=list)  # the Range header of each request


class Handler(BaseHTTPRequestHandler):
    """Answers as `manners` say; a subclass sets them."""

    protocol_version = "HTTP/1.1"
    manners: Manners

    def do_GET(self) -> None:
        manners = self.manners
        manners.asked.append(self.headers.get("Range"))
        self.close_connection = True
        if manners.status != 200 or self.path not in manners.files:
            self.send_error(manners.status if manners.status != 200 else 404)
            return
        start = self.start(manners.files[self.path])
        if start is not None:
            self.send_from(start)

    def start(self, whole: bytes) -> int | None:
        """Answer the Range header; where the body starts, None when there is none."""
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if asked is None or not self.manners.ranges:
            self.send_response(200)
            return 0
        start = int(asked[1])
        if start >= len(whole):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(whole)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return None
        self.send_response(206)
        start = start - 1 if self.manners.wrong_range else start
        self.send_header("Content-Range", f"bytes {start}-{len(whole) - 1}/{len(whole)}")
        return start

    def send_from(self, start: int) -> None:
        manners = self.manners
        body = manners.files[self.path][start:]
        if manners.length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if manners.cut_after is not None and manners.cuts > 0:
            manners.cuts -= 1
            body = body[: manners.cut_after]
        try:
            self.wfile.write(body)
            while manners.endless:
                self.wfile.write(CONTENT)
        except OSError:
            return  # the client has had enough

    def log_message(self, *unused: object) -> None:
        pass


@contextmanager
def serving(manners: Manners) -> Iterator[str]:
    handler = type("Mannered", (Handler,), {"manners": manners})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
