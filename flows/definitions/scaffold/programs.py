"""Look up the programs of the account, if the warehouse is available without waiting."""

from typing import TYPE_CHECKING

from compiler import PartnerflowError
from compiler.errors import did_you_mean
from flows.settings import Settings
from flows.warehouse.ids import id_text

if TYPE_CHECKING:
    from flows.warehouse.engine import Connection


def program_types(settings: Settings) -> dict[str, str | None]:
    """Return program types (performance, creator) by id, as published, or before that as loaded.

    Empty without raw tables, or while a run locks the warehouse and nothing has been published.
    """
    return _published_types(settings) or _loaded_types(settings)


def _published_types(settings: Settings) -> dict[str, str | None]:
    from flows.warehouse.published import open_published  # slow to import; `new` without an account does not need it

    try:
        if settings.published.exists():
            with open_published(settings.published) as connection:
                return _types(connection)
    except PartnerflowError:  # the published file of another engine does not have the raw tables
        pass
    return {}


def _loaded_types(settings: Settings) -> dict[str, str | None]:
    from flows.warehouse.connection import open_read_only

    try:
        if settings.warehouse.exists():
            with open_read_only(settings.warehouse) as connection:
                return _types(connection)
    except PartnerflowError:
        pass
    return {}


def _types(connection: "Connection") -> dict[str, str | None]:
    rows = connection.execute("SELECT program_id, program_type FROM raw.programs").fetchall()
    return {program: kind for loaded, kind in rows if (program := id_text(loaded))}


def require_program(settings: Settings, program: str, suits: tuple[str, ...] = ()) -> None:
    """Raise PartnerflowError when the account has no such program, or its type is not in `suits`.

    Without `suits` every type is accepted; nothing is checked when the programs are not known.
    """
    known = program_types(settings)
    if program not in known:  # perhaps loaded since the last publication
        known |= _loaded_types(settings)
    if not known:
        return
    if program not in known:
        hint = did_you_mean(program, known) + f"The programs are {', '.join(sorted(known))}."
        raise PartnerflowError(f"There is no program {program}. {hint}")
    kind = known[program]
    if suits and kind is not None and kind not in suits:
        fitting = sorted(one for one, its in known.items() if its in suits)
        hint = f"Name one of {', '.join(fitting)}, or choose" if fitting else "Choose"
        raise PartnerflowError(
            f"Program {program} is a {kind} program, and the template is for {' and '.join(suits)} programs. "
            f"{hint} another template: `partnerflow templates` lists them."
        )
