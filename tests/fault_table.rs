//! Prints what the fault suite counted, one row a case, and fails if the suite left anything behind.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/faults");
    let mut cases: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    // 2 before 10, and 1a before 1b.
    let number = |path: &Path| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let digits = name.find(|c: char| !c.is_ascii_digit()).unwrap_or(name.len());
        (name[..digits].parse::<u32>().unwrap_or(u32::MAX), name)
    };
    cases.sort_by_key(|path| number(path));
    println!("| case | what is done | calls | analytics | requests | dead | lost | duplicate effects | remark |");
    println!("|---|---|---|---|---|---|---|---|---|");
    for case in cases {
        println!("{}", fs::read_to_string(case).unwrap_or_default());
    }
    let left = harness::leftovers::found();
    for path in &left {
        eprintln!("left behind: {}", path.display());
    }
    if left.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
