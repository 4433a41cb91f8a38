"""The configuration of the FreeRADIUS that ours is compared with.

What was chosen so that it is as fast as it can be while it does the same: only the modules that are needed; no group
look-ups and no row per login (as it is shipped, a login costs it three times as much); as many threads as gave the best
figures on two cores, each with a database connection that stays; a receive buffer and a queue that overflow no sooner
than ours. Its own tables, indexes and queries are used as they are. PostgreSQL is the same server that ours uses.
"""

from collections.abc import Iterator
from pathlib import Path

from attrs import frozen
from sqlalchemy.engine import make_url

from radiusd.bench.chain import Chain, nas_name
from radiusd.bench.guests import PASSWORD, SECRET, USER

SCHEMA = "mods-config/sql/main/{dialect}/schema.sql"
READY = "Ready to process requests"
ACCEPTED = {
    "Session-Timeout": "3600",
    "Idle-Timeout": "300",
    "Mikrotik-Rate-Limit": "2M/10M",
    "Class": "0x636166652d31",
}
"""What a guest is told; ours tells about as much."""
CHECK = "INSERT INTO radcheck (username, attribute, op, value) VALUES (:name, :attribute, ':=', :value)"
REPLY = "INSERT INTO radreply (username, attribute, op, value) VALUES (:name, :attribute, ':=', :value)"
_THREADS = {"memory": 2, "sqlite": 4, "postgresql": 16}

_MAIN = """
name = radiusd
prefix = /usr
raddbdir = {folder}
libdir = {libraries}
logdir = {folder}
run_dir = {folder}
pidfile = {folder}/radiusd.pid
max_request_time = 30
cleanup_delay = 5
max_requests = 262144
hostname_lookups = no
proxy_requests = no
log {{
    destination = files
    file = {folder}/radius.log
    auth = no
}}
security {{
    max_attributes = 200
    reject_delay = 1
    status_server = no
}}
thread pool {{
    start_servers = {threads}
    max_servers = {threads}
    min_spare_servers = 1
    max_spare_servers = {threads}
    max_requests_per_server = 0
    max_queue_size = 65536
    auto_limit_acct = no
}}
{clients}
modules {{
    always ok {{
        rcode = ok
    }}
    expr {{
    }}
    pap {{
    }}
    chap {{
    }}
{modules}
}}
policy {{
    $INCLUDE {stock}/policy.d/
}}
server cafe {{
    listen {{
        type = auth
        ipaddr = 127.0.0.1
        port = {auth_port}
        recv_buff = 4194304
    }}
    listen {{
        type = acct
        ipaddr = 127.0.0.1
        port = {acct_port}
        recv_buff = 4194304
    }}
    authorize {{
        chap
        {guests}
        pap
    }}
    authenticate {{
        Auth-Type PAP {{
            pap
        }}
        Auth-Type CHAP {{
            chap
        }}
    }}
    post-auth {{
        update reply {{
            &Message-Authenticator := 0x00
        }}
        Post-Auth-Type REJECT {{
            update reply {{
                &Message-Authenticator := 0x00
            }}
        }}
    }}
    preacct {{
        acct_unique
    }}
    accounting {{
        {accounting}
    }}
}}
"""
_CLIENT = """client {name} {{
    ipaddr = {address}
    secret = {secret}
    require_message_authenticator = yes
    nas_type = other
}}"""
_FILES = """    files {{
        usersfile = {folder}/users
    }}"""
_SQL = """    sql {{
        dialect = "{dialect}"
        driver = "rlm_sql_{dialect}"
        {where}
        acct_table1 = "radacct"
        acct_table2 = "radacct"
        postauth_table = "radpostauth"
        authcheck_table = "radcheck"
        groupcheck_table = "radgroupcheck"
        authreply_table = "radreply"
        groupreply_table = "radgroupreply"
        usergroup_table = "radusergroup"
        client_table = "nas"
        group_attribute = "SQL-Group"
        read_groups = no
        delete_stale_sessions = yes
        pool {{
            start = {threads}
            min = {threads}
            max = {threads}
            spare = 0
            uses = 0
            retry_delay = 1
            lifetime = 0
            idle_timeout = 0
        }}
        $INCLUDE {stock}/mods-config/sql/main/{dialect}/queries.conf
    }}"""


@frozen(kw_only=True)
class Wanted:
    """What a configuration is made from; `store_url` is not read where guests are in memory."""

    configuration: str
    folder: Path
    stock: Path
    libraries: Path
    auth_port: int
    acct_port: int
    store_url: str
    chain: Chain

    @property
    def threads(self) -> int:
        """Those that ask the database, and their connections to it."""
        return _THREADS[self.configuration]


def write(wanted: Wanted) -> None:
    """All files of a configuration, into its folder; nobody else may read them."""
    in_memory = wanted.configuration == "memory"
    _keep(wanted.folder / "dictionary", "$INCLUDE /usr/share/freeradius/dictionary\n")
    if in_memory:
        _keep(wanted.folder / "users", "".join(_users(wanted.chain)))
    main = _MAIN.format(
        folder=wanted.folder,
        stock=wanted.stock,
        libraries=wanted.libraries,
        threads=wanted.threads,
        clients="\n".join(_clients(wanted.chain)),
        modules=_FILES.format(folder=wanted.folder) if in_memory else _sql(wanted),
        auth_port=wanted.auth_port,
        acct_port=wanted.acct_port,
        guests="files" if in_memory else "sql",
        accounting="ok" if in_memory else "sql",
    )
    _keep(wanted.folder / "radiusd.conf", main)


def _keep(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)


def _users(chain: Chain) -> Iterator[str]:
    replies = ",\n".join(
        f"\t{name} := {value if value.startswith('0x') else f'{chr(34)}{value}{chr(34)}'}"
        for name, value in ACCEPTED.items()
    )
    for number in range(chain.users):
        yield f'{USER % number} Cleartext-Password := "{PASSWORD % number}"\n{replies}\n\n'


def _clients(chain: Chain) -> Iterator[str]:
    yield _CLIENT.format(name="one-address", address="127.0.0.1", secret=SECRET)
    for number in range(chain.routers):
        yield _CLIENT.format(name=nas_name(number), address=chain.address_of(number), secret=SECRET)


def _sql(wanted: Wanted) -> str:
    return _SQL.format(
        dialect=wanted.configuration,
        where=_where(wanted.store_url),
        threads=wanted.threads,
        stock=wanted.stock,
    )


def _where(store_url: str) -> str:
    url = make_url(store_url)
    if url.get_backend_name() == "sqlite":
        return f'sqlite {{\n            filename = "{url.database}"\n            busy_timeout = 10000\n        }}'
    words = {
        "host": url.host or url.query.get("host"),
        "port": url.port or url.query.get("port"),
        "user": url.username,
        "password": url.password,
        "dbname": url.database,
    }
    told = " ".join(f"{name}={value}" for name, value in words.items() if value)
    return f'radius_db = "{told}"'
