"""Ports for the servers of tests."""

import random
import socket

# Below what Linux gives to outgoing connections, so that none of them takes the port before its server has it
# or while the server is started again.
RANGE = (10_000, 30_000)


def free_port() -> int:
    """A port of the loopback address that nobody listens on; several processes of tests ask at once."""
    while True:
        port = random.SystemRandom().randrange(*RANGE)  # tests may seed the usual one
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
