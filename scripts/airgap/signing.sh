# shellcheck shell=bash
# Signs a file with ssh-keygen, minisign or gpg. Sourced by airgap_bundle.sh and release.sh, which have refuse().

SIGNED_AS=llm-appliance # the namespace of ssh signatures

check_signing() { # ssh:FILE|minisign:FILE|gpg:ID|""
    local program
    case $1 in
    "") return 0 ;;
    ssh:*) program=ssh-keygen ;;
    minisign:*) program=minisign ;;
    gpg:*) program=gpg ;;
    *) refuse "--sign is ssh:FILE, minisign:FILE or gpg:ID, not '$1'." 2 ;;
    esac
    command -v "$program" >/dev/null || refuse "--sign $1 needs $program."
    case $1 in gpg:*) return 0 ;; esac
    [ -r "${1#*:}" ] || refuse "--sign: the key ${1#*:} cannot be read."
}

sign() { # ssh:FILE|minisign:FILE|gpg:ID|"" file
    case $1 in
    "") return 0 ;;
    ssh:*) rm -f -- "$2.sig" && ssh-keygen -q -Y sign -f "${1#*:}" -n "$SIGNED_AS" "$2" 2>/dev/null ;;
    minisign:*) minisign -S -s "${1#*:}" -m "$2" -x "$2.minisig" >/dev/null ;;
    gpg:*) gpg --batch --yes --armor --local-user "${1#*:}" --output "$2.asc" --detach-sign "$2" ;;
    esac || refuse "${2##*/} could not be signed with $1."
}
