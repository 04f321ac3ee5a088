# Thin recipes over cargo. `just` alone lists them.

_default:
    @just --list

# Compares the start-up of all that this machine can run, into reports/latest
compare *ARGS:
    cargo run --release -- compare {{ARGS}}

# Says what this machine can do
doctor:
    cargo run --release -- doctor

# Installs what the tests need, lints, and runs every test (under 25 minutes on 2 cores)
test:
    bench/test.sh

# The same tests at full size
test-full:
    ISOLAB_TIER=full bench/test.sh

# Start-up of each stack and the pieces of each wall, by criterion
bench *ARGS:
    cargo bench -p isolab {{ARGS}}

# Formats everything
fmt:
    cargo fmt --all

# The documentation of all crates: each opens with a tour
doc:
    cargo doc --workspace --no-deps --open

# Licences, advisories and duplicates of the dependencies
deny:
    cargo deny check
