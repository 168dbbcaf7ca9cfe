#!/usr/bin/env bash
# Everything that a machine without the internet needs, in one archive; docs/operating.md, "Without the internet".
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
# shellcheck source=deploy/lib.sh
. deploy/lib.sh
# shellcheck source=scripts/airgap/images.sh
. scripts/airgap/images.sh
# shellcheck source=scripts/airgap/signing.sh
. scripts/airgap/signing.sh

usage() {
    cat <<'TEXT'
Usage: scripts/airgap_bundle.sh [OPTIONS]

  --output DIR        where the archive is put (./dist)
  --ref REF           the commit to pack (HEAD); what is not committed is never packed
  --python 3.11|3.12|3.13, --machine x86_64|aarch64, --glibc 2.28
                      what the other machine has (this machine's Python and machine; the oldest glibc it may have)
  --images gpu|cpu    the images of that compose file too, pinned and built; needs docker here
  --models DIR        models to take along: each folder or file of DIR, folders of a hub's cache (models--ORG--NAME) too
  --no-embedding      without the embedding model; it is then made at the first start
  --sign ssh:FILE|minisign:FILE|gpg:ID
                      sign the list of checksums with that private key
  --format gz|zst     gz is unpacked everywhere; zst is quicker and smaller, for images
  --split SIZE        in parts, for media that hold no large file: 4000M

The same input gives the same archive, byte for byte. It prints name, bytes and checksum, so that a copy can be resumed
and checked. On the other machine: unpack it, then ./install.sh --help.
TEXT
}

refuse() {
    printf 'airgap_bundle: %s\n' "$1" >&2
    exit "${2:-1}"
}

OUTPUT=$PWD/dist REF=HEAD PYTHON_WANTED="" MACHINE="" GLIBC=2.28 IMAGES=no MODELS="" EMBEDDING=yes SIGN="" FORMAT=gz SPLIT=""

read_options() {
    while [ $# -gt 0 ]; do
        case $1 in
        -h | --help) usage; exit 0 ;;
        --no-embedding) EMBEDDING=no; shift; continue ;;
        --output | --ref | --python | --machine | --glibc | --images | --models | --sign | --format | --split) ;;
        *) refuse "there is no option $1; see --help." 2 ;;
        esac
        [ $# -ge 2 ] && [ -n "$2" ] || refuse "$1 needs a value; see --help." 2
        case $1 in
        --output) OUTPUT=$(realpath -m -- "$2") ;;
        --ref) REF=$2 ;;
        --python) PYTHON_WANTED=$2 ;;
        --machine) MACHINE=$2 ;;
        --glibc) GLIBC=$2 ;;
        --images) IMAGES=$2 ;;
        --models) MODELS=$(realpath -m -- "$2") ;;
        --sign) SIGN=$2 ;;
        --format) FORMAT=$2 ;;
        --split) SPLIT=$2 ;;
        esac
        shift 2
    done
}

# Before anything takes long.
check_options() {
    case $PYTHON_WANTED in "" | 3.11 | 3.12 | 3.13) ;; *) refuse "--python is 3.11, 3.12 or 3.13, not '$PYTHON_WANTED'." 2 ;; esac
    case $MACHINE in "" | x86_64 | aarch64) ;; *) refuse "--machine is x86_64 or aarch64, not '$MACHINE'." 2 ;; esac
    case $IMAGES in no | gpu | cpu) ;; *) refuse "--images is gpu or cpu, not '$IMAGES'." 2 ;; esac
    case $FORMAT in gz | zst) ;; *) refuse "--format is gz or zst, not '$FORMAT'." 2 ;; esac
    [[ $GLIBC =~ ^2\.[0-9]+$ ]] || refuse "--glibc is a version such as 2.28, not '$GLIBC'." 2
    [[ $SPLIT =~ ^([0-9]+[KMG]?)?$ ]] || refuse "--split is a size such as 4000M, not '$SPLIT'." 2
    [ -z "$MODELS" ] || [ -d "$MODELS" ] || refuse "--models: there is no folder $MODELS." 2
    [ "$FORMAT" = gz ] || command -v zstd >/dev/null || refuse "--format zst needs zstd (Debian, Ubuntu: apt-get install zstd)."
    check_signing "$SIGN"
    COMMIT=$(git rev-parse --quiet --verify "$REF^{commit}" 2>/dev/null) || refuse "git knows no commit $REF here."
    [ "$IMAGES" = no ] || check_docker_engine
}

# The Python that this checkout is installed into; it is left as it is when it is there.
find_tools() {
    [ -x "$VENV/bin/python" ] || ./setup.sh install
    APPLIANCE_INSTALLER=pip find_installers
    [ -n "$PYTHON_WANTED" ] || PYTHON_WANTED=$("$VENV/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    [ -n "$MACHINE" ] || MACHINE=$(uname -m)
}

pack_code() {
    step "code of $(git describe --always --tags "$COMMIT"), without its tests"
    mkdir "$STAGE/code"
    git archive "$COMMIT" -- . ':(exclude)tests' ':(exclude).ci' ':(exclude).github' ':(exclude).gitlab-ci.yml' \
        ':(exclude)requirements-test.lock' | tar -x -C "$STAGE/code"
    [ -f "$STAGE/code/deploy/airgap/install.sh" ] || refuse "$REF is older than bundles: it has no deploy/airgap/install.sh."
    cp -- "$STAGE/code/deploy/airgap/install.sh" "$STAGE/install.sh"
    VERSION=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' "$STAGE/code/appliance/__init__.py")
}

# And pip and uv themselves, which install them there: a Python may come without any.
pack_wheels() {
    local options
    step "wheels for Python $PYTHON_WANTED on $MACHINE with glibc $GLIBC or newer"
    "$VENV/bin/python" -P scripts/airgap/wheels.py choose "$STAGE/code/requirements.lock" "$STAGE/code/deploy/airgap/installers.lock" \
        --python "$PYTHON_WANTED" --machine "$MACHINE" --glibc "$GLIBC" --to "$WORK/chosen.lock" >"$WORK/options" ||
        refuse "the lock files cannot be read; the reason stands above."
    mapfile -t options <"$WORK/options"
    "${PIP[@]}" --quiet download --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: "${options[@]}" \
        --dest "$STAGE/wheels" --requirement "$WORK/chosen.lock" ||
        refuse "the wheels could not be had; the reason stands above. Where none fits, a newer --glibc or another --python may."
    INSTALLED_MB=$("$VENV/bin/python" -P scripts/airgap/wheels.py check "$WORK/chosen.lock" "$STAGE/wheels") ||
        refuse "the wheels are not what was asked for; the reason stands above."
    printf '    %s wheels, %s MB; %s MB once installed\n' "$(find "$STAGE/wheels" -name '*.whl' | wc -l)" "$(megabytes "$STAGE/wheels")" "$INSTALLED_MB"
}

# Links are followed and no link is packed: a checksum is about bytes. Of a hub's cache that is its snapshots.
pack_models() {
    local each name
    if [ "$EMBEDDING" = yes ]; then
        step "the embedding model, built"
        mkdir -p "$STAGE/models"
        PYTHONPATH=$STAGE/code PYTHONDONTWRITEBYTECODE=1 "$VENV/bin/python" -P -c \
            'import sys, pathlib; from inference.embedding.build_minilm import ensure; ensure(pathlib.Path(sys.argv[1]))' "$STAGE/models" ||
            refuse "the embedding model could not be built. Is $VENV installed (./setup.sh install)? --no-embedding leaves it to the first start."
    fi
    [ -n "$MODELS" ] || return 0
    for each in "$MODELS"/*; do
        name=${each##*/}
        step "model $name, $(megabytes "$each") MB"
        case $name in
        models--*)
            mkdir -p "$STAGE/hub/$name"
            cp -rL -- "$each/refs" "$each/snapshots" "$STAGE/hub/$name/" || refuse "$each is no whole model of a hub's cache."
            ;;
        *)
            mkdir -p "$STAGE/models"
            cp -rL -- "$each" "$STAGE/models/" || refuse "$each could not be copied."
            ;;
        esac
    done
}

megabytes() { echo $(($(du -sbL -- "$1" | cut -f 1) / 1000000 + 1)); }

seal() {
    step "checksums"
    find "$STAGE" -name __pycache__ -type d -prune -exec rm -rf {} +
    printf '%s\n' "VERSION=$VERSION" "COMMIT=$COMMIT" "PYTHON=$PYTHON_WANTED" "MACHINE=$MACHINE" "GLIBC=$GLIBC" "IMAGES=$IMAGES" \
        "NEEDED_MB=$((INSTALLED_MB + $(megabytes "$STAGE/code") + $(du -sbc "$STAGE"/models "$STAGE"/hub 2>/dev/null | tail -n 1 | cut -f 1) / 1000000))" >"$STAGE/BUNDLE"
    [ -z "$(find "$STAGE" ! -type f ! -type d -print -quit)" ] || refuse "there is a link in it: $(find "$STAGE" ! -type f ! -type d -print -quit)."
    (cd "$STAGE" && find . -type f ! -name SHA256SUMS -printf '%P\0' | LC_ALL=C sort -z | xargs -0 sha256sum --) >"$WORK/sums"
    mv "$WORK/sums" "$STAGE/SHA256SUMS"
    sign "$SIGN" "$STAGE/SHA256SUMS"
}

# Names sorted, one time and one owner for all: the same input gives the same bytes.
write_archive() {
    local name archive total words compress
    name=llm-appliance-$VERSION-py${PYTHON_WANTED/./}-$MACHINE
    [ "$IMAGES" = no ] || name+=-$IMAGES
    archive=$OUTPUT/$name.tar.$FORMAT
    total=$(du -sb "$STAGE" | cut -f 1)
    step "writing $archive: $((total / 1000000)) MB in $(find "$STAGE" -type f | wc -l) files"
    mkdir -p "$OUTPUT"
    compress=(gzip -n -6)
    [ "$FORMAT" = gz ] || compress=(zstd -q -T0 -6)
    mv "$STAGE" "$WORK/$name"
    tar -C "$WORK" --create --sort=name --format=gnu --owner=0 --group=0 --numeric-owner --mode='u=rwX,go=rX' \
        --mtime="@$(git show -s --format=%ct "$COMMIT")" "$name" | meter "$total" | "${compress[@]}" >"$archive.part"
    mv "$archive.part" "$archive"
    (cd "$OUTPUT" && sha256sum "${archive##*/}") >"$archive.sha256"
    words=$(stat -c '%s bytes' "$archive")
    sign "$SIGN" "$archive.sha256"
    [ -z "$SPLIT" ] || split_archive "$archive"
    step "ready: $archive, $words, sha256 $(cut -d ' ' -f 1 "$archive.sha256")"
}

meter() { # bytes
    if [ -t 2 ]; then
        printf '    of %s bytes:\n' "$1" >&2
        dd bs=1M iflag=fullblock status=progress
    else
        cat
    fi
}

split_archive() { # archive
    rm -f -- "$1".part-*
    split --bytes="$SPLIT" --numeric-suffixes --suffix-length=3 "$1" "$1.part-"
    rm -- "$1"
    (cd "$OUTPUT" && sha256sum "${1##*/}".part-*) >>"$1.sha256"
    printf '    %s parts; put together again: cat %s.part-* >%s\n' "$(find "$OUTPUT" -name "${1##*/}.part-*" | wc -l)" "${1##*/}" "${1##*/}"
}

read_options "$@"
check_options
umask 022
WORK=$(mktemp -d)
trap 'rm -rf -- "$WORK"' EXIT
STAGE=$WORK/stage
mkdir "$STAGE"
find_tools
pack_code
pack_wheels
pack_models
[ "$IMAGES" = no ] || pack_images
seal
write_archive
