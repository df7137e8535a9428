# shellcheck shell=bash
# Sourced by demo/run: calls that a person labelled before any analyzer saw them, and how far the analyzer is from the labels.

# A tenant of their own, so that they are not among the calls above.
labelled=(-c "SET voice_analytics.tenant = 'labelled'")

label_script() {
    cat << 'SQL'
SET client_min_messages = warning;
SET voice_analytics.tenant = 'labelled';
CREATE TEMP TABLE line (call jsonb);
\copy line (call) FROM pstdin WITH (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02')
SELECT count(voice_import_call(call - 'label')) FROM line;
SELECT count(voice_label(c.id, (l.call->'label'->>'sentiment')::double precision, (l.call->'label'->>'lead_score')::int,
                         l.call->'label'->>'intent', labeller => 'the author'))
FROM line l JOIN voice.call c ON c.external_id = l.call->>'id' AND c.tenant_id = 'labelled';
SQL
}

# shellcheck disable=SC2154 # $home is demo/server.sh's
measure_agreement() {
    mkdir -p target/demo
    label_script > target/demo/labels.sql
    sql -At -f target/demo/labels.sql < demo/labelled.jsonl > /dev/null
    until_done "SELECT NOT EXISTS (SELECT FROM voice.job WHERE kind = 'analyze')" 'judging'
    show 'How far the analyzer is from what a person says of 104 calls, with 95 % intervals' \
        "SELECT a.property, a.calls, f.key AS figure, round((f.value->>'value')::numeric, 3) AS value,
       round((f.value->>'lower')::numeric, 3) AS lower, round((f.value->>'upper')::numeric, 3) AS upper
FROM voice_agreement() a CROSS JOIN LATERAL jsonb_each(a.figures - 'classes') f
WHERE f.key NOT LIKE 'macro%' ORDER BY a.kind DESC, a.property DESC, f.key;" "${labelled[@]}"
    show 'In a sentence' \
        "SELECT sentence FROM voice_agreement(targets => '{\"sentiment\": {\"mae\": 0.15}, \"intent\": {\"accuracy\": 0.75}}');" "${labelled[@]}"
}
