-- The wake that most people write first. It takes a lock that the whole database shares, from here to the commit.
CREATE FUNCTION bench_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('bench', NEW.id::text);
    RETURN NULL;
END
$$;
CREATE TRIGGER zz_notify AFTER UPDATE ON voice.call FOR EACH ROW
    WHEN (NEW.status <> 'in_progress' AND OLD.status = 'in_progress') EXECUTE FUNCTION bench_notify()
