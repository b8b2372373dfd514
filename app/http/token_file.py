"""Read and write the token file: the secret in LOSSDECK_HOME that a client needs.

The token in effect is LOSSDECK_TOKEN if it is set and not empty, else that of the file `token` in
LOSSDECK_HOME, else none: then the server listens on loopback only. app.http.guard checks the requests.
"""

import contextlib
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from store.config import Config

TOKEN_BYTES = 32  # 256 bits of randomness


def path(home: Path) -> Path:
    """The path of the token file."""
    return home / "token"


def read(home: Path) -> str | None:
    """The token in the file; None when there is none."""
    try:
        return path(home).read_text(encoding="ascii").strip() or None
    except FileNotFoundError:
        return None


def ensure(home: Path) -> str:
    """The token in the file, created if there is none; two processes that create it at once get the same."""
    home.mkdir(parents=True, exist_ok=True)
    draft = home / f".token-{secrets.token_hex(8)}"
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(TOKEN_BYTES) + "\n")
    with contextlib.suppress(FileExistsError):
        os.link(draft, path(home))  # unlike rename, keeps the one that is there
    draft.unlink()
    return read(home) or replace(home)


def replace(home: Path) -> str:
    """Replaces the token; holders of the old one are locked out when the server starts next."""
    path(home).unlink(missing_ok=True)
    return ensure(home)


def remove(home: Path) -> bool:
    """Removes the token file; whether there was one."""
    existed = path(home).exists()
    path(home).unlink(missing_ok=True)
    return existed


def effective_token(config: "Config") -> str | None:
    """The token in effect: that of the config, else that of the file."""
    return config.token or read(config.home)
