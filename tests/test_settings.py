"""Settings come from keywords, environment variables and partnerflow.toml, in this order."""

from pathlib import Path

import pytest

from compiler import PartnerflowError
from flows.settings import Settings, read_settings


@pytest.mark.parametrize(
    ("keyword", "variable", "key", "expected"),
    [
        ("/keyword", "/variable", "/file", "/keyword"),
        (None, "/variable", "/file", "/variable"),
        (None, None, "/file", "/file"),
        ("/keyword", None, None, "/keyword"),
        (None, "/variable", None, "/variable"),
    ],
)
def test_state_dir_takes_keyword_then_variable_then_file(
    keyword: str | None,
    variable: str | None,
    key: str | None,
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """PARTNERFLOW_VAR sets `state_dir`; a keyword wins over it, and it wins over the file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PARTNERFLOW_VAR", raising=False)
    if variable:
        monkeypatch.setenv("PARTNERFLOW_VAR", variable)
    if key:
        Path("partnerflow.toml").write_text(f'state_dir = "{key}"')
    settings = Settings(state_dir=Path(keyword)) if keyword else Settings()
    assert settings.state_dir == Path(expected)


def test_unknown_time_zone_is_refused(monkeypatch: pytest.MonkeyPatch):
    """The error names the setting and the value."""
    monkeypatch.setenv("PARTNERFLOW_TIMEZONE", "Asia/Calcuta")
    with pytest.raises(PartnerflowError, match="timezone: 'Asia/Calcuta' is not a valid IANA time zone, such as"):
        read_settings()
