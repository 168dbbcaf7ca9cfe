# shellcheck shell=bash
# What `./setup.sh gpu|cpu` has to know: the name people type, whose certificate, which model. Said on the command line, in the
# environment, in .env, or asked on a terminal, in this order; otherwise the defaults. All is kept in .env, so that the next
# run asks nothing and changes nothing. Sourced by setup.sh, from the top of the repository.

declare -A GIVEN=() # on the command line, by the option's name
ASK=no              # whether somebody is there to be asked

chosen() { # NAME default: from the environment, .env, or the default
    local value=${!1:-}
    [ -n "$value" ] || value=$(sed -n "s/^$1=//p" .env 2>/dev/null | tail -n 1)
    printf '%s' "${value:-$2}"
}

choose() { # gpu|cpu: sets SITE, TLS, MODEL_CHOSEN, MODEL_CALLED
    SITE=${GIVEN[site]:-$(chosen APPLIANCE_SITE "")}
    [ -n "$SITE" ] || ask SITE "Name that people will type" "$(hostname -f 2>/dev/null || hostname)"
    [[ $SITE =~ ^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$ ]] ||
        refuse "'$SITE' is no name of a machine: letters, digits, dots and dashes, without https:// and without a port (--site, or APPLIANCE_SITE in .env)."
    TLS=${GIVEN[tls]:-$(chosen APPLIANCE_TLS "")}
    [ -n "$TLS" ] || ask_certificate
    check_certificate
    MODEL_CHOSEN=${GIVEN[model]:-$(chosen MODEL "")}
    [ -n "$MODEL_CHOSEN" ] || ask_model "$1"
    MODEL_CALLED=$(name_of_model "$1")
}

# What the engine calls it. A name of somebody's own in .env stays, unless it is the table's for another model.
name_of_model() { # gpu|cpu
    local name own
    name=$(model_field 2 "$1" || printf '%s' "${MODEL_CHOSEN##*/}")
    own=$(chosen MODEL_NAME "")
    if [ -z "${GIVEN[model]:-}" ] && [ -n "$own" ] && ! cut -f 3 deploy/models.tsv | grep -qxF "$own"; then name=$own; fi
    printf '%s' "$name"
}

ask() { # VARIABLE question default
    local answer=""
    if [ "$ASK" = yes ]; then
        printf '%s%s: ' "$2" "${3:+ [$3]}" >&2
        read -r answer || true
    fi
    printf -v "$1" '%s' "${answer:-$3}"
}

# The terminal falls silent before the question is asked, and speaks again also when Ctrl-C is the answer.
ask_secret() { # VARIABLE question
    local answer=""
    trap 'stty echo' EXIT
    stty -echo
    printf '%s: ' "$2" >&2
    read -r answer || true
    stty echo
    trap - EXIT
    printf '\n' >&2
    printf -v "$1" '%s' "$answer"
}

# A name that the world can look up may have a public certificate; a name of the house has one of the box's own authority.
ask_certificate() {
    local kind=1 certificate key
    TLS=internal
    [ "$ASK" = yes ] || return 0
    ! is_public "$SITE" || kind=2
    printf 'Whose certificate shall https://%s have?\n  1  of an authority of its own; everybody installs its root once\n  2  a public one by ACME; the world must reach this machine at port 80\n  3  your own files\n' "$SITE" >&2
    ask kind "1, 2 or 3" "$kind"
    case $kind in
    1) ;;
    2) ask TLS "E-mail address for the authority" "" ;;
    3)
        ask certificate "File with the certificate and its chain (PEM)" ""
        ask key "File with its key (PEM)" ""
        TLS=$certificate,$key
        ;;
    *) refuse "'$kind' is none of 1, 2 and 3." ;;
    esac
}

is_public() { # name
    case $1 in
    *.local | *.lan | *.internal | *.intranet | *.corp | *.home | *.home.arpa | *.localhost | *.localdomain | *.test | *.example | *.invalid) return 1 ;;
    *.*[!0-9.]*) return 0 ;;
    *) return 1 ;;
    esac
}

check_certificate() {
    case $TLS in
    internal) ;;
    /certificates/*) ;;
    *,*) check_own_certificate "${TLS%%,*}" "${TLS#*,}" ;;
    *?@?*.?*) is_public "$SITE" || note "certificate: $SITE is no public name; ACME's authority will refuse it, unless APPLIANCE_ACME_CA in .env names one of your own" ;;
    *) refuse "'$TLS' says no certificate: internal, an e-mail address for ACME, or CERTIFICATE,KEY with two files (--tls, or APPLIANCE_TLS in .env)." ;;
    esac
}

check_own_certificate() { # certificate key
    local file
    for file in "$1" "$2"; do [ -r "$file" ] || refuse "the file '$file' cannot be read (--tls CERTIFICATE,KEY)."; done
    openssl x509 -in "$1" -noout 2>/dev/null || refuse "$1 is no certificate in PEM format. openssl x509 -inform der -in $1 -out site.crt makes one of a DER file."
    [ "$(openssl x509 -in "$1" -noout -pubkey)" = "$(openssl pkey -in "$2" -pubout 2>/dev/null </dev/null)" ] ||
        refuse "$2 is not the key of $1, or it has a passphrase (openssl pkey -in $2 -out site.key takes it off)."
    openssl x509 -in "$1" -noout -checkend 0 >/dev/null || refuse "$1 has expired. Ask whoever issued it for a new one."
    openssl x509 -in "$1" -noout -checkhost "$SITE" | grep -q 'does match' || refuse "$1 is not for $SITE. Ask for one that names it, or give its name with --site."
}

# Where Caddy reads them, as its user and nobody else where we may say so.
keep_certificate() {
    local certificate=${TLS%%,*} key=${TLS#*,}
    case $TLS in /certificates/* | internal | *@*) return 0 ;; esac
    TLS="/certificates/site.crt /certificates/site.key"
    if cmp -s "$certificate" certificates/site.crt && cmp -s "$key" certificates/site.key; then return 0; fi
    rm -f certificates/site.crt certificates/site.key
    (umask 077 && cat "$certificate" >certificates/site.crt && cat "$key" >certificates/site.key)
    if [ "$(id -u)" = 0 ]; then
        chown 10002 certificates/site.crt certificates/site.key
    else
        chmod 0444 certificates/site.crt certificates/site.key
        note "certificate: other users of this machine can read certificates/site.key; sudo chown 10002 certificates/site.key && sudo chmod 400 certificates/site.key closes it"
    fi
}

# The table of deploy/models.tsv for the memory that is here: deploy/fits.awk has the arithmetic.
models_here() { # gpu|cpu
    local engine=vllm memory=$CARD_MIB share
    share=$(chosen GPU_MEMORY_SHARE 0.90)
    # Without a GPU: what is left beside PostgreSQL and our own processes, in memory that Ollama may have.
    if [ "$1" = cpu ]; then engine=ollama memory=$((($(memory_gb) - 4) * 1024)) share=1; fi
    awk -v engine="$engine" -v memory_mib="$memory" -v share="$share" -v context="$(context_tokens "$1")" -f deploy/fits.awk deploy/models.tsv
}

context_tokens() { # gpu|cpu
    if [ "$1" = cpu ]; then chosen MODEL_CONTEXT_TOKENS 8192; else chosen MODEL_CONTEXT_TOKENS 16384; fi
}

model_field() { # column gpu|cpu, of the chosen model; fails when the table does not have it
    models_here "$2" | awk -F '\t' -v model="$MODEL_CHOSEN" -v column="$1" '$1 == model {print $column; found = 1} END {exit !found}'
}

ask_model() { # gpu|cpu
    local models model format weights context fits at_once people hub licence needed number=0
    mapfile -t models < <(models_here "$1")
    MODEL_CHOSEN=${models[0]%%$'\t'*}
    [ "$ASK" = yes ] || return 0
    printf 'Which model? Computed for this machine, not measured: places for conversations of 8,000 tokens, people they serve.\n' >&2
    for model in "${models[@]}"; do
        IFS=$'\t' read -r model _ format weights context fits at_once people hub licence needed _ <<<"$model"
        number=$((number + 1))
        if [ "$fits" = yes ]; then fits="$at_once at once, about $people people"; else fits="does not fit: $needed GiB needed"; fi
        [ "$hub" = open ] || fits+="; needs a hub token"
        printf '  %s  %-46s %s, %s GiB, licence %s: %s\n' "$number" "$model" "$format" "$weights" "$licence" "$fits" >&2
    done
    ask number "Number, or a model as its hub calls it" 1
    MODEL_CHOSEN=$number
    [[ ! $number =~ ^[0-9]+$ ]] || MODEL_CHOSEN=${models[$((number - 1))]%%$'\t'*}
}

check_model_fits() { # gpu|cpu
    local model format weights context fits at_once hub needed other where
    [[ $MODEL_CHOSEN =~ ^[A-Za-z0-9._:/-]+$ ]] || { problem "model: '$MODEL_CHOSEN' is no name of a model; ./setup.sh $1 on a terminal offers some."; return; }
    if ! model=$(models_here "$1" | awk -F '\t' -v model="$MODEL_CHOSEN" '$1 == model' | grep .); then
        note "model: $MODEL_CHOSEN is not in deploy/models.tsv, so nobody knows here whether it fits"
        return
    fi
    [ "$1" = cpu ] || [ "$CARD_MIB" != 0 ] || return 0
    IFS=$'\t' read -r model _ format weights context fits at_once _ hub _ needed _ <<<"$model"
    [ "$hub" = open ] || [ -s secrets/hub_token ] || [ -n "${GIVEN[hub-token-file]:-}" ] || note "model: $model is given out to known people only; have a token of its hub ready (--hub-token-file FILE)"
    if [ "$fits" = yes ]; then
        good "model: $model ($format, $weights GiB), context $context: $at_once conversations of 8,000 tokens at once (computed)"
        return
    fi
    where="the card has $((CARD_MIB / 1024)) GiB"
    [ "$1" = gpu ] || where="beside the rest of the appliance this machine has $(($(memory_gb) - 4)) GiB"
    other=$(models_here "$1" | awk -F '\t' '$6 == "yes" {print $1}' | paste -sd , | sed 's/,/, /g')
    problem "model: $model with a context of $context tokens needs $needed GiB, $where. Choose a smaller one with --model (${other:-none of the table fits}), or a smaller MODEL_CONTEXT_TOKENS in .env."
}

# .env: every choice on a line of its own. What stands there otherwise is somebody's own and stays.
keep_choices() {
    local name
    if [ ! -f .env ]; then
        (umask 077 && printf '# Written by setup.sh, which reads it again; what else may stand here: docs/operating.md, Docker compose.\n' >.env)
        printf '==> wrote .env: people will open https://%s (certificate: %s)\n' "$SITE" "$TLS"
    fi
    keep APPLIANCE_SITE "$SITE"
    keep APPLIANCE_TLS "$TLS"
    keep MODEL "$MODEL_CHOSEN"
    keep MODEL_NAME "$MODEL_CALLED"
    for name in HTTP_PORT HTTPS_PORT BACKUP_FOLDER APPLIANCE_ACME_CA MODEL_CONTEXT_TOKENS GPU_MEMORY_SHARE; do
        [ -z "${!name:-}" ] || keep "$name" "${!name}"
    done
}

keep() { # NAME value
    local line rest=()
    grep -qxF "$1=$2" .env && return 0
    mapfile -t rest < <(grep -v "^$1=" .env)
    (umask 077 && for line in "${rest[@]}" "$1=$2"; do printf '%s\n' "$line"; done >.env.new)
    mv -f .env.new .env
}

# A model whose maker wants to know who takes it needs a token of the hub; nobody is asked for one in vain.
check_token() { # gpu|cpu
    local token=""
    [ "$1" = gpu ] || return 0
    if [ -n "${GIVEN[hub-token-file]:-}" ]; then
        [ -s "${GIVEN[hub-token-file]}" ] || refuse "the file '${GIVEN[hub-token-file]}' is empty or cannot be read (--hub-token-file)."
        replace_secret hub_token "$(tr -d ' \r\n' <"${GIVEN[hub-token-file]}")"
    fi
    if [ -s secrets/hub_token ] || ! is_gated; then return 0; fi
    if [ "$ASK" = yes ]; then
        printf '%s is given out to known people only: ask for it on https://huggingface.co/%s, make a token there.\n' "$MODEL_CHOSEN" "$MODEL_CHOSEN" >&2
        ask_secret token "Hub token (nothing is shown; empty: stop here)"
    fi
    [ -n "$token" ] || refuse "$MODEL_CHOSEN is given out to known people only. Put your hub token into secrets/hub_token (or --hub-token-file FILE), or choose an open model: --model Qwen/Qwen2.5-7B-Instruct."
    replace_secret hub_token "$token"
}

is_gated() { # by the table; of others the hub is asked, where it can be reached
    local hub
    hub=$(model_field 9 gpu) && { [ "$hub" = gated ] && return || return 1; }
    command -v curl >/dev/null || return 1
    case $(curl -s -o /dev/null -m 15 -w '%{http_code}' "https://huggingface.co/$MODEL_CHOSEN/resolve/main/config.json") in
    401 | 403) return 0 ;;
    *) return 1 ;;
    esac
}
