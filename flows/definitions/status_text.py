"""Change `status:` in the text of a definition, and nothing else: comments, layout and line ends stay."""

import re

from compiler import DefinitionError, PartnerflowError, Source, read_yaml

DEFAULT = "draft"
"""The status of a definition without the key."""


def with_status(path: str, text: str, status: str) -> str:
    """Return the text of a definition with another status.

    >>> print(with_status("w.yml", 'name: W  # ours\\nstatus: "draft"\\nsegment: s\\n', "active"), end="")
    name: W  # ours
    status: "active"
    segment: s

    Without the key, it is added before `segment:`. Raises PartnerflowError if the file is written in a way that cannot
    be changed so, such as with `status` as a block.
    """
    source = read_yaml(path, text)
    if source.value.get("status", DEFAULT) == status:
        return text
    changed = _replaced(source, status) if "status" in source.value else _added(text, status)
    if not _differs_in_status_only(path, source, changed, status):
        raise PartnerflowError(f"The status in {path} cannot be changed here. Write `status: {status}` in it.")
    return changed


def _replaced(source: Source, status: str) -> str:
    line, column = source.marks["status",]
    column += line == 1 and source.text.startswith("\ufeff")  # YAML does not count a byte order mark
    lines = source.text.splitlines(keepends=True)
    before, rest = lines[line - 1][: column - 1], lines[line - 1][column - 1 :]
    lines[line - 1] = before + status + rest.removeprefix(str(source.value["status"]))
    return "".join(lines)


def _added(text: str, status: str) -> str:
    line_end = "\r\n" if "\r\n" in text else "\n"
    return re.sub(r"^(?=segment[ \t]*:)", f"status: {status}{line_end}", text, count=1, flags=re.MULTILINE)


def _differs_in_status_only(path: str, source: Source, changed: str, status: str) -> bool:
    try:
        return bool(read_yaml(path, changed).value == {**source.value, "status": status})
    except DefinitionError:
        return False
