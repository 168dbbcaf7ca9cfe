# shellcheck shell=bash
# The steps of `./setup.sh systemd`: the appliance as a hardened service on this machine, without docker.
# Sourced by setup.sh, which has refuse() and step(), from the top of the repository. Each step may run again.

# Other places are for tests and packages.
HOME_OF_APPLIANCE=${APPLIANCE_PREFIX:-/opt/llm-appliance}
UNITS=${APPLIANCE_UNITS:-/etc/systemd/system}
SETTINGS=${APPLIANCE_SETTINGS:-/etc/appliance}
STATE=${APPLIANCE_STATE:-/var/lib}

systemd_up() { # [--site NAME] [--tls internal|E-MAIL|"CRT KEY"] [--backups DIR]
    local site="" tls=internal backups=""
    while [ $# -gt 0 ]; do
        case $1 in
        --site) site=${2:?--site needs a name}; shift ;;
        --tls) tls=${2:?--tls needs internal, an e-mail address, or certificate and key}; shift ;;
        --backups) backups=${2:?--backups needs a folder}; shift ;;
        *) refuse "systemd does not know '$1'. See ./setup.sh --help." ;;
        esac
        shift
    done
    check_systemd "$site"
    case $backups in "" | /*) ;; *) refuse "--backups needs a whole path, such as /mnt/backups/appliance." ;; esac
    check_clock
    make_account
    copy_code
    (umask 022 && cd "$HOME_OF_APPLIANCE" && ./setup.sh install) || refuse "it could not be installed in $HOME_OF_APPLIANCE; the reason stands above."
    write_settings "$site" "$tls"
    [ -z "$backups" ] || set_up_backups "$backups"
    install_units "$site"
    wait_for_service
    say_service "$site" "$tls"
}

check_systemd() { # site
    [ "$(id -u)" = 0 ] || refuse "systemd units need root: sudo ./setup.sh systemd."
    command -v systemctl >/dev/null || refuse "there is no systemd here. Use ./setup.sh run, or docker: ./setup.sh gpu."
    [ -z "$1" ] || command -v caddy >/dev/null || refuse "HTTPS for $1 needs Caddy. Install it: apt-get install caddy && systemctl disable --now caddy."
}

make_account() {
    getent passwd appliance >/dev/null ||
        useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin appliance
}

# A folder of its own: the checkout may lie in a home that the service cannot walk. The virtual environment there stays.
copy_code() {
    step "copying to $HOME_OF_APPLIANCE"
    mkdir -p "$HOME_OF_APPLIANCE"
    local name new=$HOME_OF_APPLIANCE/.new
    rm -rf -- "$new"
    mkdir "$new"
    tar -c --exclude=__pycache__ appliance inference querying rag ui deploy docs setup.sh pyproject.toml README.md requirements.lock | tar -x --no-same-owner -C "$new"
    chmod -R u=rwX,go=rX "$new"
    for name in "$new"/*; do
        rm -rf -- "${HOME_OF_APPLIANCE:?}/${name##*/}"
        mv -- "$name" "$HOME_OF_APPLIANCE/"
    done
    rmdir "$new"
}

write_settings() { # site tls
    mkdir -p "$SETTINGS"
    [ -n "$1" ] || return 0
    printf '%s\n' "APPLIANCE_SERVER__PUBLIC_URL=https://$1" \
        "APPLIANCE_SERVER__TRUSTED_PROXIES='[\"127.0.0.1/32\"]'" >"$SETTINGS/appliance.env"
    printf '%s\n' "APPLIANCE_SITE=$1" "APPLIANCE_TLS=$2" >"$SETTINGS/caddy.env"
}

# The service may write nowhere but below its own folder, unless it is told; and it runs as its own user.
set_up_backups() { # folder
    local passphrase=$SETTINGS/backup-passphrase settings=$STATE/appliance/appliance.toml
    mkdir -p "$1" "$STATE/appliance" "$UNITS/appliance.service.d"
    chmod 700 "$1" "$STATE/appliance"
    [ -s "$passphrase" ] || (umask 077 && openssl rand -base64 24 >"$passphrase")
    printf '[Service]\n# a minus: it starts without that disk too, and says that no backup could be made\nReadWritePaths=-%s\n' "$1" >"$UNITS/appliance.service.d/backups.conf"
    if ! grep -qs '^\[backup\]' "$settings"; then
        (umask 077 && printf '\n[backup]\nfolder = "%s"\npassphrase_file = "%s"\n' "$1" "$passphrase" >>"$settings")
    fi
    chown appliance:appliance "$1" "$STATE/appliance" "$settings" "$passphrase"
}

install_units() { # site
    local unit units=(appliance.service)
    [ -z "$1" ] || units+=(appliance-caddy.service)
    for unit in "${units[@]}"; do
        sed "s|/opt/llm-appliance|$HOME_OF_APPLIANCE|g; s|/etc/appliance/|$SETTINGS/|g" "deploy/systemd/$unit" >"$UNITS/$unit"
    done
    systemctl daemon-reload
    systemctl enable --quiet "${units[@]}"
    step "starting ${units[*]}"
    systemctl restart "${units[@]}"
}

wait_for_service() {
    local waited=0
    until "$HOME_OF_APPLIANCE/.venv/bin/python" -c \
        "import urllib.request as r; r.urlopen('http://127.0.0.1:${APPLIANCE_PORT:-8080}/readyz', timeout=3)" >/dev/null 2>&1; do
        [ "$waited" -lt 300 ] || refuse "it did not answer within 5 minutes; see: journalctl -u appliance"
        sleep 1
        waited=$((waited + 1))
    done
}

say_service() { # site tls
    "$HOME_OF_APPLIANCE/.venv/bin/appliance" doctor --data /var/lib/appliance ||
        printf '    the doctor has found something; each line names its remedy\n'
    if [ -n "$1" ]; then step "ready: https://$1"; else step "ready: http://127.0.0.1:8080"; fi
    printf '    first login and key: /var/lib/appliance/credentials.json\n'
    printf '    its commands: sudo -u appliance %s/.venv/bin/appliance COMMAND --data /var/lib/appliance\n' "$HOME_OF_APPLIANCE"
    [ -z "$1" ] || [ "$2" != internal ] || say_service_root "$1"
    [ ! -s "$SETTINGS/backup-passphrase" ] || printf '    keep a copy of %s elsewhere: without it no backup opens\n' "$SETTINGS/backup-passphrase"
}

# Caddy makes it at its first start.
say_service_root() { # site
    local root=$STATE/appliance-caddy/pki/authorities/local/root.crt waited=0
    until [ -s "$root" ] || [ "$waited" -ge 20 ]; do
        sleep 1
        waited=$((waited + 1))
    done
    printf '    root certificate, to be installed once by everybody: http://%s/appliance-root.crt\n' "$1"
    [ ! -s "$root" ] || printf '    its fingerprint: %s\n' "$(openssl x509 -noout -fingerprint -sha256 -in "$root" | cut -d = -f 2)"
}
