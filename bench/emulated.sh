#!/usr/bin/env bash
# The integration tests again, in the emulated machine: a real kvm_amd, cgroup v2 with all controllers, root, and
# an ordinary user with a cgroup subtree of its own. One boot for all of them. One CPU and one test at a time: with two
# busy CPUs the emulator lets a nested guest spin for ever now and then.
#
# Prints what the tests print, their skips among it; the exit status is 1 if a test failed, and that of
# `isolab emulate` if the machine did.
set -euo pipefail
cd "$(dirname "$0")/.."
export ISOLAB_TIER="${ISOLAB_TIER:-ci}"

# Test binaries that need root, KVM or cgroups; the others have nothing to learn there.
everyone=(isolab_runtime command limits words)
root=(cleanup isolation root rootless cgroup cgroup_commands escape exec exec_places hooks identities lifecycle mounts
    program protect seccomp_kernel spec isolab_microvm boot devices guest_file image linux linux_devices linux_smp
    misbehaving pack probe refusals smp tap terminal unikernel counts ladder lab memory microvm tax workload)

# Seconds, of which an emulated CPU takes many.
limit=1500
if [ "$ISOLAB_TIER" = full ]; then
    root+=(bad_input crash many)
    limit=5400
fi

# Optimised: an emulated CPU is slow. The programs beside them are what the tests start.
built=$(cargo test --release --locked --no-run --message-format=json-render-diagnostics \
    -p isolab-runtime -p isolab-microvm -p isolab | grep -o '"executable":"[^"]*"' | cut -d'"' -f4)
named() { # NAME...: the test binaries called so
    local name
    for name in "$@"; do grep -E "/deps/$name-[0-9a-f]{16}\$" <<<"$built" || true; done
}

work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
cat >"$work/steps" <<'STEPS'
# As `sh steps ROOT'S... -- EVERYONE'S...`, in the machine.
failed=0
# A kind of network device that needs nothing below it.
busybox insmod "$(dirname "$0")/dummy.ko" || echo "skipped: dummy network device: this kernel came without the module"
for kernel in ~/.cache/isolab/kernels/*/vmlinux; do
    case $kernel in
    */small-*) export ISOLAB_KERNEL_SMALL="$kernel" ;;
    *) export ISOLAB_KERNEL_DISTRO="$kernel" ;;
    esac
done
try() { # WHO COMMAND...
    local who=$1
    shift
    echo "== $who: ${2:-$1}"
    "$@" --nocapture --test-threads=1 2>&1 || failed=1
}
while [ "$1" != -- ]; do
    try root env "$1"
    shift
done
shift
for test in "$@"; do try root env "$test"; done

# The subtree of an ordinary user, as systemd would delegate it (kernel documentation, "Control Group v2",
# "Delegation"): the folder and these files are the user's, the limits in it are not.
group=/sys/fs/cgroup/student
mkdir -p "$group/login"
echo "+cpu +memory +pids" >/sys/fs/cgroup/cgroup.subtree_control
chown 1000:1000 "$group" "$group/login" "$group"/cgroup.procs "$group"/cgroup.subtree_control \
    "$group/login"/cgroup.procs
student() {
    sh -c 'echo $$ >'"$group"'/login/cgroup.procs && exec setpriv --reuid=1000 --regid=1000 --clear-groups "$@"' - "$@"
}
for test in "$@"; do try student student "$test"; done
exit $failed
STEPS

given=(--in "$work/steps")
for module in ~/.cache/isolab/kernels/*/modules/kernel/drivers/net/dummy.ko; do
    if [ -e "$module" ]; then cp "$module" "$work/dummy.ko" && given+=(--in "$work/dummy.ko"); fi
done
for file in $built; do
    case $file in
    */deps/*) ;;
    *) given+=(--in "$file") ;;
    esac
done
mapfile -t for_root < <(named "${root[@]}")
mapfile -t for_everyone < <(named "${everyone[@]}")
for file in "${for_root[@]}" "${for_everyone[@]}"; do given+=(--in "$file"); done
# What tests ask this host for.
for tool in bash unshare setpriv objdump script mkfs.erofs mkfs.ext4; do
    if path=$(command -v "$tool"); then given+=(--in "$path"); fi
done

status=0
target=$(sed -n 's|/isolab-runtime$||p' <<<"$built" | grep -v /deps/)
"$target/isolab" emulate --cpus 1 --memory 4096 --out "$work" --timeout "${ISOLAB_EMULATED_LIMIT:-$limit}" "${given[@]}" \
    exec -- /bin/sh "$work/steps" "${for_root[@]}" -- "${for_everyone[@]}" || status=$?
# It has said what it lacks, with the fix.
[ $status = 126 ] && echo "skipped: emulated machine: QEMU or kernel are missing: see above" && exit 0
exit $status
