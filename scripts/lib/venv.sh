# shellcheck shell=bash
# Sourced by the scripts, after say.sh and with ROOT set: the virtual environment ROOT/.venv, made and kept up to date.
#
# .venv/installed-WHAT holds a fingerprint of what was installed, written last of all: while it is right there is
# nothing to do. .venv/unfinished stands there while pip works. Where it is left over, pip was killed half-way, and
# the environment is made anew: a killed pip leaves packages that look installed and are not.

VENV=$ROOT/.venv

# require_venv WHAT: have the project installed in VENV; WHAT is runtime, or test for the tests' tools as well.
require_venv() {
    local what=$1
    ! _is_installed "$what" || return 0
    _lock_venv
    # Another script may have done it while this one waited.
    _is_installed "$what" || _install "$what"
    exec 9>&-
}

_is_installed() {
    local print
    [[ -x $VENV/bin/python && ! -e $VENV/unfinished ]] || return 1
    print=$(_fingerprint) || return 1
    [[ -f $VENV/installed-$1 && $(<"$VENV/installed-$1") == "$print" ]]
}

# What the installation depends on. The path is in it because a virtual environment does not survive being moved.
_fingerprint() {
    {
        cat "$ROOT/setup.cfg" "$ROOT/pyproject.toml"
        "$VENV/bin/python" -c 'import sys; print(sys.version)'
        printf '%s\n' "$ROOT"
    } 2>/dev/null | sha256sum
}

_lock_venv() {
    exec 9>"$ROOT/.venv.lock"
    flock --nonblock 9 && return
    say "waiting for another script that is installing into .venv ..."
    flock 9
}

_install() {
    local what=$1 extra='' existed=''
    [[ $what == runtime ]] || extra="[$what]"
    if _is_sound; then existed=yes; else _create_venv; fi
    touch "$VENV/unfinished"
    if ! during "installing icafe-radiusd$extra and what it needs" _pip_install "$extra"; then
        # pip puts back what it was about to replace; a first installation has nothing to go back to.
        [[ -z $existed ]] || rm -f "$VENV/unfinished"
        fail "could not install; the reason is above. When it is gone, run this again."
    fi
    _fingerprint >"$VENV/installed-runtime"
    [[ $what == runtime ]] || _fingerprint >"$VENV/installed-$what"
    rm -f "$VENV/unfinished"
}

# The editable_mode makes it a plain path entry, so that the Twisted plugin is found as well.
_pip_install() {
    "$VENV/bin/python" -m pip install --disable-pip-version-check --progress-bar off \
        --config-settings editable_mode=compat --editable "$ROOT$1"
}

_is_sound() {
    [[ ! -e $VENV/unfinished ]] && _is_supported "$VENV/bin/python" && "$VENV/bin/python" -m pip --version &&
        head -n 3 "$VENV/bin/pip" | grep -qF "$VENV/bin/"
} >/dev/null 2>&1

_create_venv() {
    local python
    python=$(_find_python) || exit 1
    _require_venv_module "$python"
    [[ ! -e $VENV ]] || say ".venv is unfinished, was moved or belongs to another Python: making it anew"
    rm -rf "$VENV"
    mkdir "$VENV"
    touch "$VENV/unfinished"
    during "making .venv with $("$python" --version)" "$python" -m venv "$VENV" ||
        fail "could not make .venv; the reason is above."
}

# The system's own Python before any other: it is compiled with a profile, with which the server answers a twelfth more
# than with one built without, and a service that runs as a user of its own may read it.
_find_python() {
    local python found=
    for python in ${PYTHON:-/usr/bin/python3 python3 python3.13 python3.12 python3.11}; do
        if ! command -v "$python" >/dev/null || ! _is_supported "$python"; then continue; fi
        if _has_venv_module "$python"; then found=$python && break; fi
        found=${found:-$python}
    done
    if [[ -n $found ]]; then
        command -v "$found"
        return
    fi
    fail "needs Python 3.11, 3.12 or 3.13, and ${PYTHON:-python3} is $("${PYTHON:-python3}" --version 2>/dev/null || echo none)." \
        "On Debian 12 or 13, and Ubuntu 24.04: apt-get install python3 python3-venv;" \
        "with one elsewhere: PYTHON=/path/to/python3.13 $0"
}

_is_supported() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null
}

_has_venv_module() {
    "$1" -c 'import venv, ensurepip' 2>/dev/null
}

_require_venv_module() {
    local python=$1 package
    ! _has_venv_module "$python" || return 0
    package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    if may_install_packages; then
        install_packages "$package" && _has_venv_module "$python" && return
    fi
    fail "$python has no venv module. Run this, then try again: $(_as_root)apt-get install $package"
}

# Debian packages: for root only, and never with a question.
may_install_packages() { ((EUID == 0)) && command -v apt-get >/dev/null; }

install_packages() {
    during "reading the lists of Debian packages" apt-get -qq update || true
    during "installing $*" env DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends --yes "$@"
}

_as_root() { ((EUID == 0)) || printf 'sudo '; }
