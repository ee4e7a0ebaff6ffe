"""The recipients of a delivery status notification (RFC 3464), also of an internationalized one (RFC 6533)."""

import re
from collections.abc import Iterable, Iterator
from email import message_from_string
from email.message import Message
from typing import Any

_TYPES = {"message/delivery-status", "message/global-delivery-status"}
_WORD = re.compile(r"[a-z]+")
_COMMENT = re.compile(r"\([^()]*\)")
_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_REPLY = re.compile(r"\b([245])\d\d\b")
_ACTIONS = {"failed", "delayed", "delivered", "relayed", "expanded"}
_ACTION_OF_CLASS: dict[str, str] = {"5": "failed", "4": "delayed", "2": "delivered"}


def reported_recipients(parts: Iterable[Message]) -> list[dict[str, Any]]:
    """Return one object per recipient that the parts report on: email, action, status and diagnostic_code.

    `action` is one of RFC 3464; without a valid one, that which the class of the status or of the reply means, or else
    None. `email` is None if the report names no address.
    """
    found = [group for part in parts if part.get_content_type() in _TYPES for group in _groups(part)]
    return [_recipient(group) for group in found if _is_of_recipient(group)]


def _groups(part: Message) -> Iterator[Message]:
    """Yield the groups of fields, which blank lines separate.

    Python's parser separates those of message/delivery-status only; of other types it leaves the rest as text.
    """
    payload = part.get_payload()
    for group in payload if isinstance(payload, list) else []:
        if isinstance(group, Message):
            yield group
            rest = group.get_payload()
            for text in re.split(r"\r?\n[ \t]*\r?\n", rest) if isinstance(rest, str) else []:
                yield message_from_string(text.lstrip())


def _is_of_recipient(group: Message) -> bool:
    return any(group.get(name) for name in ("Final-Recipient", "Original-Recipient", "Action", "Status"))


def _recipient(group: Message) -> dict[str, Any]:
    diagnostic = " ".join(_text(group, "Diagnostic-Code").split())[:500]
    status = _STATUS.search(_text(group, "Status")) or _STATUS.search(diagnostic)
    return {
        "email": _address(_text(group, "Original-Recipient")) or _address(_text(group, "Final-Recipient")),
        "action": _action(_text(group, "Action"), status.group(1) if status else diagnostic),
        "status": status.group(1) if status else None,
        "diagnostic_code": diagnostic or None,
    }


def _action(text: str, code: str) -> str | None:
    """Return the action; without a valid one, that of the class of a status, or of the first reply in a text."""
    word = _WORD.search(_COMMENT.sub(" ", text.lower()))
    if word and word.group() in _ACTIONS:
        return word.group()
    found = _STATUS.match(code) or _REPLY.search(code)
    return _ACTION_OF_CLASS.get(found.group()[0]) if found else None


def _address(text: str) -> str | None:
    """Return the address in a field such as `rfc822; <ann@x.example>`."""
    return text.rpartition(";")[2].strip(" \t\r\n<>") or None


def _text(group: Message, name: str) -> str:
    return str(group.get(name, ""))
