"""The grammar as a whole."""

from pathlib import Path

import click

from radiusd import __version__
from radiusd.icafectl import (
    accounts,
    branches,
    completion,
    cuts,
    devices,
    doctor,
    game_sessions,
    games,
    launchers,
    packages,
    passes,
    pc,
    pc_sync,
    routers,
    sessions,
    settlement,
    store,
    vouchers,
    wallet,
    why,
)
from radiusd.icafectl.desk import DEFAULT_CONFIG, Desk
from radiusd.icafectl.grammar import Group, examples


@click.group(
    cls=Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=examples(
        "branch add Centre",
        "router add centre-1 --branch Centre --address 10.0.0.1",
        "package add '3 hours' --time 3h --down 10M --up 2M --price 12000",
        "account add nora_01 --branch Centre --package '3 hours'",
        "why nora_01",
    ),
)
@click.version_option(__version__, prog_name="icafectl")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    envvar="ICAFE_CONFIG",
    default=DEFAULT_CONFIG,
    show_default=True,
    show_envvar=True,
    metavar="FILE",
    help="The server's configuration.",
)
@click.pass_context
def icafectl(context: click.Context, config: Path) -> None:
    """Administer a café's RADIUS server: branches, routers, packages, accounts and who is online."""
    desk = context.ensure_object(Desk)
    desk.path = config
    context.call_on_close(desk.close)


branches.branch.add_command(pc_sync.pc_sync)
games.game.add_command(game_sessions.sessions)
games.game.add_command(game_sessions.session)
for each in (
    branches.branch,
    routers.router,
    packages.package,
    accounts.account,
    devices.device,
    passes.pass_,
    vouchers.voucher,
    sessions.session,
    cuts.cut,
    pc.pc,
    games.game,
    launchers.launcher,
    wallet.wallet,
    settlement.settlement,
    why.why,
    doctor.doctor,
    store.store,
    completion.completion,
):
    icafectl.add_command(each)
