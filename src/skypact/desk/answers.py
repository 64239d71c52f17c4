"""Answers of the API: JSON as it is, and the faults that each way may have."""

from typing import Any

import msgspec
from fastapi import HTTPException
from starlette.responses import Response

from skypact.desk import documents as d

_ENCODE = msgspec.json.Encoder().encode

JSON = "application/json"
_WHY = {
    400: "not understood",
    401: "nobody is logged in",
    403: "not let",
    404: "there is none",
    409: "changed meanwhile",
    413: "too long",
    415: "not JSON",
    421: "another name was asked for",
    422: "something in it cannot be",
    429: "too often",
    503: "the node does not answer",
}


def faults(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For OpenAPI: the ways in which a request may fail."""
    always = (401, 403, 421, 422, 429, 503)
    return {n: {"model": d.Fault, "description": _WHY[n]} for n in sorted({*always, *statuses})}


def json(document: Any, status: int = 200) -> Response:
    """A document."""
    return Response(_ENCODE(document), status, media_type=JSON)


def not_there(what: str) -> HTTPException:
    """404."""
    return HTTPException(404, f"there is no {what}")
