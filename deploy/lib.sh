# shellcheck shell=bash
# The steps of `./setup.sh run`, `install` and `test`: find Python, make .venv, install from the lock file, test.
# Sourced by setup.sh from the top of the repository.

VENV=${APPLIANCE_VENV:-$PWD/.venv}
UV=()  # the command, once it is known to run
PIP=() # pip that installs into .venv, whichever pip there is
PASSED_ALONE=()  # tests that failed in the run and passed without it
SECOND_CHANCE=no
TEST_PROGRAMS=(chromium:chromium sshd:openssh-server caddy:caddy prometheus:prometheus prometheus-alertmanager:prometheus-alertmanager pebble:pebble openssl:openssl docker-compose:docker-compose prometheus-node-exporter:prometheus-node-exporter prometheus-postgres-exporter:prometheus-postgres-exporter prometheus-redis-exporter:prometheus-redis-exporter mariadbd:mariadb-server-core my_print_defaults:mariadb-client-core)

step() { printf '==> %s\n' "$1"; }

refuse() {
    printf 'setup: %s\n' "$1" >&2
    exit 1
}

install_base() { install_lock requirements.lock; }

install_tests() { install_lock requirements-test.lock; }

# A second call with the same lock file, interpreter and folder has nothing to do: the stamp says so in milliseconds.
install_lock() { # requirements.lock|requirements-test.lock
    local stamp wanted
    stamp=$VENV/.installed-${1%.lock}
    wanted="$(cksum <"$1") $PWD"
    if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && "$VENV/bin/python" -c '' 2>/dev/null; then
        return
    fi
    make_venv
    find_installers
    step "installing the packages of $1 into $VENV"
    install_packages --no-deps --require-hashes -r "$1"
    link_checkout
    printf '%s' "$wanted" >"$stamp"
}

# Found by running it: a name on the PATH may be a shim of a version that is not there.
find_python() {
    local name
    for name in ${PYTHON:+"$PYTHON"} python3.13 python3.12 python3.11 python3 python; do
        if "$name" -c 'import sys, ssl, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
            "$name" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    return 1
}

make_venv() {
    local python
    if "$VENV/bin/python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
        return
    fi
    python=$(find_python) || refuse "Python 3.11, 3.12 or 3.13 is needed and none was found. Install one (Debian, Ubuntu: apt-get install python3 python3-venv), or name it: PYTHON=/path/to/python3.12 ./setup.sh run"
    step "making $VENV with $("$python" --version)"
    # Without pip: on Debian that part (ensurepip) is a package of its own, and any other pip will do.
    "$python" -m venv --without-pip --clear "$VENV" ||
        refuse "$VENV could not be made. Is the folder writable, and is there room on the disk?"
}

find_installers() {
    local base
    base=$("$VENV/bin/python" -c 'import sys; print(sys._base_executable)')
    if "$VENV/bin/python" -m pip --version >/dev/null 2>&1; then
        PIP=("$VENV/bin/python" -m pip)
    elif "$base" -m pip --python "$VENV/bin/python" --version >/dev/null 2>&1; then
        PIP=("$base" -m pip --python "$VENV/bin/python")
    elif "$VENV/bin/python" -m ensurepip >/dev/null 2>&1; then
        PIP=("$VENV/bin/python" -m pip)
    fi
    if [ "${APPLIANCE_INSTALLER:-uv}" = uv ]; then
        find_uv
    fi
    if [ ${#PIP[@]} = 0 ] && [ ${#UV[@]} = 0 ]; then
        refuse "There is no pip for $base. Install it (Debian, Ubuntu: apt-get install python$("$base" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv), then run this again."
    fi
}

# uv is ten times as fast as pip, but reads none of pip's configuration: it is handed on.
find_uv() {
    if [ ! -x "$VENV/bin/uv" ] && [ ${#PIP[@]} != 0 ]; then
        "${PIP[@]}" install --quiet --disable-pip-version-check 'uv>=0.8' >/dev/null 2>&1 || true
    fi
    if "$VENV/bin/uv" --version >/dev/null 2>&1; then
        UV=("$VENV/bin/uv")
    elif command -v uv >/dev/null 2>&1; then
        UV=(uv)
    else
        return 0
    fi
    if [ ${#PIP[@]} != 0 ]; then
        eval "$("${PIP[@]}" config list 2>/dev/null | "$VENV/bin/python" deploy/uv_environment.py)"
    fi
}

install_packages() {
    if [ ${#UV[@]} != 0 ]; then
        if "${UV[@]}" pip install --quiet --python "$VENV/bin/python" "$@"; then
            return
        fi
        [ ${#PIP[@]} != 0 ] || refuse "uv could not install the packages; its reason stands above."
        step "uv could not install the packages; trying pip"
    fi
    "${PIP[@]}" install --quiet --disable-pip-version-check "$@" ||
        refuse "The packages could not be installed; the reason stands above. Can this machine reach its package registry (pip config list)?"
}

# The checkout itself is put on the path instead of being built: nothing to download, and an edit counts at once.
link_checkout() {
    local packages
    packages=$("$VENV/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    printf '%s\n' "$PWD" >"$packages/appliance-checkout.pth"
    printf '#!/bin/sh\nexec "%s/bin/python" -P -m appliance "$@"\n' "$VENV" >"$VENV/bin/appliance"
    chmod 755 "$VENV/bin/appliance"
}

install_extras() { # speech,faiss
    local packages
    make_venv
    find_installers
    # By pip: where a CPU build of torch is offered beside the CUDA one, uv would take the several gigabytes.
    mapfile -t packages < <("$VENV/bin/python" deploy/extra_packages.py "$1")
    [ ${#packages[@]} != 0 ] || exit 1 # extra_packages.py has said why, and which there are
    [ ${#PIP[@]} != 0 ] || PIP=("${UV[@]}" pip --python "$VENV/bin/python")
    step "installing ${packages[*]}"
    "${PIP[@]}" install --quiet "${packages[@]}" || refuse "${packages[*]} could not be installed; the reason stands above."
}

# Programs some tests use when they are there. Their absence skips those tests by name and never fails the run.
install_test_programs() {
    local pair
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 0
    local missing=()
    for pair in "${TEST_PROGRAMS[@]}"; do
        PATH=$PATH:/usr/sbin command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
    done
    [ ${#missing[@]} != 0 ] || return 0
    step "installing what some tests use: ${missing[*]}"
    apt-get -qq update >/dev/null 2>&1 || true
    for pair in "${missing[@]}"; do
        DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "$pair" >/dev/null 2>&1 ||
            printf '    %s is not to be had here; its tests will be skipped\n' "$pair"
    done
}

run_tests() {
    local failed=() bin=$VENV/bin types
    check() { # name command...
        step "$1"
        "${@:2}" || failed+=("$1")
    }
    KEPT=$(mktemp -d)
    trap 'rm -rf "$KEPT"' EXIT
    check "style (ruff)" "$bin/ruff" check --quiet .
    check "format (ruff)" "$bin/ruff" format --check --quiet .
    nice -n 19 "$bin/mypy" >"$KEPT/types" 2>&1 & # in what the tests leave of the processors: they wait now and then
    types=$!
    check "imports (import-linter)" "$bin/lint-imports"
    check "tests (pytest)" run_pytest "$@"
    check "types (mypy)" wait "$types"
    cat "$KEPT/types"
    if [ ${#PASSED_ALONE[@]} != 0 ]; then
        printf '\n!!! failed beside others, passed alone; mend them (CONTRIBUTING.md, Tests):\n'
        printf '!!!   %s\n' "${PASSED_ALONE[@]}"
    fi
    [ ${#failed[@]} = 0 ] || refuse "not good: $(printf '%s; ' "${failed[@]}")see above."
    step "all good; what was skipped, and why, stands in the summary above"
}

# A test that fails beside others and passes alone hangs on the clock or on a neighbour, and what fails once more alone
# and then passes met a machine that stood still. It does not stop a whole run, but is named at its end. Nine at once are
# no accident, and neither is a test that somebody asked for by name.
run_pytest() {
    local pytest=("$VENV/bin/python" -m pytest -q -o "cache_dir=$KEPT/pytest") status=0 few again=()
    "${pytest[@]}" -n "$(( ($(nproc) * 3 + 1) / 2 ))" --dist loadfile --no-loadscope-reorder "$@" || status=$?
    mapfile -t few < <(failed_tests)
    if [ $status != 1 ] || [ "$SECOND_CHANCE" = no ] || [ ${#few[@]} = 0 ] || [ ${#few[@]} -gt 8 ]; then
        return $status
    fi
    step "once more, alone: ${#few[@]} that failed"
    status=0
    "${pytest[@]}" -n 0 --last-failed --last-failed-no-failures none "$@" || status=$?
    mapfile -t again < <(failed_tests)
    if [ $status = 1 ] && [ ${#again[@]} != 0 ]; then
        step "the last time, alone: ${#again[@]} that failed again"
        status=0
        "${pytest[@]}" -n 0 --last-failed --last-failed-no-failures none "$@" || status=$?
    fi
    [ $status = 0 ] && [ -z "$(failed_tests)" ] || return 1
    PASSED_ALONE=("${few[@]}" "${again[@]/%/ (at the second attempt)}")
}

# Fixtures that failed and tests whose process died are among them.
failed_tests() {
    "$VENV/bin/python" -c 'import json, sys; print(*json.load(open(sys.argv[1])), sep="\n")' \
        "$KEPT/pytest/v/cache/lastfailed" 2>/dev/null | grep . || true
}
