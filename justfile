# Thin recipes over cargo. `just` alone lists them.

_default:
    @just --list

# Compares the start-up of all that this machine can run, into reports/latest
compare *ARGS:
    cargo run --release -- compare {{ARGS}}

# What one more idle instance of each stack costs in memory, line by line
memory *ARGS:
    cargo run --release -- memory {{ARGS}}

# Holds more and more idle instances of each stack, into reports/density
density *ARGS:
    cargo run --release -- density {{ARGS}}

# Says whether B is slower than A: two git revisions, or folders of built programs
gate A B *ARGS:
    cargo run --release -- gate {{A}} {{B}} {{ARGS}}

# Measures each rung of a container and of a VM, into reports/ladder
ladder *ARGS:
    cargo run --release -- ladder {{ARGS}}

# Says what this machine can do
doctor:
    cargo run --release -- doctor

# Opens the first lab in Jupyter, in an environment that is made once
lab:
    notebooks/setup.sh
    .venv/bin/jupyter lab notebooks/01-first-comparison.ipynb

# Installs what the tests need, lints, and runs every test (under 25 minutes on 2 cores)
test:
    bench/test.sh

# The same tests at full size
test-full:
    ISOLAB_TIER=full bench/test.sh

# Start-up, boot, memory and density of each stack, by criterion
bench *ARGS:
    cargo bench -p isolab {{ARGS}}

# The same Linux guest by our VMM and by its peers, in the emulated machine, in virtual time
bench-boot: (_in-machine "boot" "--deterministic")

# The same container by our runtime, crun, runc and youki, as far as they are found along PATH
bench-oci:
    cargo bench -p isolab --bench oci

# The same in the emulated machine, in virtual time
bench-oci-virtual: (_in-machine "oci" "--deterministic")

# What one more idle container costs in kernel memory, by the same runtimes, in the emulated machine
bench-idle: (_in-machine "idle" "--cpus" "1")

# Runs a bench in the emulated machine, with the peers that are found along PATH
_in-machine BENCH *MACHINE:
    #!/usr/bin/env bash
    set -euo pipefail
    bench=$(cargo bench --no-run -p isolab --bench {{BENCH}} --message-format=json-render-diagnostics |
        grep -o '"executable":"[^"]*/{{BENCH}}-[^"]*"' | cut -d'"' -f4)
    given=(--in "$bench")
    path=/usr/local/bin:/usr/bin:/bin
    for rom in qboot.rom linuxboot_dma.bin pvh.bin kvmvapic.bin; do
        [ ! -e "/usr/share/qemu/$rom" ] || given+=(--in "/usr/share/qemu/$rom")
    done
    for peer in crun runc youki qemu-system-x86_64 firecracker cloud-hypervisor; do
        found=$(command -v $peer) || continue
        given+=(--in "$found")
        path+=":${found%/*}"
    done
    cargo run --release -- emulate {{MACHINE}} "${given[@]}" exec -- /bin/sh -c "PATH=$path exec $bench"

# Formats everything
fmt:
    cargo fmt --all

# The documentation of all crates: each opens with a tour
doc:
    cargo doc --workspace --no-deps --open

# Licences, advisories and duplicates of the dependencies
deny:
    cargo deny check
