//! Prints what the fault suite counted, one row a case, and fails if the suite left anything behind.

fn main() {}
