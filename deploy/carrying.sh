# shellcheck shell=bash
# shellcheck disable=SC2154  # what ssh_deploy.sh sets, which sources this: here folder target become facts id release dry_run
# What ssh_deploy.sh carries to the server: the release, under an id of its own, and the steps that are taken there.

# The same release has the same id, whoever brings it and how often: a second run goes on with what the first has left.
export_release() {
    local name
    release=${release:-$([ -e "$here/.git" ] && echo HEAD || echo "$here")}
    mkdir "$folder/release"
    if [ -d "$release" ]; then
        tar -C "$release" -c --exclude-vcs --exclude=__pycache__ --exclude=./{data,.env,secrets,certificates,.venv} --exclude='./.*_cache' . |
            tar -x -C "$folder/release"
        name=$(basename -- "$(cd -- "$release" && pwd)" | tr -cd 'A-Za-z0-9._-')
        id=$name-$(cd "$folder/release" && find . -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c 1-10)
    else
        id=$(git -C "$here" log -1 --date=format:%Y%m%d-%H%M%S --format=%cd-%h --abbrev=10 "$release" -- 2>/dev/null) || fail "'$release' is neither a folder nor a commit of $here"
        git -C "$here" archive "$release" | tar -x -C "$folder/release"
    fi
    [ -x "$folder/release/setup.sh" ] || fail "$release holds no setup.sh: it is not a release"
    chmod -R u=rwX,go=rX "$folder/release"
}

# Times are left out: a file that did not change is a hard link to the last release's, whatever its date.
copy_files() {
    local place=${facts[place]} flags=(-rlpcz --partial --delete -e "ssh ${ssh_options[*]}")
    if [ "${facts[here]}" = yes ]; then say "$id is there already"; return; fi
    [ -z "$become" ] || flags+=(--rsync-path="$become rsync")
    if [ "$dry_run" = true ]; then
        show_difference
        return
    fi
    say "copying $(du -sh "$folder/release" | cut -f 1) to $target:$place"
    on_server "$become mkdir -p -- $place/.deploy/incoming/$id"
    if [ "${facts[rsync]}" = yes ]; then
        [ -z "${facts[current]}" ] || flags+=(--link-dest="$place/releases/${facts[current]}/")
        rsync "${flags[@]}" "$folder/release/" "$target:$place/.deploy/incoming/$id/" ||
            fail "the copy broke off, nothing was changed. Run this again: it goes on from there" 5
    else
        printf '    without rsync (apt-get install rsync, here and there): all of it anew\n'
        tar -C "$folder/release" -cz . | on_server "$become tar -xz -C $place/.deploy/incoming/$id" ||
            fail "the copy broke off, nothing was changed. Run this again" 5
    fi
}

show_difference() {
    if [ -n "${facts[current]}" ] && [ "${facts[rsync]}" = yes ]; then
        say "what $id changes of ${facts[current]}"
        rsync "${flags[@]}" --dry-run --itemize-changes --exclude={/data,/.env,/secrets,/certificates,/.venv,__pycache__} "$folder/release/" "$target:${facts[place]}/releases/${facts[current]}/"
    else
        say "would copy $(find "$folder/release" -type f | wc -l) files, $(du -sh "$folder/release" | cut -f 1)"
    fi
}

# A folder of its own for every version of the steps: a deploy that runs is never written over.
send_steps() {
    local sum
    sum=$(cat "$here"/deploy/server/*.* | sha256sum | cut -c 1-12)
    steps=${facts[place]}/.deploy/steps-$sum
    on_server "$become sh -c '[ -e $steps ] || { umask 022 && mkdir -p $steps.\$\$ && tar -x -C $steps.\$\$ && mv -T $steps.\$\$ $steps; }'" < <(tar -C "$here/deploy/server" -c --exclude=__pycache__ .)
}
