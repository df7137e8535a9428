#!/usr/bin/env bash
# move-tenant.sh SOURCE TARGET TENANT [OPTION…]: moves a tenant, live, from one server to another (docs/scale-out.md).
# SOURCE and TARGET are connection strings of psql, of superusers, each with a dbname. What has been done stands in the two databases: after
# a failure, or a kill, the same command goes on where it was left.
#   --dry-run               say what would be moved and what stands in the way, and change nothing
#   --undo                  give up a move that has not switched: the tenant stays where it was
#   --target-is-gone        with --undo: the target will never be back
#   --connection CONNINFO   how the target's server reaches the source (SOURCE, if left out)
#   --pooler CONNINFO       the admin console of PgBouncer; with it:
#     --pooler-config FILE  the file with its section [databases]
#     --pooler-db NAME      the line of the tenant in it (TENANT, if left out)
#     --pooler-line LINE    what is to stand right of the = (TARGET without its user, if left out)
#   --on-pause, --on-switch, --on-resume COMMAND   for another pooler: run at these moments
#   --settled INTERVAL      calls that began before that are compared before the switch, later ones in it (2 minutes)
#   --max-pause SECONDS     the switch is given up after that, and tried again by the next run (30)
#   --keep                  do not delete the tenant at the source afterwards: voice_forget_tenant() does
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/postgres.sh
. scripts/move-tenant-steps.sh

usage() { die "$(sed -nE '2,/^set /{/^set /d; s/^# ?//p}' scripts/move-tenant.sh)"; }

dry_run='' undo='' target_is_gone='' connection='' pooler='' pooler_config='' pooler_db='' pooler_line=''
on_pause='' on_switch='' on_resume='' settled='2 minutes' max_pause=30 keep=''
given=()
while [ $# -gt 0 ]; do
    case $1 in
        --dry-run) dry_run=1 ;;
        --undo) undo=1 ;;
        --target-is-gone) target_is_gone=1 ;;
        --keep) keep=1 ;;
        --connection | --pooler | --pooler-config | --pooler-db | --pooler-line | --on-pause | --on-switch | --on-resume | --settled | --max-pause)
            [ $# -gt 1 ] || usage
            name=${1#--}
            printf -v "${name//-/_}" '%s' "$2"
            shift
            ;;
        -*) usage ;;
        *) given+=("$1") ;;
    esac
    shift
done
[ ${#given[@]} = 3 ] || usage
source_server=${given[0]} target_server=${given[1]} tenant=${given[2]}
connection=${connection:-$source_server}
pooler_db=${pooler_db:-$tenant}
pooler_line=${pooler_line:-$(sed -E "s/(^| )user=[^ ]*//g" <<< "$target_server")}
psql=$(command -v psql || true)
if [ -z "$psql" ]; then
    find_postgres || die 'No psql on the PATH.'
    psql=$PG_BIN/psql
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/voice-move-XXXXXX")
trap 'rm -rf "$work"' EXIT
name=$(on_source "SELECT voice._move_name(:'tenant')") || die 'The source cannot be asked; see above.'

if [ -n "$pooler" ]; then
    { [ -n "$pooler_config" ] && [ -w "$pooler_config" ]; } || die '--pooler needs --pooler-config FILE, which this user may write.'
    pooler_has_line || die "The pooler has no line for $pooler_db: a tenant that moves needs one of its own, at first with the address of the source." \
        "Add it to [databases] of $pooler_config and RELOAD."
fi

if [ -n "$undo" ]; then
    undo_move
    exit
fi
look
case $at_source/$at_target in
    none/arrived)
        say "move: tenant $tenant has arrived, and nothing of it is left at the source"
        switch_pooler
        exit
        ;;
    */arrived)
        say 'move: the tenant has arrived; what is left is the rest'
        if [ -n "$dry_run" ]; then exit; fi
        switch_pooler
        ;;
    *)
        if [ -n "$dry_run" ]; then
            explain
            exit
        fi
        send
        receive
        subscribe
        wait_until_ready
        compare
        switch
        ;;
esac
finish
