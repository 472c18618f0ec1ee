#!/bin/bash
# Runs the suites in order, all of them even when one fails, and closes with how many tests passed and failed altogether.
#
#   tests/run.sh [SUITE...]     one of those below, or several
set -uo pipefail
cd "$(dirname "$0")/.."
PATH=$PWD/.venv/bin:$PATH
ALL="lint types contracts unit api-sqlite api-postgresql workflows workflows-postgresql concurrency conformance fuzz simulation host"
LIMIT=1800 # seconds for one suite: none takes nearly as long, one that hangs is ended
LOGS=build/test
failed=()

mkdir -p $LOGS
rm -rf $LOGS/*.log $LOGS/reached

# tests NAME FOLDER [OPTION...]: one run of pytest
tests() {
    local name=$1 folder=$2
    shift 2
    if [ -z "$(find "tests/$folder" -name 'test_*.py' -print -quit)" ]; then
        echo "tests/$folder has no tests"
        return 0
    fi
    timeout --foreground $LIMIT pytest "tests/$folder" "$@" 2>&1 | tee "$LOGS/$name.log"
}

run() {
    case $1 in
    lint) ruff check --no-cache src tests ;; # what is sorted where depends on other files, which its cache overlooks
    types) pyright --stats 2>&1 | grep -E "error|warning|informations" ;;
    contracts) lint-imports --no-logo 2>&1 | sed -n "/^Analyzed/,\$p" ;;
    unit) tests unit unit -n 2 --dist loadfile ;;
    api-sqlite) MONOSTACK_REACHED=api tests api-sqlite api -n 2 --dist loadfile ;;
    api-postgresql) MONOSTACK_TEST_DATABASE=postgresql tests api-postgresql api -n 2 --dist loadfile ;;
    workflows) tests workflows workflows -n 2 --dist loadfile ;;
    workflows-postgresql) MONOSTACK_TEST_DATABASE=postgresql tests workflows-postgresql workflows -n 2 --dist loadfile ;;
    concurrency)
        tests concurrency concurrency
        local first=$?
        MONOSTACK_TEST_DATABASE=postgresql tests concurrency-postgresql concurrency && return $first
        ;;
    conformance) MONOSTACK_REACHED=openstackclient tests conformance conformance -n 2 ;;
    fuzz) tests fuzz fuzz -n 2 ;;
    simulation) tests simulation simulation -n 2 ;;
    host) as_root tests host host -n 2 --dist loadfile ;;
    *)
        echo "there is no suite $1; there are: $ALL" >&2
        return 2
        ;;
    esac
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else echo "the host suite makes networks and guests: run it as root" >&2 && return 1; fi
}

# The numbers of pytest's closing lines, added up.
count() {
    cat $LOGS/*.log 2> /dev/null | grep -E '^=*.* in [0-9.]+s' | grep -oE "[0-9]+ ($1)" | awk '{ sum += $1 } END { print sum + 0 }'
}

for suite in ${*:-$ALL}; do
    echo "== $suite"
    began=$SECONDS
    run "$suite" || failed+=("$suite")
    echo "== $suite took $((SECONDS - began)) s"
done
python tests/reached.py check || failed+=("docs/tested-by.txt, which \`make docs\` writes")
[ ${#failed[@]} = 0 ] || echo "failed: ${failed[*]}"
echo "$(count passed) passed, $(count 'failed|errors?') failed, $(count skipped) skipped"
[ ${#failed[@]} = 0 ]
