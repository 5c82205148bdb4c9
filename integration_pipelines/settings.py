"""Settings: environment first (`INTEGRATION_PIPELINES_…`, in capitals or not), then `.env`; read once by the composition root and passed down.

No secret has a default. Where everything lives is derived from one directory, the home: the checkout that holds `dagster.yaml`.
"""

import json
import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from integration_pipelines.errors import ConfigError

PREFIX = "INTEGRATION_PIPELINES_"
_BESIDE_DUCKDB = 1024  # MiB


def find_home(start: Path) -> Path:
    """The home: `INTEGRATION_PIPELINES_HOME`, else `DAGSTER_HOME`, else the nearest folder above with a `dagster.yaml`, else `start`."""
    named = os.environ.get(f"{PREFIX}HOME") or os.environ.get("DAGSTER_HOME")
    if named:
        return Path(named).resolve()
    for folder in (start, *start.parents):
        if (folder / "dagster.yaml").is_file():
            return folder.resolve()
    checkout = Path(__file__).resolve().parent.parent
    return checkout if (checkout / "dagster.yaml").is_file() else start.resolve()


class Settings(BaseModel):
    """What may be configured; every path is absolute after `load_settings`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    home: Path
    database_url: str = ""  # default: SQLite under data/store
    database_admin_url: SecretStr | None = None  # PostgreSQL: a role that may create tables
    lake_url: str = ""  # default: data/lake
    landing_dir: str = ""  # default: data/landing
    public_url: str = "http://127.0.0.1:8800"  # how partners reach the receiver; HubSpot signs it
    metrics_token: SecretStr | None = None  # opens the receiver's /metrics to other machines
    master_key: SecretStr | None = None  # 32 bytes, base64
    master_key_file: str = ""  # default: data/store/master.key; used when no key is in the environment
    old_master_keys: dict[str, SecretStr] = Field(
        default_factory=dict
    )  # key id → key, for opening what was sealed before a rotation
    master_key_id: str = "k1"
    memory_mib: int = Field(
        default=3072, ge=1280
    )  # what a run may hold, whatever the size of its tenants; the rest is spilled to disk
    duckdb_memory: str = ""  # default: what `memory_mib` leaves beside the process itself
    duckdb_threads: int = Field(default=2, ge=1)
    log_level: str = "INFO"
    dagster_url: str = "http://127.0.0.1:3000"  # where people reach Dagster's UI; alerts link there
    launch_url: str = ""  # where the receiver reaches Dagster's webserver; default: dagster_url
    alert_slack_webhook_url: SecretStr | None = None
    alert_slack_token: SecretStr | None = None  # instead of a webhook: a bot's token, with a channel
    alert_slack_channel: str = ""
    alert_smtp_host: str = ""
    alert_smtp_port: int = Field(default=587, ge=1, le=65535)
    alert_smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    alert_smtp_user: str = ""
    alert_smtp_password: SecretStr | None = None
    alert_email_from: str = ""
    alert_email_to: str = ""  # addresses, separated by commas
    alert_webhook_url: SecretStr | None = None
    alert_webhook_secret: SecretStr | None = None  # whsec_…
    alert_pagerduty_key: SecretStr | None = None  # the integration key of a service, Events API v2
    alert_pagerduty_url: str = "https://events.pagerduty.com/v2/enqueue"
    alert_group_above: int = Field(default=5, ge=1)  # more tenants with the same trouble than this are told of as one
    alert_remind_hours: int = Field(default=24, ge=1)

    @property
    def data(self) -> Path:
        """Everything that is written at run time."""
        return self.home / "data"

    @property
    def duckdb_limit(self) -> str:
        """What DuckDB may hold: all but the process with its libraries and the rows that are on their way in or out."""
        return self.duckdb_memory or f"{self.memory_mib - _BESIDE_DUCKDB}MiB"

    @property
    def key_file(self) -> Path:
        """Where a master key is kept when the environment has none."""
        return Path(self.master_key_file) if self.master_key_file else self.data / "store" / "master.key"

    @property
    def store_url(self) -> str:
        """SQLAlchemy URL of the store."""
        return self.database_url or f"sqlite:///{self.data / 'store' / 'integration_pipelines.db'}"

    @property
    def lake(self) -> str:
        """Root of the lake: a path or an fsspec URL."""
        return self.lake_url or str(self.data / "lake")

    @property
    def landing(self) -> Path:
        """Root of the landing zone."""
        return Path(self.landing_dir) if self.landing_dir else self.data / "landing"

    def master_keys(self) -> tuple[dict[str, str], str]:
        """All master keys by id, as base64 text, and the id of the current one.

        Raises:
            ConfigError: there is no key anywhere.
        """
        keys = {name: key.get_secret_value() for name, key in self.old_master_keys.items()}
        if self.master_key is not None:
            return keys | {self.master_key_id: self.master_key.get_secret_value()}, self.master_key_id
        if self.key_file.is_file():
            return keys | {self.master_key_id: self.key_file.read_text(encoding="ascii").strip()}, self.master_key_id
        raise ConfigError(
            "There is no master key, so tokens can be neither stored nor read.",
            remedy=f"Set {PREFIX}MASTER_KEY (32 bytes, base64), or run `integration-pipelines doctor --create-key`.",
        )


def load_settings(home: Path | None = None) -> Settings:
    """Read the environment once.

    Raises:
        ConfigError: a variable is not what it should be.
    """
    folder = (home or find_home(Path.cwd())).resolve()
    places = [_said(_of_file(folder / ".env")), _said(os.environ)]
    found: dict[str, Any] = {name: value for place in places for name, value in place.items()}
    found["old_master_keys"] = {
        key: value for place in places for key, value in _mapping(place.get("old_master_keys", "{}")).items()
    }
    try:
        return Settings(**found | {"home": folder})
    except ValidationError as error:  # values stay out of the message: some are secrets
        wrong = "; ".join(f"{PREFIX}{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors(include_input=False))
        raise ConfigError(f"A setting is not readable. {wrong}.", remedy="Correct the environment variable or .env.") from None


def _said(variables: Mapping[str, str | None]) -> dict[str, str]:
    """Those variables that are settings, by the setting's name; others may stand beside them."""
    named = ((variable.upper().removeprefix(PREFIX).lower(), variable, value) for variable, value in variables.items())
    return {
        name: value
        for name, variable, value in named
        if value is not None and name in Settings.model_fields and variable.upper().startswith(PREFIX)
    }


def _of_file(path: Path) -> Mapping[str, str | None]:
    if not (path.is_file() or path.is_fifo()):  # some keep secrets behind a pipe
        return {}
    values: Mapping[str, str | None] = import_module("dotenv").dotenv_values(path, encoding="utf-8")  # most have no such file
    return values


def _mapping(text: str) -> dict[str, Any]:
    try:
        keys = json.loads(text) or {}
    except ValueError:
        keys = None
    if not isinstance(keys, dict):
        raise ConfigError(f"{PREFIX}OLD_MASTER_KEYS is not JSON.", remedy='Write {"key id": "key"}.')
    return keys
