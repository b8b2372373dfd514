"""The program's options, read from the environment or given on the command line."""

import os
import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

# Nothing that could end the directive of a policy it is put into, and no wildcard.
_ORIGIN = re.compile(r"https?://[a-z0-9.\-]+(:\d{1,5})?|https?://\[[0-9a-f:]+\](:\d{1,5})?", re.IGNORECASE)


class Config(BaseSettings):
    """Options of the server, the workers and the command line, as LOSSDECK_<NAME>."""

    model_config = SettingsConfigDict(
        env_prefix="LOSSDECK_", env_ignore_empty=True, frozen=True, extra="forbid", populate_by_name=True
    )

    home: Path = Path("var")  # everything Lossdeck writes
    data: Path | None = None  # folder searched first for data sets
    database_url: str | None = Field(
        default=None, validation_alias="DATABASE_URL"
    )  # SQLite in `home` if None
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    workers: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=0, le=1024)
    token: str | None = None
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ()  # besides localhost: "a.example,b.example"
    engine: Literal["local"] = "local"  # where trials run; so far only on this machine
    webhook: str | None = None  # receives a POST when a sweep ends or mostly diverges
    embed_origins: Annotated[tuple[str, ...], NoDecode] = ()  # whose pages may frame /embed/...

    @field_validator("webhook")
    @classmethod
    def _check_address(cls, value: str | None) -> str | None:
        if value is not None and (
            urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).netloc
        ):
            raise ValueError("must be an address such as https://example.org/hook")
        return value

    @field_validator("embed_origins")
    @classmethod
    def _check_origins(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            if _ORIGIN.fullmatch(value) is None:
                raise ValueError(f"must be origins such as https://wiki.example:8443, and {value!r} is none")
        return values

    @field_validator("allowed_hosts", "embed_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value

    @property
    def url(self) -> str:
        """The database's URL, by default an SQLite file in `home`."""
        return self.database_url or f"sqlite:///{(self.home / 'lossdeck.db').absolute()}"
