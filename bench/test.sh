#!/usr/bin/env bash
# Every test of isolab, with its own set-up: what CI runs, and what the README's second command runs.
#
# On Debian or Ubuntu as root it installs what the tests need; elsewhere it prints the command, and the
# tests that lack something are skipped by name. ISOLAB_TIER=full runs the same tests at full size.
# Ends with the time of each part and the list of skips; the exit status is 1 if anything failed.
set -uo pipefail
cd "$(dirname "$0")/.."
export ISOLAB_TIER="${ISOLAB_TIER:-ci}" CARGO_TERM_COLOR=never
log=$(mktemp -t isolab-test.XXXXXX)
failed=0 times=() skips=()
isolab=$(realpath -m "${CARGO_TARGET_DIR:-target}")/release/isolab

# part NAME COMMAND...: runs it, times it, shows its end if it failed
part() {
    local name=$1 start=$SECONDS
    shift
    printf '== %s\n' "$name"
    if "$@" >"$log" 2>&1; then
        grep -aE '^(test result: .* [1-9][0-9]* passed|cold cache: )' "$log"
    else
        failed=1
        printf '   FAILED: %s\n' "$*"
        # What failed, in its own words; then the end.
        grep -aE -A 6 '^(error|warning)|panicked at|^test .* FAILED' "$log" | head -n 80
        tail -n 20 "$log"
    fi
    while read -r line; do skips+=("$line"); done < <(grep -aoE 'skipped: .*' "$log" | sort -u)
    times+=("$(printf '%4d s  %s' $((SECONDS - start)) "$name")")
}

packages=(busybox-static binutils bsdutils e2fsprogs erofs-utils python3-venv qemu-system-x86 bc bison flex libelf-dev libssl-dev)
# The engines that drive the runtime, the peers that Debian has, and the browser that reads a report, as
# PACKAGE:PROGRAM. Who has the program from elsewhere keeps it: Debian's package would replace it. The tests start
# daemons of their own; whether the packages start theirs is all one.
engines=(podman:podman conmon:conmon containerd:containerd docker.io:dockerd uidmap:newuidmap umoci:umoci runc:runc
    crun:crun bubblewrap:bwrap runsc:runsc chromium:chromium chromium-driver:chromedriver)
# Waits for another apt-get that runs, and tries a bad connection again.
apt_install() {
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3 "$@"
}
setup() {
    local missing=() package
    for package in "${packages[@]}"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    for package in "${engines[@]}"; do
        command -v "${package#*:}" >/dev/null || missing+=("${package%:*}")
    done
    [ ${#missing[@]} -eq 0 ] && return
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -qq
        # All at once; else one by one, so that one that cannot be had does not keep the others away: a test that lacks
        # it says so. Only then may a package go that stands in the way, such as one of another release.
        apt_install --no-remove "${missing[@]}" && return
        for package in "${missing[@]}"; do
            apt_install --no-remove "$package" || apt_install "$package" ||
                echo "skipped: packages: apt-get could not install $package"
        done
    else
        echo "skipped: packages: not installed; to run all tests: apt-get install ${missing[*]}"
    fi
}
# What guests and the emulated machine boot. Without the network what is cached is used, and the rest skipped.
kernels() {
    "$isolab" kernel list | grep -qE '^(debian|ubuntu|host) ' || {
        echo "cold cache: the distribution's kernel is fetched"
        "$isolab" kernel get
    } || echo "skipped: kernels: no distribution's kernel; get one: isolab kernel get"
    # Known by its options: when these have changed it is built anew, which takes minutes.
    local before
    before=$("$isolab" kernel list --json)
    "$isolab" kernel build || echo "skipped: kernels: no small kernel of these options; build one: isolab kernel build"
    [ "$before" = "$("$isolab" kernel list --json)" ] || echo "cold cache: the small kernel was built"
}
# The notebooks, in an environment of their own: kept, unless their requirements have changed.
labs() {
    local why
    why=$(notebooks/setup.sh 2>&1) || {
        [ $? = 126 ] && echo "skipped: labs: $(tail -n 1 <<<"$why")" && return
        echo "$why"
        return 1
    }
    ISOLAB=$isolab .venv/bin/python notebooks/test_lab.py
}
deny() {
    # Advisories need their database from the network; what does not, is checked anyhow.
    if command -v cargo-deny >/dev/null; then
        cargo deny check licenses bans sources &&
            { cargo deny check advisories || echo "skipped: cargo deny advisories: see above"; }
    else
        echo "skipped: cargo deny: not installed; cargo install cargo-deny --locked"
    fi
}
# Waits for the emulated machine, and tells what it told.
emulated() {
    local status=0
    wait "$machine" || status=$?
    cat "$emulated"
    return $status
}
small=(-p isolab-floors -p isolab-guest -p isolab-init -p isolab-timeline -p isolab-workload)
programs=(-p isolab-workload -p isolab-floors -p isolab-guest -p isolab-init
    --features isolab-workload/program,isolab-floors/program,isolab-guest/program,isolab-init/program)

# The measured programs, the lab and all of its tests: of the same packages and in the same profile for the tests here, in
# the emulated machine and in the benches. With others, cargo would choose other features for what they share, and compile
# it once more; so what the README's `cargo run` compiles is only checked.
lab=(-p isolab -p isolab-runtime -p isolab-microvm)
part "set-up" setup
part "build" cargo test --release --locked --no-run "${lab[@]}"
part "kernels" kernels
# On one CPU, beside the rest: no test asks how long something takes.
emulated=$(mktemp -t isolab-test.XXXXXX)
# In a process group of its own (set -m), so that it ends as a whole with this script, whatever ends that.
set -m
bench/emulated.sh >"$emulated" 2>&1 </dev/null &
machine=$!
set +m
trap 'kill -- "-$machine" 2>/dev/null' EXIT
part "format" cargo fmt --all --check
part "build, as a user does" cargo check --release --locked
part "lint" cargo clippy --workspace --all-targets --locked -- -D warnings
part "lint the measured programs" cargo clippy --profile program --bins --locked "${programs[@]}" -- -D warnings
part "documentation" env RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked
part "licences and advisories" deny
part "tests" cargo test --release --locked --no-fail-fast "${lab[@]}" -- --nocapture
part "tests of the small programs" cargo test --locked --no-fail-fast "${small[@]}" -- --nocapture
part "labs" labs
part "the rest of the emulated machine" emulated
part "benches run" cargo bench --locked "${lab[@]}" --bench startup --bench boot --bench memory --bench density -- --test

printf '\nTime by part (tier %s):\n' "$ISOLAB_TIER"
printf '%s\n' "${times[@]}"
printf '%4d s  all\n' "$SECONDS"
printf '\nSkipped: %d\n' ${#skips[@]}
[ ${#skips[@]} -gt 0 ] && printf '  %s\n' "${skips[@]}"
rm -f "$log" "$emulated"
[ $failed -eq 0 ] && echo "Everything passed." || echo "Something FAILED: see above."
exit $failed
