"""`icafectl router`."""

from typing import Any

import click

from radiusd.icafectl.branches import branch_or_only
from radiusd.icafectl.completing import names_of
from radiusd.icafectl.desk import Desk, pass_desk
from radiusd.icafectl.grammar import composed, examples, given, json_option, limit_option
from radiusd.icafectl.kinds import HOST, MILLISECONDS, NAME, NETWORK
from radiusd.icafectl.printing import (
    Column,
    instant,
    instant_or_never,
    note,
    print_json,
    print_list,
    print_record,
    say,
    told_milliseconds,
)
from radiusd.icafectl.secrets_in import IN_ARGUMENTS, read_secret
from radiusd.store import branches, routers

_SHORT_SECRET = 16
_LONGEST = 128

_COLUMNS = (
    Column("Name", "name"),
    Column("Branch", "branch"),
    Column("Address", "network"),
    Column("Kind", "kind"),
    Column("Cut by", "cut_by"),
    Column("CoA address", "coa_address"),
    Column("CoA port", "coa_port"),
    Column("Answered there", "coa_answered"),
    Column("API", "api_user"),
    Column("Timeout", "timeout", told_milliseconds),
    Column("Message-Authenticator", "require_message_authenticator"),
    Column("Signs", "signs_requests"),
    Column("MAC password", "mac_password"),
    Column("Last heard", "last_heard_at", instant_or_never),
    Column("Since", "created_at", instant),
)

_settings = composed(
    click.option("--address", type=NETWORK, metavar="ADDRESS|NETWORK", help="Where its packets come from."),
    click.option("--secret", metavar="SECRET", help=f"The shared secret; - reads standard input. {IN_ARGUMENTS}"),
    click.option("--coa-address", type=HOST, help="Where it takes disconnects, if not where its packets come from."),
    click.option("--coa-port", type=click.IntRange(1, 65535), help="Where it takes disconnects (3799 by default)."),
    click.option(
        "--require-message-authenticator",
        type=click.Choice(["learn", "yes", "no"]),
        help="Whether a login without one is dropped; learn (the default): as soon as one was seen.",
    ),
    click.option(
        "--cut-by",
        type=click.Choice(["coa", "api", "both"]),
        help="How guests are disconnected: by CoA (the default without an API user), through the RouterOS API, or by "
        "CoA first and then the API (the default with one).",
    ),
    click.option(
        "--api-user", type=NAME, metavar="NAME", help="Who logs in to the RouterOS API; policy: read, write, api, test."
    ),
    click.option("--api-password", metavar="PASSWORD", help=f"Its password; - reads standard input. {IN_ARGUMENTS}"),
    click.option("--api-address", type=HOST, help="Where the API is, if not where the packets come from."),
    click.option("--api-port", type=click.IntRange(1, 65535), help="Its port (8728 by default, with TLS 8729)."),
    click.option("--api-tls/--no-api-tls", default=None, help="Whether the API is spoken to over TLS."),
    click.option(
        "--timeout",
        type=MILLISECONDS,
        metavar="TIME",
        help="How long it waits for an answer before it asks again: /radius timeout on the router (300ms by default).",
    ),
    click.option("--kind", type=click.Choice(["mikrotik", "other"]), help="Its make (mikrotik by default)."),
    click.option(
        "--mac-password",
        type=click.Choice(["empty", "mac", "fixed"]),
        help="What it sends as password when a device logs in by its MAC (empty by default).",
    ),
    click.option(
        "--mac-password-value", metavar="PASSWORD", help=f"The fixed one; - reads standard input. {IN_ARGUMENTS}"
    ),
)
_DEFAULTS = {
    "coa_port": 3799,
    "require_message_authenticator": "learn",
    "kind": "mikrotik",
    "mac_password": "empty",
}


_SECRETS = ("secret", "mac_password_value", "api_password")


def _columns(desk: Desk, settings: dict[str, Any]) -> dict[str, Any]:
    """The settings as columns, secrets sealed."""
    plain = {key: value for key, value in settings.items() if key not in _SECRETS}
    if "address" in plain:
        plain["network"] = plain.pop("address")
    return {**plain, **routers.sealed(desk.vault, **{key: settings[key] for key in _SECRETS if key in settings})}


def _with_mac_password(settings: dict[str, Any]) -> dict[str, Any]:
    value = settings.get("mac_password_value")
    if value is None and settings.get("mac_password") != "fixed":
        return settings
    if settings.setdefault("mac_password", "fixed") != "fixed":
        raise click.UsageError("--mac-password-value goes with --mac-password fixed")
    if value == "-" and "-" in (settings.get("secret"), settings.get("api_password")):
        raise click.UsageError("only one secret can be read from standard input")
    return {**settings, "mac_password_value": read_secret(value, "--mac-password-value", _LONGEST)}


def _with_api(settings: dict[str, Any]) -> dict[str, Any]:
    """The API's password asked for where a user is given, and what follows of it for `cut_by`."""
    if "api_user" not in settings:
        if "api_password" in settings:
            raise click.UsageError("--api-password goes with --api-user")
        return settings
    if [settings.get(key) for key in _SECRETS].count("-") > 1:
        raise click.UsageError("only one secret can be read from standard input")
    password = read_secret(settings.get("api_password"), "--api-password", _LONGEST)
    return {"cut_by": "both", **settings, "api_password": password}


def _warn_of_short(secret: str) -> None:
    if len(secret) < _SHORT_SECRET:
        note(f"warning: a secret under {_SHORT_SECRET} characters can be guessed from one recorded packet")


@click.group()
def router() -> None:
    """The routers (NASes) that ask this server."""


@router.command(
    epilog=examples(
        "router add centre-1 --branch Centre --address 10.0.0.1",
        "router add aps --branch Centre --address 10.1.0.0/24 --secret - < secret.txt",
    )
)
@click.argument("name", type=NAME)
@click.option("--branch", metavar="NAME", shell_complete=names_of("branches"), help="Where it stands.")
@_settings
@json_option
@pass_desk
def add(desk: Desk, /, name: str, branch: str | None, as_json: bool, **settings: Any) -> None:
    """Add a router. Without --secret it is asked for."""
    if settings["address"] is None:
        raise click.UsageError("--address is missing: say where its packets come from, as in --address 10.0.0.1")
    chosen = _with_api(_with_mac_password({key: value for key, value in settings.items() if value is not None}))
    secret = read_secret(settings["secret"], "--secret", _LONGEST)
    with desk.writing() as connection:
        columns = {**_DEFAULTS, **_columns(desk, {**chosen, "secret": secret})}
        columns["branch_id"] = branch_or_only(connection, branch)["id"]
        routers.add(connection, desk.vault, name, desk.now(), columns)
        made = routers.listed(connection, 1, name)[0]
    _warn_of_short(secret)
    if as_json:
        print_json(made)
    else:
        say(f"router {name} ({made['network']}) added at branch {made['branch']}; it is answered from now on")


@router.command(
    "set",
    epilog=examples("router set centre-1 --address 10.0.0.2", "router set centre-1 --secret - < new-secret.txt"),
)
@click.argument("name", shell_complete=names_of("routers"))
@click.option("--branch", metavar="NAME", shell_complete=names_of("branches"), help="Where it stands now.")
@_settings
@pass_desk
def set_(desk: Desk, /, name: str, branch: str | None, **settings: Any) -> None:
    """Change a router."""
    chosen = _with_api(_with_mac_password(given(branch=branch, **settings)))
    chosen.pop("branch", None)
    if "secret" in chosen:
        chosen["secret"] = read_secret(chosen["secret"], "--secret", _LONGEST)
    with desk.writing() as connection:
        columns = _columns(desk, chosen)
        if branch is not None:
            columns["branch_id"] = branches.find(connection, branch)["id"]
        routers.change(connection, desk.vault, name, columns)
    if "secret" in chosen:
        _warn_of_short(chosen["secret"])
    say(f"router {name} changed")


@router.command("list", epilog=examples("router list"))
@limit_option
@json_option
@pass_desk
def list_(desk: Desk, limit: int, as_json: bool) -> None:
    """List the routers; secrets are not shown."""
    with desk.reading() as connection:
        found = routers.listed(connection, limit + 1)
    print_list(found, _COLUMNS, as_json=as_json, limit=limit)


@router.command(epilog=examples("router show centre-1"))
@click.argument("name", shell_complete=names_of("routers"))
@json_option
@pass_desk
def show(desk: Desk, name: str, as_json: bool) -> None:
    """Show one router; its secret is not shown."""
    with desk.reading() as connection:
        routers.find(connection, name)
        found = routers.listed(connection, 1, name)[0]
    if as_json:
        print_json(found)
    else:
        print_record(found, _COLUMNS)


@router.command(epilog=examples("router remove centre-1"))
@click.argument("name", shell_complete=names_of("routers"))
@pass_desk
def remove(desk: Desk, name: str) -> None:
    """Remove a router: it gets no answer from then on, and what it reported stays."""
    with desk.writing() as connection:
        routers.remove(connection, name, desk.now())
    say(f"router {name} removed; it gets no answer any more")
