"""`programs.yml`: what the emails of a program show and no loader knows.

"1000":
  postal_address: 12 Harbor Street, Portland, ME 04101, USA
"""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from compiler import DefinitionError, read_yaml
from compiler.errors import did_you_mean

FILE = "programs.yml"
"""Its name in a workflows folder."""

_HINT = 'Write `"1000": {postal_address: "12 Harbor Street, Portland, ME 04101, USA"}` for each program.'


class ProgramSettings(BaseModel):
    """The settings of one program."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
    postal_address: Annotated[str, StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=300)]
    """Where the sender can be written to by post. Commercial emails must show it (CAN-SPAM Act, 16 CFR 316)."""


def read_program_settings(path: str, text: str) -> Mapping[str, ProgramSettings]:
    """Return the settings by program id. Raises DefinitionError with every problem of the file."""
    source = read_yaml(path, text)
    if not isinstance(source.value, dict):
        raise DefinitionError([source.problem((), "programs", "This is not a mapping of programs.", _HINT)])
    programs, problems = {}, []
    for key, value in source.value.items():
        try:
            programs[key] = ProgramSettings.model_validate(value)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                name = ".".join(map(str, detail["loc"])) or "the program"
                hint = did_you_mean(name, ProgramSettings.model_fields) + _HINT
                message = f"{name} of program {key} is not valid: {detail['msg'].lower()}."
                problems.append(source.problem((key, *detail["loc"]), "programs", message, hint))
    if problems:
        raise DefinitionError(problems)
    return programs
