"""Who a PC user is among our accounts."""

from sqlalchemy import Connection, RowMapping, delete, insert, select

from policy.quantities import Instant
from radiusd.store import pc_systems, revisions
from radiusd.store.errors import NotFound, Refused
from radiusd.store.pc_schema import pc_users
from radiusd.store.schema import accounts, branches


def users_of(connection: Connection, account_id: int) -> list[str]:
    """The names the account has at gaming PCs, whatever their realms."""
    query = select(pc_users.c.pc_user_id).where(pc_users.c.account_id == account_id).distinct()
    return sorted(connection.execute(query).scalars())


def tie(connection: Connection, account: RowMapping, pc_user: str, at: Instant) -> None:
    """Know the account by that name at the gaming PCs of its branch.

    Raises NotFound if the branch has no PC system, and Refused if somebody else is known by the name.
    """
    if account["kind"] != "customer":
        raise Refused(f"{account['name']} is a voucher: only an account can be tied to a PC user")
    branch = connection.execute(select(branches).where(branches.c.id == account["branch_id"])).mappings().one()
    realm = pc_systems.find(connection, branch)["realm"]
    holder = _holder(connection, pc_user, realm)
    if holder == account["name"]:
        return
    if holder is not None:
        raise Refused(
            f"PC user {pc_user} is account {holder} already: `icafectl account set {holder} --no-pc-user` frees the "
            "name"
        )
    row = {"pc_user_id": pc_user, "realm": realm, "account_id": account["id"], "created_at": at}
    connection.execute(insert(pc_users).values(**row))
    revisions.announce(connection)


def _holder(connection: Connection, pc_user: str, realm: str) -> str | None:
    return connection.execute(
        select(accounts.c.name)
        .join_from(pc_users, accounts, pc_users.c.account_id == accounts.c.id)
        .where(pc_users.c.pc_user_id == pc_user, pc_users.c.realm == realm)
    ).scalar()


def untie(connection: Connection, account: RowMapping) -> list[str]:
    """Know the account by no name at gaming PCs any more; gives those it had. Raises NotFound if it had none."""
    names = users_of(connection, account["id"])
    if not names:
        raise NotFound(f"account {account['name']} is tied to no PC user")
    connection.execute(delete(pc_users).where(pc_users.c.account_id == account["id"]))
    revisions.announce(connection)
    return names
