// Polls voice_report_data() through PostgREST (POST rpc/voice_report_data beside this page) and draws its main figures. Every word
// of a caller goes into the page as text (textContent), never as markup. docs/report.md says how it is served.

const API = 'rpc/voice_report_data';
/** Milliseconds between two answers; an answer costs the server up to a fifth of a second. `?every=5` is 5 seconds. */
const EVERY = 1000 * Math.max(1, Number(new URLSearchParams(location.search).get('every')) || 15);
/** Milliseconds after which a request is given up. */
const PATIENCE = 30_000;

const at = (id) => document.getElementById(id);
const choice = at('choice');
/** What the page knows of the API: the bearer token (none: the anonymous role) and the time of the last answer. */
const state = { token: '', asOf: '', timer: 0, asked: 0 };

/** An element with this text and these children. */
function element(name, text, ...children) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  made.append(...children);
  return made;
}

/** A caller's words: one line, as many characters at most, and their direction turns nothing round. */
function words(text, most = 120) {
  const line = String(text ?? '').replace(/[\p{Cc}\p{Cf}]+/gu, ' ').trim();
  const letters = [...line];
  return element('bdi', letters.length > most ? `${letters.slice(0, most - 1).join('')}…` : line);
}

const whole = (n) => (Number.isFinite(n) ? Math.round(n).toLocaleString('en-US') : '–');
const percent = (part, all) => (all > 0 ? `${Math.round((100 * part) / all)} %` : '–');
const signed = (n) => (Number.isFinite(n) ? `${n < 0 ? '−' : '+'}${Math.abs(n).toFixed(2)}` : '–');
const duration = (ms) => (!Number.isFinite(ms) ? '–' : ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(2)} s`);
const money = (n) => n.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 });

/** The sum of a figure over days; a mean is weighed by analysed calls. */
const total = (days, name) => days.reduce((sum, day) => sum + (day[name] ?? 0), 0);
const mean = (days, name) => days.reduce((sum, day) => sum + (day[name] ?? 0) * (day.analyzed ?? 0), 0) / (total(days, 'analyzed') || NaN);

/** [name, value] of each card; what the role may not read is not there. */
function cards(data) {
  const days = data.days ?? [];
  const ended = total(days, 'completed') + total(days, 'failed') + total(days, 'transferred');
  const judged = total(days, 'passed') + total(days, 'not_passed');
  const made = [
    ['Calls', whole(total(days, 'calls'))],
    ['In progress', whole(total(days, 'in_progress'))],
    ['Minutes', whole(total(days, 'minutes'))],
    judged > 0 ? ['Success rate', percent(total(days, 'passed'), judged)] : ['Completed', percent(total(days, 'completed'), ended)],
    ['Sentiment', signed(mean(days, 'sentiment'))],
    ['Lead score', whole(mean(days, 'lead_score'))],
    ['Hot leads', whole(total(days, 'hot_leads'))],
  ];
  const speed = data.latencies?.find((row) => row.stage === 'end_to_end' && !row.before && row.day === null);
  if (speed) made.push(['End to end, 95 %', duration(speed.p95)]);
  for (const spent of data.cost?.currencies ?? []) {
    made.push([`Cost${spent.currency ? `, ${spent.currency}` : ''}`, money((spent.call_cost ?? 0) + (spent.analysis_cost ?? 0))]);
  }
  if (data.queue) made.push(['Waiting for analysis', whole(data.queue.queued)]);
  for (const job of data.progress ?? []) made.push([`${job.kind} ${job.name}`, percent(job.done, job.total)]);
  return made;
}

function draw(data) {
  at('cards').replaceChildren(...cards(data).map(([name, value]) => element('div', undefined, element('dt', undefined, words(name, 60)), element('dd', value))));
  const days = data.days ?? [];
  const most = Math.max(1, ...days.map((day) => day.calls ?? 0));
  at('bars').replaceChildren(...days.map((day) => {
    const meter = element('meter');
    Object.assign(meter, { max: most, value: day.calls ?? 0 });
    meter.setAttribute('aria-label', `${day.label}: ${day.calls ?? 0} calls`);
    return element('li', undefined, element('span', day.label), meter, element('b', whole(day.calls ?? 0)));
  }));
  at('rows').replaceChildren(...(data.agents ?? []).slice(0, 10).map((agent) => {
    const name = element('th', undefined, words(agent.name || agent.agent_id, 60));
    name.scope = 'row';
    const ended = agent.completed + agent.failed + agent.transferred;
    return element('tr', undefined, name, ...[whole(agent.calls), whole(agent.in_progress), whole(agent.minutes), percent(agent.transferred, ended),
      signed(agent.sentiment ?? NaN)].map((value) => element('td', value)));
  }));
  const leads = (data.calls_to_look_at ?? []).filter((call) => call.why === 'lead').slice(0, 5);
  at('people').replaceChildren(...leads.map((lead) => element('li', undefined,
    element('strong', `${lead.lead_score} `), words(lead.entities?.name ?? lead.intent, 60), ' ', words(lead.contact_number, 40), ' ',
    words(lead.next_action, 240), ' ', element('small', undefined, words(lead.agent_name || lead.agent_id, 60), `, ${lead.started}`))));
  // The choice of agents: those of the period, and the one that is chosen.
  const chosen = choice.elements.agent.value;
  if (!chosen) {
    choice.elements.agent.replaceChildren(new Option('all', ''), ...(data.agents ?? []).map((agent) => new Option(words(agent.name || agent.agent_id, 60).textContent, agent.agent_id)));
  }
}

function say(text, stale) {
  at('status').textContent = text;
  at('status').classList.toggle('stale', stale);
}

/** Asks once, draws, and asks again later; what is asked meanwhile (another period) overtakes it. */
async function poll() {
  clearTimeout(state.timer);
  state.asked += 1;
  const mine = state.asked;
  try {
    const body = { since: new Date(Date.now() - 86_400_000 * Number(choice.elements.days.value)).toISOString() };
    if (choice.elements.agent.value) body.agent_id = choice.elements.agent.value;
    const headers = { 'Content-Type': 'application/json', Accept: 'application/json' };
    if (state.token) headers.Authorization = `Bearer ${state.token}`;
    const answer = await fetch(API, { method: 'POST', headers, body: JSON.stringify(body), cache: 'no-store', signal: AbortSignal.timeout(PATIENCE) });
    if (mine !== state.asked) return;
    at('login').hidden = answer.status !== 401;
    if (!answer.ok) {
      const error = await answer.json().catch(() => ({}));
      throw new Error(error.message ?? `the server answered ${answer.status}`);
    }
    const data = await answer.json();
    if (mine !== state.asked) return;
    draw(data);
    state.asOf = data.as_of;
    say(`As of ${data.as_of} (${data.zone})`, false);
  } catch (error) {
    if (mine !== state.asked) return;
    // Figures stay, and the page says how old they are.
    say(`${error.message}. ${state.asOf ? `Figures are of ${state.asOf}.` : ''}`, true);
  }
  // A page that nobody sees asks for nothing.
  if (!document.hidden) state.timer = setTimeout(poll, EVERY);
}

choice.addEventListener('change', poll);
choice.addEventListener('submit', (event) => event.preventDefault());
at('login').addEventListener('submit', (event) => {
  event.preventDefault();
  state.token = at('login').elements.token.value;
  poll();
});
document.addEventListener('visibilitychange', () => (document.hidden ? clearTimeout(state.timer) : poll()));
poll();
