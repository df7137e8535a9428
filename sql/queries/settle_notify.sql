SELECT pg_catalog.pg_notify(n.channel, n.payload) FROM unnest($1::text[], $2::text[]) n(channel, payload)
