//! `voice_imports`: many calls in few statements, the same rows as one by one. Calls that are there already, or twice in
//! one request, are completed one by one.

use super::formats::{HINT, store_call};
use super::import::{agent, moment, placed, refuse_with};
use super::scores;
use crate::db::imports::{self as store, NewCall, NewToolCall, NewTurn};
use crate::db::{arrival, rethrow};
use crate::declare_function;
use crate::host::error::notice;
use crate::host::progress::Progress;
use crate::host::{clock, function};
use pgrx::{IntoDatum, Uuid, pg_sys};
use std::collections::{HashMap, HashSet};
use voice_core::import::{Import, ImportError, from_format};

declare_function!(voice_imports, pg_finfo_voice_imports, function::FunctionCall, imports);

/// So many calls, or so much of JSON, are read and stored at a time.
const MOST_CALLS: usize = 1000;
const MOST_BYTES: usize = 8 << 20;
/// Between two notices of how far it is.
const PROGRESS_US: i64 = 5_000_000;

/// `voice_imports(format, payloads, options)`: the ids in the order of the payloads.
fn imports(sql: function::FunctionCall) -> pg_sys::Datum {
    let missing =
        |path: &str, expected: &str| ImportError { path: path.into(), value: None, expected: expected.into() };
    let format = sql.text(0).unwrap_or_else(|| refuse_with(&missing("format", "auto or the name of a format"), HINT));
    let options = sql.json(2).unwrap_or_else(|| "{}".to_owned());
    let payloads = sql.json_elements(1);
    let tenant = super::tenant::current();
    let mut import = Imports { tenant: &tenant, agents: HashMap::new(), new: 0, noted: 0, first_note: None };
    let mut ids: Vec<Uuid> = Vec::with_capacity(payloads.len());
    let progress = Progress::begin(payloads.len());
    let mut told = clock::now();
    while ids.len() < payloads.len() {
        // What a round needs is given back after it.
        let stored = function::in_memory_of_its_own(|| {
            let (mut calls, mut bytes) = (Vec::new(), 0);
            while let Some(payload) = payloads.get(ids.len() + calls.len())
                && calls.len() < MOST_CALLS
                && bytes < MOST_BYTES
            {
                let at = ids.len() + calls.len();
                let json = payload.text().unwrap_or_else(|| "null".to_owned());
                bytes += json.len();
                calls.push(from_format(&format, &json, &options).unwrap_or_else(|mut refused| {
                    refused.path = format!("payloads[{}]: {}", at + 1, refused.path);
                    refuse_with(&refused, HINT)
                }));
            }
            import.store(&calls)
        });
        ids.extend(stored);
        progress.done(ids.len());
        if clock::now() - told >= PROGRESS_US {
            notice(&format!("{} of {} calls", ids.len(), payloads.len()));
            told = clock::now();
        }
    }
    let (new, known) = (import.new, ids.len() - import.new);
    let notes = match &import.first_note {
        Some(first) => format!("; there are notes on {} of them, the first: {first}", import.noted),
        None => String::new(),
    };
    notice(&format!("{new} calls are new, {known} were here already{notes}"));
    ids.into_datum().unwrap_or_else(|| sql.null())
}

struct Imports<'a> {
    tenant: &'a str,
    /// Their ids, by what calls say of them.
    agents: HashMap<voice_core::import::Agent, String>,
    new: usize,
    noted: usize,
    first_note: Option<String>,
}

impl Imports<'_> {
    fn store(&mut self, calls: &[Import]) -> Vec<Uuid> {
        self.noted += calls.iter().filter(|call| !call.notes.is_empty()).count();
        self.first_note = self.first_note.take().or_else(|| calls.iter().find_map(|call| call.notes.first().cloned()));
        let named: Vec<&str> = calls.iter().filter_map(|call| call.external_id.as_deref()).collect();
        arrival::lock(&named, self.tenant);
        let mut seen = match named.is_empty() {
            true => HashSet::new(),
            false => store::known(&named, self.tenant),
        };
        let is_new = |call: &Import| call.external_id.as_ref().is_none_or(|id| seen.insert(id.clone()));
        let (mut ids, mut later) = (vec![None; calls.len()], Vec::new());
        let news: Vec<bool> = calls.iter().map(is_new).collect();
        let mut new = Vec::new();
        for (at, call) in calls.iter().enumerate() {
            if !news[at] {
                later.push(at);
                continue;
            }
            if !self.agents.contains_key(&call.agent) {
                self.agents.insert(call.agent.clone(), agent(call, self.tenant));
            }
            let (id, start, end, duration_ms) = placed(call);
            ids[at] = Some(id);
            new.push((id, start, end, duration_ms, call));
        }
        // By month, and within it as the keys are.
        new.sort_by(|(one, ..), (other, ..)| one.as_bytes().cmp(other.as_bytes()));
        let new: Vec<_> = new
            .into_iter()
            .map(|(id, start, end, duration_ms, call)| NewCall {
                id,
                agent: &self.agents[&call.agent],
                start,
                end,
                duration_ms,
                call,
            })
            .collect();
        self.new += new.len();
        if !new.is_empty() {
            write(self.tenant, &new).unwrap_or_else(|e| rethrow(e));
        }
        for at in later {
            ids[at] = Some(store_call(&calls[at], self.tenant));
        }
        let ids: Vec<Uuid> = ids.into_iter().flatten().collect();
        scores::of_imports(&ids.iter().copied().zip(calls).collect::<Vec<_>>());
        ids
    }
}

fn write(tenant: &str, calls: &[NewCall<'_>]) -> Result<(), crate::db::DbError> {
    store::calls(tenant, calls)?;
    let count = calls.iter().map(|new| new.call.turns.len()).sum();
    let mut free = store::turn_ids(count)?.into_iter();
    let (mut turns, mut tool_calls) = (Vec::with_capacity(count), Vec::new());
    for new in calls {
        let first = turns.len();
        let mut places: Vec<usize> = (0..new.call.turns.len()).collect();
        let began =
            |turn: &voice_core::import::Turn| moment(new.start, &turn.started_at, turn.start_ms).unwrap_or(new.start);
        places.sort_by_key(|place| began(&new.call.turns[*place]));
        let mut ids = vec![None; places.len()];
        for place in places {
            let turn = &new.call.turns[place];
            let Some(id) = free.next() else { break };
            ids[place] = Some(id);
            let end = moment(new.start, &turn.ended_at, turn.end_ms);
            turns.push(NewTurn { call: new.id, id, start: began(turn), end, turn });
        }
        debug_assert_eq!(turns.len() - first, new.call.turns.len());
        let of_call = tool_calls.len();
        tool_calls.extend(new.call.tool_calls.iter().map(|tool_call| NewToolCall {
            call: new.id,
            turn_id: tool_call.turn.and_then(|turn| ids.get(turn).copied().flatten()),
            invoked: moment(new.start, &tool_call.invoked_at, tool_call.offset_ms).unwrap_or(new.start),
            tool_call,
        }));
        tool_calls[of_call..].sort_by_key(|new| new.invoked);
    }
    store::turns(tenant, &turns)?;
    store::tool_calls(tenant, &tool_calls)
}
