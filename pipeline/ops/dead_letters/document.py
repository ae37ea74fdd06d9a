"""Dead letters as JSON."""

import base64

import orjson


def to_json(value: object) -> str:
    """Return one line of JSON. Bytes become text if they are UTF-8, and base64 if not."""
    return orjson.dumps(value, default=_of_bytes).decode()


def _of_bytes(value: object) -> dict[str, str]:
    if not isinstance(value, bytes):
        raise TypeError
    try:
        return {"text": value.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}
