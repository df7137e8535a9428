//! The Prisma schema that docs/orm ships says what the tables are.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use crate::voice::Voice;

/// A column as the schema says it: may it be NULL?
type Model = HashMap<String, bool>;

/// Columns of each table: scalar fields by their `@map`, without relations and lists.
fn models(schema: &str) -> HashMap<String, Model> {
    let names: HashSet<&str> =
        schema.lines().filter_map(|l| l.strip_prefix("model ")?.split_whitespace().next()).collect();
    let quoted = |line: &str, attribute: &str| {
        line.split_once(attribute).and_then(|(_, rest)| rest.split('"').nth(1)).map(str::to_owned)
    };
    let mut models = HashMap::new();
    for model in schema.split("\nmodel ").skip(1) {
        let body = model.split("\n}").next().unwrap();
        let table = quoted(body, "@@map(").expect("@@map");
        let mut columns = Model::new();
        for line in body.lines().skip(1).map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("@@")) {
            let mut words = line.split_whitespace();
            let (field, kind) = (words.next().unwrap(), words.next().unwrap());
            if names.contains(kind.trim_end_matches(['?', ']', '['])) {
                continue;
            }
            columns.insert(quoted(line, "@map(").unwrap_or(field.to_owned()), kind.ends_with('?'));
        }
        models.insert(table, columns);
    }
    models
}

#[test]
fn the_prisma_schema_has_the_columns_of_the_tables() {
    let mut voice = Voice::start();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/orm/schema.prisma");
    let models = models(&std::fs::read_to_string(path).unwrap());
    assert_eq!(models.len(), 5, "{models:?}");
    for (table, said) in models {
        let sql = "SELECT attname::text, NOT attnotnull FROM pg_attribute
            WHERE attrelid = ('voice.' || $1)::regclass AND attnum > 0 AND NOT attisdropped";
        let mut columns: Model =
            voice.client.query(sql, &[&table]).unwrap().into_iter().map(|row| (row.get(0), row.get(1))).collect();
        // What the worker keeps for itself there is of no use to an application.
        if table == "analytics" {
            columns.retain(|column, _| said.contains_key(column));
        }
        assert_eq!(said, columns, "voice.{table}");
    }
}
