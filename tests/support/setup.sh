# Sourced by tests/run and proxy/quickstart: packages and builds. Quiet when there is nothing to do.
# Needs $root, the top of the source tree. With IMAPMUX_NO_INSTALL nothing is installed: what is missing is named.
# tests/Containerfile has the same packages (tests/style/packages compares them).

build_packages=(cmake ninja-build gcc libc6-dev pkg-config libevent-dev libssl-dev uthash-dev libinih-dev zlib1g-dev)
server_packages=(python3 dovecot-imapd dovecot-lmtpd openssl)
unit_packages=(libcriterion-dev)
fuzz_packages=(clang libclang-rt-dev)
model_packages=(spin)
coverage_packages=(gcovr)
client_packages=(curl isync neomutt fetchmail interimap)
style_packages=(clang clang-format clang-tidy universal-ctags)

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        fail "needs root (or sudo) for: $*"
    fi
}

installed() {
    # On a system without dpkg nothing can be said, and nothing can be installed either.
    command -v dpkg-query >/dev/null || { [ -n "${IMAPMUX_NO_INSTALL-}" ] && return 0; }
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

install_script='policy=/usr/sbin/policy-rc.d
restore() {
    rm -f "$policy"
    [ ! -e "$policy.before-imapmux" ] || mv "$policy.before-imapmux" "$policy"
}
trap restore EXIT
trap "exit 1" INT TERM
[ ! -e "$policy" ] || mv "$policy" "$policy.before-imapmux"
printf "#!/bin/sh\nexit 101\n" >"$policy"
chmod 755 "$policy"
export DEBIAN_FRONTEND=noninteractive
had_dovecot=$(dpkg-query -W -f "\${Version}" dovecot-core 2>/dev/null)
apt-get install -y --no-install-recommends "$@" || { apt-get update && apt-get install -y --no-install-recommends "$@"; } || exit 1
# A Dovecot that came only for the tests is not to start with the machine either.
[ -n "$had_dovecot" ] || systemctl disable dovecot.service dovecot.socket >/dev/null 2>&1 || true
'

# Installs what is missing. Servers that come with it are not started: a policy-rc.d forbids it for that long.
need_packages() {
    local missing=() package
    for package in "$@"; do
        installed "$package" || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    [ -z "${IMAPMUX_NO_INSTALL-}" ] || fail "not installed, and nothing is to be installed: ${missing[*]}"
    echo "installing ${missing[*]}"
    exec 9<"$root/tests/support/setup.sh"
    flock 9
    local log
    log=$(mktemp)
    if ! as_root sh -c "$install_script" sh "${missing[@]}" >"$log" 2>&1 </dev/null; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        fail "could not install: ${missing[*]}"
    fi
    rm -f "$log"
    exec 9<&-
}

# IMAPMUX_BINARY may be relative to where the caller stands; what is started from here stands elsewhere.
case ${IMAPMUX_BINARY-} in
/*) ;;
*/*) export IMAPMUX_BINARY=$PWD/$IMAPMUX_BINARY ;;
esac

# build_preset NAME [TARGET]: configures and builds. Says so only if it takes a while.
build_preset() {
    local preset=$1 log pid waited=0 start=$SECONDS
    log=$(mktemp)
    (cd "$root" && cmake --preset "$preset" && cmake --build --preset "$preset" ${2:+--target "$2"}) >"$log" 2>&1 </dev/null &
    pid=$!
    while kill -0 "$pid" 2>/dev/null; do
        sleep 0.2
        waited=$((waited + 1))
        [ "$waited" != 10 ] || echo "building ($preset)"
    done
    if ! wait "$pid"; then
        tail -n 40 "$log" >&2
        rm -f "$log"
        return 1
    fi
    rm -f "$log"
    [ "$waited" -lt 10 ] || echo "built ($preset) in $((SECONDS - start)) s"
}
