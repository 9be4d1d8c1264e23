#!/usr/bin/env bash
# The ledger at work on real samples, from nothing to a checked export. Everything happens in a temporary folder.
# LEDGER names the program (default: ledger); DEMO_KEEP=1 keeps the folder.
set -euo pipefail

ledger=${LEDGER:-ledger}
data=$(cd "$(dirname "${BASH_SOURCE[0]}")/../tests/data/toolset" && pwd)
folder=$(mktemp -d "${TMPDIR:-/tmp}/ledger-demo.XXXXXX")
finish() {
    if [ -n "${DEMO_KEEP:-}" ]; then
        printf '\nkept: %s\n' "$folder"
    else
        rm -rf "$folder"
    fi
}
trap finish EXIT

export LEDGER_WITNESS_DIR="$folder/witness" LEDGER_ACTOR="${LEDGER_ACTOR:-demo}"
unset LEDGER_PATH
cd "$folder"
cp "$data/poor.jsonl" "$data/enhanced.jsonl" "$data/scored.jsonl" .

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$(printf '\033[1m') blue=$(printf '\033[34m') plain=$(printf '\033[0m')
else
    bold='' blue='' plain=''
fi

say() { printf '\n%s# %s%s\n' "$blue" "$*" "$plain"; }
show() { printf '%s$ %s%s\n' "$bold" "$*" "$plain"; }
quoted() { # arguments as one would type them
    local word typed=()
    for word in "$@"; do
        case $word in
            *[!a-zA-Z0-9_./@:=-]*) typed+=("'$word'") ;;
            *) typed+=("$word") ;;
        esac
    done
    printf '%s' "${typed[*]}"
}
run() {
    show "$(quoted "$@")"
    "$@"
}
ask() {
    show "ledger $(quoted "$@")"
    "$ledger" "$@"
}
field() { # the text of the n-th "key" in a JSON answer
    sed -n "s/^ *\"$1\": \"\(.*\)\",\{0,1\}\$/\1/p" | sed -n "${2}p"
}

say 'A ledger is one file. Rows that agents found poor go in, the same rows improved, and rows that were only scored.'
ask init
ask ingest poor.jsonl enhanced.jsonl scored.jsonl --campaign toolset
ask status

say 'Scores that the rows came with are recorded, and a policy labels by them. Every decision names its rule.'
ask score import --field quality_scores
ask decide --policy toolset-relabel

say 'What would a lower threshold change? Nothing is written.'
ask whatif --set threshold.min_overall=2.5 --limit 3

say 'People decide too, and outrank policies. What is rejected stays, but is not exported.'
ingested=$("$ledger" log --limit 1000 --json)
good=$(printf '%s\n' "$ingested" | field event 100 | cut -c1-12)
bad=$(printf '%s\n' "$ingested" | field event 3 | cut -c1-12)
ask accept "$good" --reason 'a good example'
ask reject "$bad" --reason 'does only the first of three steps'

say 'The main job: a KTO file in which every batch of 4 holds both labels and no prompt twice.'
ask project kto-interleaved -o train.jsonl
ask verify-export train.jsonl

say 'Everything that is stored is derived again and compared.'
ask verify

say 'The file is lost. Its manifest is enough to make it again, byte for byte.'
run mv train.jsonl lost.jsonl
ask rebuild train.jsonl.manifest.json
run cmp train.jsonl lost.jsonl
echo 'the same bytes'

say 'Why is one of the rows not in the file?'
show 'ledger project kto-interleaved -o train.jsonl --list-omitted conflict --json'
left_out=$("$ledger" project kto-interleaved -o train.jsonl --list-omitted conflict --json | field sample 1)
echo "the first of them: $left_out"
ask why "${left_out:0:12}"
