-- voice_grant() and voice_revoke() may be repeated, say what is wrong, and leave a role that can be dropped.
\set VERBOSITY verbose
\set SHOW_CONTEXT never
CREATE ROLE regress_voice_one NOLOGIN;
CREATE ROLE "regress voice Two" NOLOGIN;
SELECT voice_grant('regress_voice_one', 'writer'), voice_grant('regress_voice_one', 'analyst');
SELECT voice_grant('regress_voice_one', 'writer');
SELECT voice_grant('regress voice Two', 'admin');
SELECT * FROM voice_access();
-- What is granted by hand is seen, and taken away too.
GRANT TRIGGER ON voice.turn TO regress_voice_one;
GRANT UPDATE (text) ON voice.transcript_chunk TO "regress voice Two";
GRANT SELECT (id, text), DELETE ON voice.turn_default TO regress_voice_one;
GRANT SELECT ON voice.agent TO PUBLIC;
SELECT * FROM voice_access();
REVOKE SELECT ON voice.agent FROM PUBLIC;
SELECT voice_revoke('regress_voice_one'), voice_revoke('regress_voice_one');
SELECT * FROM voice_access();
SELECT voice_revoke('regress voice Two');
DROP ROLE regress_voice_one, "regress voice Two";
SELECT voice_revoke('regress_voice_one');
\set VERBOSITY default
SELECT voice_grant('nobody_at_all', 'reader');
SELECT voice_grant('voice_worker', 'reader');
SELECT voice_grant(NULL, 'reader');
CREATE ROLE regress_voice_one NOLOGIN;
SELECT voice_grant('regress_voice_one', 'owner');
SELECT voice_grant('regress_voice_one', NULL);
-- Only superusers grant, an admin of the data neither.
SELECT voice_grant('regress_voice_one', 'admin');
SET ROLE regress_voice_one;
SELECT voice_grant('regress_voice_one', 'reader');
SELECT voice_pin_tenant('regress_voice_one', NULL);
RESET ROLE;
SELECT voice_revoke('regress_voice_one');
DROP ROLE regress_voice_one;
