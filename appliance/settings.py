"""Every knob, composed once. Sections are declared beside the code that uses them; only bootstrap reads this.

Order of precedence: environment (APPLIANCE_SECTION__NAME, or …_FILE for a secret in a file), then appliance.toml,
then the defaults. An unknown key is an error that names the nearest right one.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from appliance.errors import StartupError
from appliance.fairness.accounting.pricing import ElectricityPrices, ModelPrices, Prices
from appliance.fairness.breakers.settings import BreakerSettings
from appliance.fairness.budgets.settings import BudgetSettings
from appliance.fairness.ladder.settings import LadderSettings
from appliance.fairness.leaving.settings import LeavingSettings
from appliance.fairness.settings import GateSettings
from appliance.services.settings import (
    AccountSettings,
    InsightsSettings,
    KnowledgeSettings,
    PipelineSettings,
    ResponseSettings,
)
from appliance.services.single_sign_on.settings import IdentitySettings
from appliance.services.tools.settings import ToolSettings
from appliance.storage.settings import BackupSettings, DatabaseSettings, ValkeySettings
from appliance.telemetry import LoggingSettings, TracingSettings
from inference.egress.settings import EgressSettings
from inference.failover.settings import FailoverSettings
from inference.getting.settings import HubSettings
from inference.keeping.settings import KeepingSettings
from inference.settings import EmbeddingSettings
from inference.speech.settings import SpeechSettings
from inference.watchdog.settings import WatchdogSettings
from querying.settings import DataSettings
from rag.settings import ChunkingSettings, ParsingSettings, RetrievalSettings

ENVIRONMENT_PREFIX = "APPLIANCE_"


class ServerSettings(BaseModel):
    """The one public port, and how browsers may reach it."""

    model_config = ConfigDict(extra="forbid")

    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 for the whole network.")
    port: int = Field(8080, ge=0, le=65535, description="The one public port; 0 chooses a free one.")
    workers: int = Field(1, ge=1, le=64, description="Gateway processes that share the port.")
    public_url: str = Field("", description="Address people type, when a proxy with TLS stands in front.")
    allow_plain_http: bool = Field(
        False,
        description="Allow sign-in over plain HTTP on an address other than loopback; warns on every start.",
    )
    trusted_proxies: list[str] = Field(
        default_factory=list, description="Networks whose X-Forwarded-* headers count, such as 172.18.0.0/16."
    )
    drain_s: float = Field(
        20.0,
        ge=0,
        description="What is being answered when the box stops has so long to end; a second Ctrl-C takes the rest.",
    )
    slow_reader_s: float = Field(
        30.0,
        gt=0,
        description="A client that takes less than 16 KiB of what waits for it in this time is cut off.",
    )
    run_page: bool = Field(True, description="Start the page; false for an API-only box.")
    metrics_key: SecretStr = Field(
        SecretStr(""), description="Key for Prometheus that opens /metrics and nothing else; empty: none."
    )

    @field_validator("public_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: list[str]) -> list[str]:
        for network in value:
            try:
                ipaddress.ip_network(network, strict=False)
            except ValueError as error:
                raise ValueError(f"{error}; write a network such as 172.18.0.0/16") from error
        return value


class ModelSettings(KeepingSettings, LadderSettings, HubSettings):
    """Names under which models are offered, what they cost, where they come from and how they are kept here."""

    aliases: dict[str, str] = Field(
        default_factory=dict, description='Other names for models: "gpt-4o-mini" = "llama-3.1-8b".'
    )
    default: str = Field(
        "", description="Chat model the page and the answers use; empty: the first one served."
    )
    currency: str = Field(
        "EUR", pattern="^[A-Z]{3}$", description="Of all prices, as ISO 4217 names it, such as EUR or USD."
    )
    prices: dict[str, ModelPrices] = Field(
        default_factory=dict,
        description="What a million tokens cost, by model, alias or MODEL@ENGINE: "
        '"llama-3.1-8b" = {input = 0.20, cached_input = 0.05, output = 0.60}; an hour of sound: '
        '"whisper" = {per_audio_hour = 0.36}; an hour of own hardware: {per_hour = 1.10}, or 0. A list of '
        "such tables with `from` holds a price for each time: [{input = 1, output = 2}, "
        "{from = 2027-01-01, input = 0.8, output = 1.6}]. Empty: nothing is said of costs.",
    )
    us_dollar: float = Field(
        1.0,
        gt=0,
        allow_inf_nan=False,
        description="What one US dollar costs in `currency`, for the published prices of cloud models; at 1 a dollar "
        "counts as one of yours. Your own prices are taken as they are.",
    )
    prices_time_zone: str = Field(
        "UTC",
        description="In which the days of prices and the days and months of budgets begin, such as Europe/Madrid.",
    )
    electricity_per_kwh: ElectricityPrices = Field(
        default_factory=list,
        description="What a kilowatt hour costs, where the GPUs tell their energy: 0.22, or "
        "[{per_kwh = 0.22}, {from = 2027-01-01, per_kwh = 0.24}]. Empty: energy has no price.",
    )

    @property
    def all_prices(self) -> Prices:
        """As the gate takes them."""
        zone = ZoneInfo(self.prices_time_zone)
        return Prices(self.prices, self.currency, self.aliases, self.electricity_per_kwh, zone)

    @field_validator("prices_time_zone")
    @classmethod
    def _is_a_time_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("must be the name of a time zone, such as Europe/Madrid") from None
        return value

    @model_validator(mode="after")
    def _prices_have_days_of_their_own(self) -> Self:
        Prices(self.prices, electricity=self.electricity_per_kwh)
        return self


class Settings(BaseModel):
    """All of appliance.toml."""

    model_config = ConfigDict(extra="forbid")

    server: ServerSettings = Field(default_factory=ServerSettings)
    database: DatabaseSettings = Field(default_factory=DatabaseSettings)
    valkey: ValkeySettings = Field(default_factory=ValkeySettings)
    engines: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="One section per engine; validated by that engine's own settings."
    )
    models: ModelSettings = Field(default_factory=ModelSettings)
    egress: EgressSettings = Field(default_factory=EgressSettings)
    tools: ToolSettings = Field(default_factory=ToolSettings)
    gate: GateSettings = Field(default_factory=GateSettings)
    budgets: BudgetSettings = Field(default_factory=BudgetSettings)
    leaving: LeavingSettings = Field(default_factory=LeavingSettings)
    failover: FailoverSettings = Field(default_factory=FailoverSettings)
    breaker: BreakerSettings = Field(default_factory=BreakerSettings)
    embedding: EmbeddingSettings = Field(default_factory=EmbeddingSettings)
    speech: SpeechSettings = Field(default_factory=SpeechSettings)
    parsing: ParsingSettings = Field(default_factory=ParsingSettings)
    data: DataSettings = Field(default_factory=DataSettings)
    chunking: ChunkingSettings = Field(default_factory=ChunkingSettings)
    retrieval: RetrievalSettings = Field(default_factory=RetrievalSettings)
    accounts: AccountSettings = Field(default_factory=AccountSettings)
    identity: IdentitySettings = Field(default_factory=IdentitySettings)
    knowledge: KnowledgeSettings = Field(default_factory=KnowledgeSettings)
    responses: ResponseSettings = Field(default_factory=ResponseSettings)
    pipelines: PipelineSettings = Field(default_factory=PipelineSettings)
    insights: InsightsSettings = Field(default_factory=InsightsSettings)
    backup: BackupSettings = Field(default_factory=BackupSettings)
    watchdog: WatchdogSettings = Field(default_factory=WatchdogSettings)
    logging: LoggingSettings = Field(default_factory=LoggingSettings)
    tracing: TracingSettings = Field(default_factory=TracingSettings)


def load_settings(path: Path | None, environment: Mapping[str, str] | None = None) -> Settings:
    """Read appliance.toml (None or absent: defaults) and the environment. Raises StartupError naming key and remedy."""
    values: dict[str, Any] = {}
    if path is not None and path.exists():
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise StartupError(f"{path} is not valid TOML: {error}. Correct that line.") from error
    for name, value in (os.environ if environment is None else environment).items():
        if name.startswith(ENVIRONMENT_PREFIX) and "__" in name:
            _set_from_environment(values, name, value)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        source = str(path) if path else "the environment"
        raise StartupError(f"In {source}: {_explain(error)}") from error


def _set_from_environment(values: dict[str, Any], name: str, value: str) -> None:
    keys = [key.lower() for key in name.removeprefix(ENVIRONMENT_PREFIX).split("__")]
    if keys[-1].endswith("_file") and keys[0] != "engines":
        try:
            value = Path(value).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise StartupError(f"{name} names a file that cannot be read: {error}.") from error
        keys[-1] = keys[-1].removesuffix("_file")
    target = values
    for key in keys[:-1]:
        target = target.setdefault(key, {})
        if not isinstance(target, dict):
            raise StartupError(f"{name} does not fit: {key!r} is a value, not a section.")
    try:
        target[keys[-1]] = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        target[keys[-1]] = value


def _explain(error: ValidationError) -> str:
    sentences = []
    for problem in error.errors():
        where = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            nearest = difflib.get_close_matches(
                str(problem["loc"][-1]), _known_keys(problem["loc"][:-1]), n=1, cutoff=0.5
            )
            hint = f" Did you mean {nearest[0]!r}?" if nearest else " Remove it."
            sentences.append(f"{where!r} is not a setting.{hint}")
        else:
            sentences.append(f"{where!r}: {problem['msg'].removeprefix('Value error, ')}.")
    return " ".join(sentences)


def _known_keys(location: tuple[int | str, ...]) -> list[str]:
    model: type[BaseModel] = Settings
    for part in location:
        annotation = model.model_fields[str(part)].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return []
        model = annotation
    return list(model.model_fields)
