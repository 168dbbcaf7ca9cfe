#!/usr/bin/env bash
# A release: number, changelog, tag, bundle, bill of materials, checksums, notes. CONTRIBUTING.md, "Releasing".
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
# shellcheck source=deploy/lib.sh
. deploy/lib.sh
# shellcheck source=scripts/airgap/signing.sh
. scripts/airgap/signing.sh

usage() {
    cat <<'TEXT'
Usage: scripts/release.sh VERSION [OPTIONS] [-- OPTIONS OF scripts/airgap_bundle.sh]

  --tested REF   do not run the tests: they were green for REF, whose files are exactly these
  --dry-run      show what would change and be said; changes nothing
  --push         send branch and tag to the remote (origin; --remote NAME); without it nothing leaves this machine
  --sign KEY     ssh:FILE, minisign:FILE or gpg:ID, for bundle and checksums
  --output DIR   where the files are put (./dist/vVERSION)

Everything is made in a clone first. This checkout gets the commit and the tag at the very end, when nothing failed.
TEXT
}

refuse() {
    printf 'release: %s\n' "$1" >&2
    exit "${2:-1}"
}

VERSION="" TESTED="" DRY_RUN=no PUSH=no REMOTE=origin SIGN="" OUTPUT="" BUNDLE_OPTIONS=()

read_options() {
    while [ $# -gt 0 ]; do
        case $1 in
        -h | --help) usage; exit 0 ;;
        --dry-run) DRY_RUN=yes ;;
        --push) PUSH=yes ;;
        --) shift; BUNDLE_OPTIONS=("$@"); break ;;
        --tested | --remote | --sign | --output)
            [ -n "${2:-}" ] || refuse "$1 needs a value; see --help." 2
            case $1 in
            --tested) TESTED=$2 ;;
            --remote) REMOTE=$2 ;;
            --sign) SIGN=$2 ;;
            --output) OUTPUT=$(realpath -m -- "$2") ;;
            esac
            shift
            ;;
        -*) refuse "there is no option $1; see --help." 2 ;;
        *) [ -z "$VERSION" ] || refuse "one VERSION only; see --help." 2; VERSION=$1 ;;
        esac
        shift
    done
    [ -n "$VERSION" ] || { usage >&2; exit 2; }
    [[ $VERSION =~ ^[0-9]+\.[0-9]+\.[0-9]+((a|b|rc)[0-9]+)?$ ]] || refuse "VERSION is a number such as 1.2.3 or 1.2.3rc1, not '$VERSION'." 2
    TAG=v$VERSION OUTPUT=${OUTPUT:-$PWD/dist/$TAG}
}

check_checkout() {
    BRANCH=$(git symbolic-ref --quiet --short HEAD) || refuse "this checkout is on no branch."
    [ -z "$(git status --porcelain)" ] || refuse "there is something that is not committed; a release is of a commit: $(git status --porcelain | head -n 3 | tr '\n' ' ')"
    ! git rev-parse --quiet --verify "refs/tags/$TAG" >/dev/null || refuse "there is a tag $TAG already."
    check_signing "$SIGN"
    [ "$PUSH" = no ] || git remote get-url "$REMOTE" >/dev/null 2>&1 || refuse "--push: there is no remote $REMOTE."
    [ -x "$VENV/bin/python" ] || ./setup.sh install
}

check_tests() {
    if [ -z "$TESTED" ]; then
        [ "$DRY_RUN" = no ] || return 0
        ./setup.sh test || refuse "the tests are not green; nothing was changed."
        [ -z "$(git status --porcelain)" ] || refuse "the tests changed files: $(git status --porcelain | head -n 3 | tr '\n' ' ')"
    else
        git rev-parse --quiet --verify "$TESTED^{commit}" >/dev/null || refuse "--tested: git knows no commit $TESTED."
        [ "$(git rev-parse "$TESTED^{tree}")" = "$(git rev-parse 'HEAD^{tree}')" ] ||
            refuse "--tested: the files of $TESTED are not these; run the tests of what is released."
    fi
}

# In the clone: the commit and the tag as they will be.
prepare() {
    local date name
    CLONE=$WORK/clone
    git clone --quiet --no-hardlinks --branch "$BRANCH" -- "$PWD" "$CLONE"
    date=$(date -u ${SOURCE_DATE_EPOCH:+-d "@$SOURCE_DATE_EPOCH"} +%F)
    for name in user.name user.email; do
        git -C "$CLONE" config "$name" "$(git config "$name" || echo release)"
    done
    in_tools scripts.release.version "$CLONE" "$VERSION" "$date" --notes "$WORK/RELEASE_NOTES.md" || exit 1
    git -C "$CLONE" commit --quiet --all --message "release: $VERSION"
    git -C "$CLONE" tag --annotate --cleanup=verbatim --message "$VERSION

$(cat "$WORK/RELEASE_NOTES.md")" "$TAG"
}

# Tools of the release alone, as scripts/release/tools.lock names them; nothing of them is installed into the product.
in_tools() { # module arguments...
    local python=$VENV/bin/python
    if ! "$python" -P -c 'import cyclonedx, license_expression, packaging' 2>/dev/null && [ ! -d "$WORK/tools" ]; then
        APPLIANCE_INSTALLER=pip find_installers
        "${PIP[@]}" --quiet install --disable-pip-version-check --no-deps --require-hashes --target "$WORK/tools" -r scripts/release/tools.lock ||
            refuse "the tools of scripts/release/tools.lock could not be installed; the reason stands above."
    fi
    PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$PWD:$WORK/tools "$python" -P -m "$@"
}

make_files() {
    local made=$WORK/made unpacked
    mkdir "$made"
    (cd "$CLONE" && APPLIANCE_VENV=$VENV scripts/airgap_bundle.sh --ref "$TAG" --output "$made" ${SIGN:+--sign "$SIGN"} "${BUNDLE_OPTIONS[@]}") ||
        refuse "the bundle could not be made; nothing was changed."
    unpacked=$WORK/unpacked
    mkdir "$unpacked"
    tar_of "$made" | tar -x -C "$unpacked" --wildcards '*/wheels/*' || refuse "the bundle cannot be read again."
    step "bill of materials and licences"
    in_tools scripts.release.bill --wheels "$unpacked"/*/wheels --code "$CLONE" --version "$VERSION" \
        --time "$(git -C "$CLONE" show -s --format=%cI "$TAG^{commit}")" --bill "$made/sbom.cdx.json" --report "$made/LICENCES.md" ||
        refuse "licences have to be looked at (scripts/release/licences.toml); nothing was changed."
    cp -- "$WORK/RELEASE_NOTES.md" "$made/"
    (cd "$made" && find . -type f -printf '%P\0' | LC_ALL=C sort -z | xargs -0 sha256sum -- >"$WORK/SHA256SUMS" && mv "$WORK/SHA256SUMS" .)
    sign "$SIGN" "$made/SHA256SUMS"
}

# The archive again, whether it is whole or in parts; of sums and signatures nothing.
tar_of() { # folder
    local archive=() each
    for each in "$1"/*.tar.gz "$1"/*.tar.zst "$1"/*.part-*; do
        [ ! -f "$each" ] || archive+=("$each")
    done
    case ${archive[0]} in *.zst*) cat "${archive[@]}" | zstd -q -d ;; *) cat "${archive[@]}" | gzip -d ;; esac
}

publish() {
    mkdir -p -- "$OUTPUT"
    cp -r -- "$WORK/made/." "$OUTPUT/"
    git fetch --quiet "$CLONE" "refs/tags/$TAG:refs/tags/$TAG"
    git merge --quiet --ff-only "$TAG" || { git tag --delete "$TAG" >/dev/null; refuse "this checkout went on meanwhile; run it again."; }
    if [ "$PUSH" = yes ]; then
        git push --quiet --atomic "$REMOTE" "$BRANCH" "$TAG" || refuse "it could not be pushed; commit, tag and $OUTPUT are there: git push --atomic $REMOTE $BRANCH $TAG"
        step "pushed $BRANCH and $TAG to $REMOTE"
    fi
    step "$TAG is made: $OUTPUT"
    [ "$PUSH" = yes ] || printf '    nothing was pushed: git push --atomic %s %s %s\n' "$REMOTE" "$BRANCH" "$TAG"
}

read_options "$@"
check_checkout
check_tests
WORK=$(mktemp -d)
trap 'rm -rf -- "$WORK"' EXIT
prepare
if [ "$DRY_RUN" = yes ]; then
    step "this would change:"
    git -C "$CLONE" --no-pager show --format= "$TAG^{commit}"
    step "and this would be said of $TAG:"
    cat "$WORK/RELEASE_NOTES.md"
    exit 0
fi
make_files
publish
