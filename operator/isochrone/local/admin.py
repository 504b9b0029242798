"""What a gateway says on its admin port, asked once for each question."""

import asyncio


async def get(host: str, port: int, path: str, token: str = "") -> tuple[int, bytes]:
    """The status and body of a GET; 0 for what is no answer. Raises OSError."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        key = f"Authorization: Bearer {token}\r\n" if token else ""
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{key}Connection: close\r\n\r\n".encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    finally:
        writer.close()
    parts = head.split(maxsplit=2)
    return (int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else 0), body
