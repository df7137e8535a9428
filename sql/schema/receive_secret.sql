-- What those who send calls sign with, one a tenant and format. A member of the extension and never dumped, as
-- voice._webhook_secret: a restored database takes no webhooks before it is told its secrets again.
CREATE TABLE voice._receive_secret (
    tenant_id text NOT NULL,
    format text NOT NULL,
    secret text NOT NULL,
    -- What it was before, taken until then.
    previous_secret text,
    previous_until timestamptz,
    PRIMARY KEY (tenant_id, format)
);
COMMENT ON TABLE voice._receive_secret IS 'what webhooks that voice_receive() takes are signed with; read by it only';
ALTER TABLE voice._receive_secret OWNER TO voice_worker;
REVOKE ALL ON voice._receive_secret FROM PUBLIC;
