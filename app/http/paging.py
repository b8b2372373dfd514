"""Pages of a list: the `Link` header with the addresses of the other pages (RFC 8288)."""

from collections.abc import Sequence
from typing import Annotated, TypeVar

from fastapi import Depends, Request, Response

Item = TypeVar("Item")


class PageLinks:
    """Adds the links to the response of the request at hand."""

    def __init__(self, request: Request, response: Response) -> None:
        self._url, self._response = request.url, response

    def add(self, limit: int, offset: int, total: int) -> None:
        """The first, previous, next and last page, as far as there are any, of a list of `total`."""
        starts = {"first": 0, "last": (max(total, 1) - 1) // limit * limit}
        if offset > 0:
            starts["prev"] = max(min(offset, total) - limit, 0)
        if offset + limit < total:
            starts["next"] = offset + limit
        links = (f'<{self._address(limit, start)}>; rel="{name}"' for name, start in starts.items())
        self._response.headers["link"] = ", ".join(links)

    def cut(self, items: Sequence[Item], limit: int, offset: int) -> Sequence[Item]:
        """The page of a list that is complete, with its links added."""
        self.add(limit, offset, len(items))
        return items[offset : offset + limit]

    def _address(self, limit: int, offset: int) -> str:
        """Relative, for behind a proxy the server does not know its own address."""
        url = self._url.include_query_params(limit=limit, offset=offset)
        return f"{url.path}?{url.query}"


Pages = Annotated[PageLinks, Depends()]
