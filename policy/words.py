"""The sentences behind reason codes (for the administrator) and refusals (for the guest)."""

WORDS = {
    # who
    "account": "account {account} at branch {branch}",
    "login_unknown": "nobody logs in as {name}",
    "password_right": "the password is right ({method})",
    "password_wrong": "the password is wrong ({method})",
    "no_password": "the request carried no password this server can check ({method})",
    "chap_at_hashing_branch": "the router asked by CHAP, and branch {branch} keeps passwords as hashes, which CHAP "
    "cannot be checked against: set login-by=http-pap on the router, or password-store=recoverable at the branch",
    "hashing_busy": "too many passwords were waiting to be checked",
    "mac_not_tied": "device {device} is tied to no account",
    "mac_not_its_own": "device {device} asked with the MAC of another, {name}",
    "mac_tied": "device {device} is tied to account {account}",
    "account_blocked": "account {account} is blocked",
    "device_blocked": "device {device} is blocked",
    "other_branch": "account {account} belongs to branch {branch}, and router {router} to another",
    "branch_router": "asked by router {router}",
    # which pass
    "no_pass": "account {account} has no pass: sell one",
    "pass_chosen": "pass {pass_id}, package {package}",
    "pass_unused_too_long": "pass {pass_id} was not used in time: it was valid until {until:instant}",
    "pass_time_spent": "the time of pass {pass_id} is used up: {time:seconds}, first login {first_login:instant}",
    "pass_online_time_spent": "the time online of pass {pass_id} is used up: {used:seconds} of {time:seconds}",
    "pass_data_spent": "the data of pass {pass_id} is used up: {used:octets} of {data:octets}",
    "pass_held": "pass {pass_id} is held: {why}",
    "pass_full": "package {package} is full: {users} of {max_users} guests",
    "out_of_hours": "package {package} is not sold for this hour of the day",
    # which device
    "device_back": "device {device} is back in session {session_id}",
    "device_new": "device {device} takes place {slot} of {devices}",
    "device_replaced": "device {device} had gone and gave up its place (session {session_id})",
    "device_switched": "device {old} had the only place and is cut (session {session_id})",
    "device_limit": "all {devices} places are held, by {holders}",
    # what it gets
    "granted": "let in; time: {time:seconds}, data: {data:octets}, speed: {rate}",
    "time_left": "{time:seconds} left",
    # endings
    "ended": "session {session_id} is {phase} ({reason})",
    "by_administrator": "an administrator said: {text}",
    "cut_ordered": "connection {acct_session_id} on router {router_id} is to be cut",
    "data_used": "{used:octets} used, {data:octets} allowed",
    "router_rebooted": "the router started anew ({how}); the last packet of the session counts as its end",
    "guest_logged_out": "the guest logged out at the router",
    "router_counted_down": "the router counted the time down and closed the line",
    "hours_over": "the hours of package {package} are over",
    "extended": "added by an administrator: time {time:seconds}, data {data:octets}",
    "sold": "package {package} sold to {account} for {price} VND (pass {pass_id})",
    "released": "an administrator released pass {pass_id}, which was held: {why}",
}

REFUSALS = {
    "login_refused": "Wrong user name or password.",
    "account_blocked": "This account is blocked. Please ask at the counter.",
    "device_blocked": "This device is blocked. Please ask at the counter.",
    "other_branch": "This account is not valid here.",
    "no_pass": "No package left. Please buy one at the counter.",
    "pass_unused_too_long": "This package was not used in time.",
    "pass_time_spent": "Your time is used up. Please buy a new package.",
    "pass_online_time_spent": "Your time is used up. Please buy a new package.",
    "pass_data_spent": "Your data is used up. Please buy a new package.",
    "pass_held": "You were logged out by the staff. Please ask at the counter.",
    "pass_full": "Too many guests use this package just now. Please try again later.",
    "out_of_hours": "Your package is not valid at this hour.",
    "device_limit": "All {devices} devices of your package are online: {holders}.",
    "hashing_busy": "The system is busy. Please try again.",
}
