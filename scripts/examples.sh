#!/usr/bin/env bash
# examples.sh [livekit|pipecat|openai|twilio|orm|prisma|dashboard …]: the adapters of examples/ and the models of docs/orm with the
# real packages, pinned here, against a cluster of its own; types are checked too. The packages are some 600 MB in
# target/examples, so this is no part of `make test`. Nothing is asked of any service: sessions are scripted. The dashboard needs
# Chromium (Debian: apt-get install chromium); it is tried over a stub of PostgREST, and over PostgREST where that is on the PATH.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/postgres.sh
scripts/install.sh
find_postgres
cargo build -q -p voice_tests --bin with_cluster

wanted=${*:-livekit pipecat openai twilio orm prisma dashboard}
root=$PWD
home=$root/target/examples
mkdir -p "$home"

# environment NAME PACKAGE…: a virtual environment of its own
environment() {
    local ready=$home/$1/ready
    [ "$(cat "$ready" 2> /dev/null)" != "${*:2}" ] || return 0
    say "examples: installing ${*:2}"
    rm -rf "${home:?}/$1"
    python3 -m venv "$home/$1"
    "$home/$1/bin/pip" install -q "${@:2}"
    printf '%s' "${*:2}" > "$ready"
}

# packages NAME PACKAGE…: a folder with node_modules of its own
packages() {
    local folder=$home/$1
    [ "$(cat "$folder/ready" 2> /dev/null)" != "${*:2}" ] || return 0
    say "examples: installing ${*:2}"
    rm -rf "$folder"
    mkdir -p "$folder"
    printf '{"private": true, "type": "module"}\n' > "$folder/package.json"
    (cd "$folder" && npm install --silent --no-audit --no-fund --ignore-scripts "${@:2}")
    printf '%s' "${*:2}" > "$folder/ready"
}

# tried COMMAND…: in a database of its own, with these settings of the server
settings=()
tried() {
    # shellcheck disable=SC2016 # the inner shell's
    "$root/target/debug/with_cluster" "${settings[@]}" -- bash -euo pipefail -c '
        "$PG_BIN/psql" -X -q -d postgres -c "CREATE DATABASE app"
        "$PG_BIN/psql" -X -q -d app -c "CREATE EXTENSION voice_analytics" -c "CREATE ROLE web LOGIN" \
            -c "SELECT voice_grant(\$\$web\$\$, \$\$writer\$\$), voice_grant(\$\$web\$\$, \$\$reader\$\$)" \
            -c "INSERT INTO voice.agent (id, name, vertical) VALUES (\$\$iris\$\$, \$\$Iris\$\$, \$\$healthcare\$\$)" > /dev/null
        export PG_ADMIN=$PGUSER PGDATABASE=app PGUSER=web
        "$@"' bash "$@"
}
export PG_BIN PYTHONPATH="$PWD/examples:$PWD/tests/examples:$PWD/docs/orm" PYTHONDONTWRITEBYTECODE=1

javascript() {
    packages node openai@7.55.0 ws@8.23.0 pg@8.23.1 twilio@6.2.0 typescript@5.9.3 @types/ws@8.18.2 @types/pg@8.23.1 @types/node@22.19.1
    cp examples/*.mjs tests/examples/*.mjs "$home/node/"
    (cd "$home/node" && npx tsc --noEmit --allowJs --checkJs --strict --skipLibCheck --module nodenext --target es2023 \
        openai_realtime.mjs twilio_conversation_relay.mjs)
}

for name in $wanted; do
    case $name in
        livekit)
            environment livekit livekit-agents==1.8.9 'psycopg[binary]==3.3.9' mypy==2.4.1
            "$home/livekit/bin/mypy" --strict --ignore-missing-imports examples/livekit_agents.py
            tried "$home/livekit/bin/python" tests/examples/livekit_agents_test.py
            ;;
        pipecat)
            environment pipecat pipecat-ai==1.14.0 'psycopg[binary]==3.3.9' mypy==2.4.1
            "$home/pipecat/bin/mypy" --strict --ignore-missing-imports --follow-imports silent examples/pipecat_recorder.py
            tried "$home/pipecat/bin/python" tests/examples/pipecat_recorder_test.py
            ;;
        openai)
            javascript
            openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -days 2 \
                -keyout "$home/node/key.pem" -out "$home/node/cert.pem" 2> /dev/null
            (cd "$home/node" && tried node openai_realtime_test.mjs)
            ;;
        twilio)
            javascript
            (cd "$home/node" && tried node twilio_conversation_relay_test.mjs)
            ;;
        orm)
            environment orm SQLAlchemy==2.1.9 Django==5.2.19 'psycopg[binary]==3.3.9'
            tried "$home/orm/bin/python" tests/examples/sqlalchemy_test.py
            tried "$home/orm/bin/python" tests/examples/django_test.py
            ;;
        prisma)
            packages prisma prisma@7.10.1 @prisma/client@7.10.0 @prisma/adapter-pg@7.10.1 pg@8.23.1
            cp docs/orm/schema.prisma tests/examples/before.prisma tests/examples/prisma_test.mjs "$home/prisma/"
            # Neither client needs the engine that its command line looks for.
            (cd "$home/prisma" && for schema in schema before; do
                PRISMA_SCHEMA_ENGINE_BINARY=/bin/true npx prisma generate --schema "$schema.prisma" > /dev/null
            done && SCRIPTS=$root/docs/orm/prisma tried node prisma_test.mjs)
            ;;
        dashboard)
            CHROMIUM=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
            if [ -z "$CHROMIUM" ]; then
                say 'skipped: dashboard: no Chromium here'
                continue
            fi
            export CHROMIUM DASHBOARD=$root/examples/dashboard
            packages dashboard pg@8.23.1 puppeteer-core@24.43.1 axe-core@4.14.1
            cp tests/examples/dashboard_test.mjs tests/examples/postgrest_stub.mjs "$home/dashboard/"
            # No worker: the test writes what calls were judged to be.
            settings=(voice_analytics.enabled=off)
            (cd "$home/dashboard" && tried node dashboard_test.mjs)
            settings=()
            ;;
        *) die "usage: $0 [livekit|pipecat|openai|twilio|orm|prisma|dashboard …]" ;;
    esac
done
say "examples: $wanted passed"
