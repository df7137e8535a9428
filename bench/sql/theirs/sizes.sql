SELECT c.relname::text, pg_total_relation_size(c.oid) FROM pg_class c
WHERE c.relname IN ('Agent', 'Call', 'Turn', 'ToolCall', 'Analytics') AND c.relkind = 'r'
