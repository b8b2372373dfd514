"""Owns the token file: the secret in LOSSDECK_HOME that opens the server when LOSSDECK_TOKEN is not set.

Which token counts: LOSSDECK_TOKEN if it is set and not empty, else the file `token` in LOSSDECK_HOME
if there is one, else none: then it serves loopback only. (It checks no request; app.http.guard does.)
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
    """Where the token of this home is kept."""
    return home / "token"


def read(home: Path) -> str | None:
    """The kept token; None when there is none."""
    try:
        return path(home).read_text(encoding="ascii").strip() or None
    except FileNotFoundError:
        return None


def ensure(home: Path) -> str:
    """The kept token, made now if there is none; two processes that make one at once get the same."""
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
    """A new token in place of the kept one, whose holders are locked out at the server's next start."""
    path(home).unlink(missing_ok=True)
    return ensure(home)


def remove(home: Path) -> bool:
    """Removes the kept token; says whether there was one."""
    existed = path(home).exists()
    path(home).unlink(missing_ok=True)
    return existed


def effective_token(config: "Config") -> str | None:
    """The token that counts for this config."""
    return config.token or read(config.home)
