"""Middleware that answers HEAD wherever GET is answered: same headers, no body (RFC 9110, 9.3.2)."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

STREAM_PATH = "/api/stream"  # its GET never ends, so its HEAD would not either


class HeadRequests:
    """Probes such as `wget --spider` and `curl -I` send HEAD."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD" or scope["path"] == STREAM_PATH:
            return await self.app(scope, receive, send)

        async def send_without_body(message: Message) -> None:
            if message["type"] != "http.response.body":
                await send(message)
            elif not message.get("more_body", False):
                await send({**message, "body": b""})

        return await self.app({**scope, "method": "GET"}, receive, send_without_body)
