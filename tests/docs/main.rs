//! The SQL that README.md, docs/*.md and docs/integrations/*.md show is run as it stands there, one database a page:
//! ```` ```sql ```` blocks must not fail, and ```` ```psql ```` sessions must print what the page says they print.
//! ```` ```sql not-run ```` is for what no test can do. Before each statement the worker may finish what is queued.

mod page;
mod session;

use std::fs;
use std::path::{Path, PathBuf};

use harness::Cluster;

#[test]
fn sql_in_the_readme_and_docs_works() {
    let failures: Vec<String> = pages().iter().filter_map(|page| try_page(page).err()).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut pages = vec![root.join("README.md")];
    for folder in ["docs", "docs/integrations"] {
        let docs = fs::read_dir(root.join(folder)).into_iter().flatten().flatten();
        pages.extend(docs.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "md")));
    }
    pages.sort();
    pages
}

fn try_page(path: &Path) -> Result<(), String> {
    let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let blocks = page::blocks(&text);
    if blocks.is_empty() {
        return Ok(());
    }
    let cluster = Cluster::start_new();
    let creates = |input: &String| input.contains("CREATE EXTENSION voice_analytics");
    if blocks.iter().flat_map(|block| &block.statements).any(|statement| creates(&statement.input)) {
        cluster.create_database("voice");
    } else {
        cluster.create_voice_database("voice");
    }
    for block in blocks {
        session::run(&cluster, &block).map_err(|e| format!("{}:{}: {e}", path.display(), block.line))?;
    }
    Ok(())
}
