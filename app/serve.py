"""Run the server process: open its socket, handle its signals and end it within seconds."""

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType

import uvicorn

from app.http.guard import is_loopback
from app.http.token_file import effective_token
from app.live.hub import LiveHub
from app.main import create_app
from store.config import Config

EXIT_STOPPED, EXIT_CANNOT_LISTEN, EXIT_REFUSED, EXIT_INTERRUPTED = 0, 1, 2, 130  # exit codes
GRACE_SECONDS = 1  # for requests still running when the server is told to end
SEND_TIMEOUT_MILLISECONDS = 8_000  # after which the kernel drops a connection whose client takes nothing
BACKLOG = 2048
# A computing thread makes others wait this long; with Python's default, 5 ms, small responses are slow.
THREAD_SWITCH_SECONDS = 0.0005


class Server(uvicorn.Server):
    """A server that closes its live streams as soon as it is told to end."""

    def __init__(self, config: uvicorn.Config, live: LiveHub) -> None:
        super().__init__(config)
        self.live = live
        self.interrupted = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Ends within about a second; a further signal changes nothing (uvicorn would raise it again)."""
        self.should_exit = True
        self.interrupted = self.interrupted or sig == signal.SIGINT
        self.live.close()


def serve(config: Config, announce: Callable[[], None] | None = None) -> int:
    """Serves until SIGTERM or Ctrl-C and returns the exit code; ends within 3 s, even with open streams.

    `announce` is called once the socket listens.
    """
    if not effective_token(config) and not is_loopback(config.host):
        print(
            f"Listening on {config.host} opens Lossdeck to the network, which takes a token: "
            "set LOSSDECK_TOKEN.",
            file=sys.stderr,
        )
        return EXIT_REFUSED
    try:
        listener = listen(config.host, config.port)
    except OSError as error:
        print(f"Port {config.port} on {config.host} cannot be opened: {error.strerror}.", file=sys.stderr)
        return EXIT_CANNOT_LISTEN
    with listener:
        if announce is not None:
            announce()
        return _run(config, listener)


def listen(host: str, port: int) -> socket.socket:
    """The listening socket; connections inherit its options."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SEND_TIMEOUT_MILLISECONDS)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _run(config: Config, listener: socket.socket) -> int:
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("lossdeck").setLevel(logging.INFO)
    sys.setswitchinterval(THREAD_SWITCH_SECONDS)
    app = create_app(config)
    server = Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
            proxy_headers=False,
        ),
        app.state.live,
    )
    asyncio.run(server.serve(sockets=[listener]))
    return EXIT_INTERRUPTED if server.interrupted else EXIT_STOPPED
