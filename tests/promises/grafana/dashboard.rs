//! What Grafana makes of a dashboard before it asks PostgreSQL: variables and macros, as its PostgreSQL data source replaces
//! them (Grafana's documentation, "PostgreSQL query editor" and "Advanced variable format options").

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

pub const BOARDS: [&str; 3] = ["operations", "quality", "agents"];

pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/monitoring/grafana")
}

pub fn read(name: &str) -> String {
    let path = folder().join(name);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

pub struct Panel {
    pub board: &'static str,
    pub title: String,
    /// stat, timeseries or table.
    pub kind: String,
    /// time_series or table.
    pub format: String,
    pub sql: String,
    /// The stretch of time that it has of its own, else the dashboard's: "6h".
    pub stretch: String,
    /// Names of fields whose unit or colour is said.
    pub fields: Vec<String>,
}

pub fn board(name: &str) -> Value {
    serde_json::from_str(&read(&format!("dashboards/{name}.json"))).unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// Those of a dashboard that ask for something.
pub fn panels(name: &'static str) -> Vec<Panel> {
    let board = board(name);
    let whole = text(&board["time"]["from"]);
    let asking = board["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row");
    let panel = |panel: &Value| {
        let targets = panel["targets"].as_array().unwrap();
        assert_eq!(targets.len(), 1, "{}", panel["title"]);
        assert_eq!(targets[0]["datasource"]["uid"], "${datasource}", "{}", panel["title"]);
        let stretch = panel["timeFrom"].as_str().unwrap_or_else(|| whole.strip_prefix("now-").unwrap());
        let overrides = panel["fieldConfig"]["overrides"].as_array().unwrap().iter();
        Panel {
            board: name,
            title: text(&panel["title"]),
            kind: text(&panel["type"]),
            format: text(&targets[0]["format"]),
            sql: text(&targets[0]["rawSql"]),
            stretch: stretch.to_owned(),
            fields: overrides
                .filter(|o| o["matcher"]["id"] == "byName")
                .map(|o| text(&o["matcher"]["options"]))
                .collect(),
        }
    };
    asking.map(panel).collect()
}

/// What is chosen above a dashboard: the variable, and its values; none: All.
pub type Chosen<'a> = &'a [(&'a str, &'a [&'a str])];

/// The time shown, as the macros write it: `'2026-11-29T21:45:00.000Z'`, quotes included.
pub struct Shown {
    pub from: String,
    pub to: String,
}

/// `${name:sqlstring}`: each value in quotes, quotes in it doubled, commas between. All is the variable's own value for it, as
/// it stands there.
fn with_variables(sql: &str, board: &Value, chosen: Chosen) -> String {
    let mut sql = sql.to_owned();
    for variable in board["templating"]["list"].as_array().unwrap() {
        let name = variable["name"].as_str().unwrap();
        let Some((_, values)) = chosen.iter().find(|(chosen, _)| *chosen == name) else { continue };
        assert!(values.len() == 1 || variable["multi"] == true, "{name} has one value");
        let quoted: Vec<String> = values.iter().map(|value| format!("'{}'", value.replace('\'', "''"))).collect();
        let value = if values.is_empty() { text(&variable["allValue"]) } else { quoted.join(",") };
        sql = sql.replace(&format!("${{{name}:sqlstring}}"), &value);
    }
    sql
}

/// The arguments of each use of a macro replaced by what they become.
fn with_macro(sql: &str, name: &str, becomes: impl Fn(&[&str]) -> String) -> String {
    let mut rest = sql;
    let mut made = String::new();
    while let Some((before, after)) = rest.split_once(&format!("{name}(")) {
        let (arguments, behind) = after.split_once(')').expect("a macro ends");
        made += before;
        made += &becomes(&arguments.split(',').map(str::trim).collect::<Vec<_>>());
        rest = behind;
    }
    made + rest
}

/// Seconds of "30s", "5m" or "1h", in quotes or not.
fn seconds(interval: &str) -> u32 {
    let interval = interval.trim_matches('\'');
    let (number, unit) = interval.split_at(interval.len() - 1);
    number.parse::<u32>().unwrap()
        * match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            other => panic!("{other}"),
        }
}

/// The query that reaches PostgreSQL.
pub fn query(sql: &str, board: &Value, chosen: Chosen, shown: &Shown) -> String {
    // Grafana computes it of the time shown and the panel's width.
    let sql = with_variables(sql, board, chosen).replace("$__interval", "1m");
    let sql =
        with_macro(&sql, "$__timeFilter", |column| format!("{} BETWEEN {} AND {}", column[0], shown.from, shown.to));
    let sql = with_macro(&sql, "$__timeFrom", |_| shown.from.clone());
    let sql = with_macro(&sql, "$__timeTo", |_| shown.to.clone());
    let sql = with_macro(&sql, "$__timeGroupAlias", |of| {
        format!("floor(extract(epoch from {0})/{1})*{1} AS \"time\"", of[0], seconds(of[1]))
    });
    assert!(!sql.contains('$'), "nothing is left for Grafana to replace: {sql}");
    sql
}
