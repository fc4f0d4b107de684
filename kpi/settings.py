"""Every setting of the program, in one table: name, default, unit, help.

A value comes from the environment, else from ``settings.toml`` in ``KPI_HOME``, else from the table.
"""

import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from kpi.errors import SettingError, UnknownName
from kpi.i18n import Language

ROOT = Path(__file__).resolve().parent.parent


def _path(text: str) -> Path:
    return Path(text).expanduser().resolve()


# The names of the time zones; a walk through hundreds of files, and the settings are read often.
known_zones = cache(available_timezones)


def _zone(text: str) -> ZoneInfo:
    if text not in known_zones():
        raise ValueError(text)
    return ZoneInfo(text)


def _positive(text: str) -> int:
    number = int(text)
    if number <= 0:
        raise ValueError(text)
    return number


def _share(text: str) -> float:
    number = float(text)
    if not 0 < number <= 1:
        raise ValueError(text)
    return number


def _formula(text: str) -> str:
    if text not in {"SL1", "SL2", "SL3", "SL4", "SL5"}:
        raise ValueError(text)
    return text


def _names(text: str) -> tuple[str, ...]:
    """Entries between commas, folders and the names of secrets as they are, all else without its case."""
    entries = (entry.strip() for entry in text.split(","))
    return tuple(entry if entry.startswith(("/", "chat:")) else entry.casefold() for entry in entries if entry)


@dataclass(frozen=True)
class Host:
    """A name or an address of a machine, in lower case; IPv6 in brackets. ``port``: None for any."""

    name: str
    port: int | None = None


def _hosts(text: str) -> tuple[Host, ...]:
    """Hosts between commas, each with a port or without; a name in any script as browsers write it."""
    return tuple(_host(entry.strip()) for entry in text.split(",") if entry.strip())


def _host(text: str) -> Host:
    parts = urlsplit(f"//{text}")
    if parts.hostname is None or parts.netloc != text or parts.username is not None or "*" in text:
        raise ValueError(text)
    if ":" in parts.hostname:
        return Host(f"[{parts.hostname}]", parts.port)
    return Host(parts.hostname.encode("idna").decode().rstrip("."), parts.port)


def _public_url(text: str) -> str:
    if not text:
        return ""
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or parts.query or parts.fragment:
        raise ValueError(text)
    host = _host(parts.netloc)
    port = "" if host.port is None else f":{host.port}"
    return f"{parts.scheme}://{host.name}{port}{parts.path.rstrip('/')}"


def _server(text: str) -> str:
    if text and not text.startswith(("smtp://", "smtps://", "smtp+plain://")):
        raise ValueError(text)
    return text


def _language(text: str) -> str:
    if text not in {"", "zh", "en"}:
        raise ValueError(text)
    return text


def _worker(text: str) -> str:
    if text not in {"off", "inside"}:
        raise ValueError(text)
    return text


def _on(text: str) -> bool:
    return {"on": True, "off": False}[text]


@dataclass(frozen=True)
class Setting:
    """One row of the table. ``parse`` turns the text into the value or raises ValueError."""

    name: str
    default: str
    unit: str
    help: str
    parse: Callable[[str], object]


SETTINGS: tuple[Setting, ...] = (
    Setting("KPI_HOME", str(ROOT / "var"), "folder", "Everything the program writes lies under it.", _path),
    Setting(
        "KPI_WAREHOUSE_URL",
        "",
        "URL",
        "Engine and place of the warehouse: ducklake:///FOLDER or duckdb:///FILE. Empty: DuckLake in KPI_HOME.",
        str,
    ),
    Setting(
        "KPI_STATE_URL",
        "",
        "URL",
        "SQLAlchemy URL of the small state database. Empty: SQLite in KPI_HOME.",
        str,
    ),
    Setting(
        "KPI_TIME_ZONE",
        "Asia/Shanghai",
        "IANA name",
        "Business time zone of a new warehouse; an empty one adopts the zone of its first import.",
        _zone,
    ),
    Setting(
        "KPI_LANGUAGE",
        "",
        "zh | en",
        "Language of the command line and of the demo's reports. Empty: the machine's (LC_ALL, LC_MESSAGES, LANG).",
        _language,
    ),
    Setting("KPI_SERVICE_LEVEL", "SL1", "SL1 … SL5", "Which of the five service-level formulas is used.", _formula),
    Setting(
        "KPI_TOPIC_COVERED",
        "0.80",
        "share, 0 … 1",
        "From which resolution on a topic of the long tail is covered, where no target of the resolution says it.",
        _share,
    ),
    Setting("KPI_SNAPSHOT_RUNS", "60", "runs", "Of how many runs of a snapshot the files are kept.", _positive),
    Setting("KPI_SNAPSHOT_DAYS", "400", "days", "How long the files of a run are kept.", _positive),
    Setting(
        "KPI_SNAPSHOT_OWNER",
        "",
        "target",
        "Who is told of runs that are not simply sent where a snapshot names no owner: mailto:ADDRESS, chat:NAME, …",
        str,
    ),
    Setting(
        "KPI_SNAPSHOT_WORKER",
        "off",
        "off | inside",
        "Whether the web server runs a worker of snapshots beside itself; off: it is a service of its own.",
        _worker,
    ),
    Setting(
        "KPI_ASK_AHEAD",
        "on",
        "on | off",
        "Whether the web server asks what the pages show over the usual periods after each load, before anybody comes.",
        _on,
    ),
    Setting("KPI_LOAD_WAIT", "600", "seconds", "How long a load waits for another load to end.", _positive),
    Setting(
        "KPI_LEFTOVER_DAYS",
        "7",
        "days",
        "How old a file that a killed load left behind is when a later load deletes it.",
        _positive,
    ),
    Setting("KPI_UPLOAD_LIMIT", "2000", "MB", "How large a file may be that the first page imports.", _positive),
    Setting(
        "KPI_UPLOAD_SESSION",
        "2500",
        "MB",
        "How much one visitor may have given, until his window is closed.",
        _positive,
    ),
    Setting("KPI_UPLOAD_FILES", "10", "files", "How many files one visitor may have given.", _positive),
    Setting(
        "KPI_UPLOAD_TOTAL", "5000", "MB", "How much all visitors together may have given; it lies on disk.", _positive
    ),
    Setting("KPI_MEMORY", "2", "GB", "Memory that the default engine may use in one process.", _positive),
    Setting(
        "KPI_DELIVER_TO",
        "",
        "names",
        "Where snapshots may go, between commas: addresses, domains (by https), http://HOST:PORT, chat:NAME, "
        "s3://BUCKET, folders, or * for all.",
        _names,
    ),
    Setting("KPI_DELIVER_TRIES", "5", "attempts", "How often a target that is away is tried.", _positive),
    Setting("KPI_SECRETS", "", "folder", "Secrets by name, a file each. Empty: secrets in KPI_HOME.", str),
    Setting(
        "KPI_MAIL_SERVER",
        "",
        "URL",
        "smtp://USER@HOST:587 (STARTTLS), smtps://USER@HOST:465, or smtp+plain://HOST:25 for a relay beside it.",
        _server,
    ),
    Setting("KPI_MAIL_FROM", "switchboard@localhost", "address", "Sender of the mails.", str),
    Setting("KPI_MAIL_SECRET", "SMTP", "name", "Name of the secret that is the mail server's password.", str),
    Setting("KPI_MAIL_CA", "", "file", "Certificates that the mail server is held against. Empty: the system's.", str),
    Setting("KPI_MAIL_LIMIT", "10", "MB", "How much a mail carries; files beyond it become links.", _positive),
    Setting(
        "KPI_PUBLIC_URL",
        "",
        "URL",
        "Where people open the pages, for links in mails and messages. Empty: no links.",
        _public_url,
    ),
    Setting(
        "KPI_ALLOWED_HOSTS",
        "",
        "names",
        "Host names, between commas, under which browsers open the pages, beside localhost and that of KPI_PUBLIC_URL.",
        _hosts,
    ),
    Setting("KPI_THREADS", str(os.cpu_count() or 2), "threads", "Threads of the default engine.", _positive),
)


@dataclass(frozen=True)
class Settings:
    """The settings in force, parsed. Frozen and hashable, so that it may be part of a cache's key."""

    home: Path
    warehouse_url: str
    state_url: str
    time_zone: ZoneInfo
    language: Language
    service_level: str
    topic_covered: float
    snapshot_runs: int
    snapshot_days: int
    snapshot_owner: str
    snapshot_worker: str
    ask_ahead: bool
    load_wait: int
    leftover_days: int
    upload_limit: int
    upload_session: int
    upload_files: int
    upload_total: int
    memory: int
    deliver_to: tuple[str, ...]
    deliver_tries: int
    secrets: Path
    mail_server: str
    mail_from: str
    mail_secret: str
    mail_ca: str
    mail_limit: int
    public_url: str
    allowed_hosts: tuple[Host, ...]
    threads: int

    @property
    def own_places(self) -> tuple[Path, ...]:
        """The files and folders that are the program's own, wherever the settings put them, links resolved: nothing
        else may write there.
        """
        _, _, warehouse = self.warehouse_url.partition(":///")
        kind, _, state = self.state_url.partition(":///")
        places = [self.home, Path(warehouse), self.secrets]
        if kind.startswith("sqlite") and state:
            places.append(Path(state.partition("?")[0]))
        return tuple(place.resolve() for place in places)


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings in force.

    Raises SettingError naming the setting, the value and what would be valid; UnknownName for a name in
    ``settings.toml`` that is no setting.
    """
    env = os.environ if environment is None else environment
    names = {setting.name: setting for setting in SETTINGS}
    home = _parse(names["KPI_HOME"], env.get("KPI_HOME") or names["KPI_HOME"].default)
    assert isinstance(home, Path)
    in_file = _in_file(home / "settings.toml")
    for name in in_file:
        if name not in names or name == "KPI_HOME":
            raise UnknownName("setting", name, [known for known in names if known != "KPI_HOME"])
    values: dict[str, object] = {"home": home}
    for setting in SETTINGS[1:]:
        text = env.get(setting.name) or str(in_file.get(setting.name, "")) or setting.default
        values[setting.name.removeprefix("KPI_").lower()] = _parse(setting, text)
    if not values["warehouse_url"]:
        values["warehouse_url"] = f"ducklake:///{home / 'warehouse'}"
    if not values["state_url"]:
        values["state_url"] = f"sqlite:///{home / 'state.sqlite'}"
    values["secrets"] = Path(str(values["secrets"])) if values["secrets"] else home / "secrets"
    values["public_url"] = str(values["public_url"]).rstrip("/")
    values["language"] = values["language"] or machine_language(env)
    return Settings(**values)  # type: ignore[arg-type]


def machine_language(environment: Mapping[str, str]) -> Language:
    """Chinese where the machine speaks it, else English. Of its locale's variables the first that is set counts."""
    spoken = next(filter(None, map(environment.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return "zh" if spoken.casefold().startswith("zh") else "en"


def _in_file(file: Path) -> dict[str, object]:
    """What the settings file says; nothing where there is none. Raises SettingError where it cannot be read."""
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError as error:
        if file.is_symlink():
            raise SettingError("bad_settings_file", path=file, problem=error.strerror) from error
        return {}
    except OSError as error:
        raise SettingError("bad_settings_file", path=file, problem=error.strerror) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingError("bad_settings_file", path=file, problem=error) from error


def _parse(setting: Setting, text: str) -> object:
    try:
        return setting.parse(text)
    except (ValueError, KeyError, OSError, RuntimeError) as error:  # the last two: of a path that leads nowhere
        raise SettingError(
            "bad_setting", name=setting.name, value=text, unit=setting.unit, help=setting.help
        ) from error
