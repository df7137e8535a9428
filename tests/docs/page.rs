//! A page's code blocks, as statements and what they are said to print.

pub struct Block {
    pub line: usize,
    pub statements: Vec<Statement>,
}

pub struct Statement {
    pub input: String,
    /// None: anything but an error will do.
    pub output: Option<String>,
}

pub fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = page.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(info) = line.strip_prefix("```") else { continue };
        let body: Vec<&str> = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
        let statements = match info.trim() {
            "sql" => vec![Statement { input: body.join("\n"), output: None }],
            "psql" => session(&body),
            _ => continue,
        };
        blocks.push(Block { line: number + 1, statements });
    }
    blocks
}

/// `name=# ` begins a statement, `name-# ` (or -( or -') continues it; what follows is its output.
fn session(lines: &[&str]) -> Vec<Statement> {
    let mut statements: Vec<Statement> = Vec::new();
    for line in lines {
        let prompt = line.split_once("# ").map(|(prompt, input)| (prompt.chars().last(), prompt, input));
        match prompt {
            Some((Some('='), name, input)) if is_name(name) => {
                statements.push(Statement { input: input.into(), output: Some(String::new()) });
            }
            Some((Some('-' | '(' | '\''), name, input)) if is_name(name) => {
                let statement = statements.last_mut().expect("a session begins with name=#");
                statement.input += "\n";
                statement.input += input;
            }
            _ => {
                let statement = statements.last_mut().expect("a session begins with name=#");
                let output = statement.output.get_or_insert_default();
                *output += line;
                *output += "\n";
            }
        }
    }
    statements
}

fn is_name(prompt: &str) -> bool {
    let mut name = prompt.chars().rev().skip(1).peekable();
    name.peek().is_some() && name.all(|c| c.is_ascii_alphanumeric() || c == '_')
}
