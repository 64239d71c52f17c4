"""The page itself, as it was built: `index.html`, and `assets/` whose names tell their content."""

from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import Response

from skypact.desk.answers import not_there

_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
    ".wasm": "application/wasm",
}
_FOR_EVER = "public, max-age=31536000, immutable"
_NOT_BUILT = (
    b"<!doctype html><title>Skypact</title><p>The page was not built: run make setup. "
    b"The API is at /api/v1/openapi.json."
)


def static_routes(folder: Path) -> APIRouter:
    """Everything below `folder`, and `/` for its `index.html`."""
    router = APIRouter(include_in_schema=False)
    root = folder.resolve()

    @router.api_route("/", methods=["GET", "HEAD"])
    async def index(request: Request) -> Response:
        if not (root / "index.html").is_file():
            return Response(_NOT_BUILT, media_type="text/html")
        return _answer(request, root, "index.html")

    @router.api_route("/{path:path}", methods=["GET", "HEAD"])
    async def file(request: Request, path: str) -> Response:
        return _answer(request, root, path)

    return router


def _answer(request: Request, root: Path, name: str) -> Response:
    path = (root / name).resolve()
    kind = _KINDS.get(path.suffix)
    if kind is None or "\0" in name or not path.is_relative_to(root) or not path.is_file():
        raise not_there("such page")
    headers = {
        "cache-control": _FOR_EVER if name.startswith("assets/") else "no-cache",
        "vary": "Accept-Encoding",
    }
    packed = path.with_name(path.name + ".gz")
    if "gzip" in request.headers.get("accept-encoding", "") and packed.is_file():
        path, headers["content-encoding"] = packed, "gzip"
    return Response(path.read_bytes(), media_type=kind, headers=headers)
