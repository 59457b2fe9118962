"""Bytes of text: Base64, hexadecimal, addresses, and identifiers from SHA-256."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Optional

from ._base import of_text

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_BASE64 = re.compile("([A-Za-z0-9+/_-]*)(=*)")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


@of_text
def to_base64(text: str) -> str:
    """The UTF-8 bytes of the text in Base64, with padding."""
    return base64.b64encode(_utf8(text)).decode()


@of_text
def from_base64(text: str) -> Optional[str]:
    """The text whose UTF-8 bytes are in Base64; None where it is no Base64 or no UTF-8."""
    found = _BASE64.fullmatch(text)
    if found is None:
        return None
    letters = found[1].replace("-", "+").replace("_", "/")
    over = len(letters) % 4
    if over == 1 or (found[2] and len(found[2]) != -over % 4):
        return None
    padded = letters + "=" * (-over % 4)
    decoded = base64.b64decode(padded)
    # Bits that are left over have to be 0.
    if base64.b64encode(decoded).decode() != padded:
        return None
    try:
        return decoded.decode()
    except UnicodeDecodeError:
        return None


@of_text
def to_utf8_hex(text: str) -> str:
    """The UTF-8 bytes of the text in hexadecimal, in upper case."""
    return _utf8(text).hex().upper()


@of_text
def percent_encode(text: str) -> str:
    """The text as part of an address: all but `A-Z a-z 0-9 - . _ ~` as %XX of its UTF-8 bytes."""
    return "".join(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in _utf8(text))


@of_text
def stable_hash(text: str, length: Optional[int] = None) -> str:
    """The first digits of the SHA-256 of the text, in lower-case hexadecimal."""
    return hashlib.sha256(_utf8(text)).hexdigest()[: 64 if length is None else max(0, length)]


@of_text
def short_id(text: str, length: Optional[int] = None) -> str:
    """A short identifier of `0-9 a-z`: the last digits of the SHA-256 in base 36."""
    number = int.from_bytes(hashlib.sha256(_utf8(text)).digest(), "big")
    digits = ""
    for _ in range(min(49, 8 if length is None else max(0, length))):
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits


@of_text
def stable_uuid(text: str) -> str:
    """A UUID of version 8 (RFC 9562 §5.8) from the SHA-256."""
    digest = bytearray(hashlib.sha256(_utf8(text)).digest()[:16])
    digest[6] = digest[6] & 15 | 0x80
    digest[8] = digest[8] & 63 | 0x80
    text = digest.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "replace")
