// One proposal: what changed, is it within bounds, what is proven, who checked, what happens if I say yes.
import { useState } from "preact/hooks";
import { Amendment } from "./amendment";
import { api, type Change, type Proposal, type Refused, type Subject, type Vote } from "./api";
import { rowsOf } from "./diff";
import { short } from "./life";
import { Networks } from "./networks";
import { asRefused, Commands, Failure, Show, useLoaded } from "./parts";
import { breaksAProperty, Proofs } from "./proofs";
import { readRequest, signAndSend } from "./signing";

const AGAINST = (vote: Vote) => vote.verdict !== "for";

function SideBySide({ change }: { change: Change }) {
  if (change.shown !== "lines") {
    return (
      <p>
        {change.shown === "too-long" ? "Too long to be shown here; the command line shows it. " : ""}
        Before: {change.before}. After: {change.after}.
      </p>
    );
  }
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={"Lines of " + change.path}>
      <table class="diff">
        <thead>
          <tr><th scope="col">Line</th><th scope="col">Before</th><th scope="col">Line</th><th scope="col">After</th></tr>
        </thead>
        <tbody>
          {rowsOf(change.diff).map((row, i) =>
            row.kind === "hunk" || row.kind === "note" ? (
              <tr key={i} class="hunk"><td colSpan={4}>{row.text}</td></tr>
            ) : (
              <tr key={i}>
                <td class="number">{row.left?.line}</td>
                <td class={row.kind === "changed" && row.left ? "removed" : ""}>
                  {row.kind === "changed" && row.left && <span class="spoken">removed: </span>}
                  {row.left?.text}
                </td>
                <td class="number">{row.right?.line}</td>
                <td class={row.kind === "changed" && row.right ? "added" : ""}>
                  {row.kind === "changed" && row.right && <span class="spoken">added: </span>}
                  {row.right?.text}
                </td>
              </tr>
            ),
          )}
        </tbody>
      </table>
    </div>
  );
}

function Changes({ subject, name }: { subject: string; name: string }) {
  const diff = useLoaded(() => api.diff(subject, name), subject + "/" + name);
  return (
    <section aria-labelledby="changes">
      <h2 id="changes">What changes</h2>
      <Show of={diff}>
        {({ changes }) => (
          <>
            {changes.length === 0 && <p>Nothing differs from what is live.</p>}
            {changes.map((change) => (
              <details key={change.path} open={changes.length <= 8}>
                <summary>
                  <span class="tag">{change.type}</span> <code>{change.path}</code>
                  {change.refused !== "" && <strong class="bad"> not allowed: {change.refused}</strong>}
                </summary>
                <SideBySide change={change} />
              </details>
            ))}
          </>
        )}
      </Show>
    </section>
  );
}

interface Condition {
  kind: string;
  name: string;
  metric: string;
  estimate: string;
  lower: string;
  upper: string;
  limit: string;
  status: string;
  bad_side?: "above" | "below";
}

function conditionsOf(vote: Vote): Condition[] {
  const report = vote.evidence["report"] as { conditions?: Condition[] } | undefined;
  return Array.isArray(report?.conditions) ? report.conditions : [];
}

interface Measured {
  vote: Vote;
  condition: Condition;
}

const numbersOf = ({ condition }: Measured) => [condition.lower, condition.upper, condition.estimate, condition.limit].map(Number) as [number, number, number, number];

// One bound: each evaluator's interval, and the side of the limit on which it may not reach.
function Band({ rows }: { rows: Measured[] }) {
  const numbers = rows.map(numbersOf);
  if (!numbers.flat().every(Number.isFinite)) return null;
  const limit = numbers[0]![3];
  const all = numbers.flat();
  const span = Math.max(...all) - Math.min(...all) || Math.abs(limit) || 1;
  const [from, to] = [Math.min(...all) - 0.08 * span, Math.max(...all) + 0.08 * span];
  const x = (value: number) => (360 * (value - from)) / (to - from);
  const height = 14 * rows.length + 6;
  const above = rows[0]!.condition.bad_side !== "below";
  return (
    <svg class="band" width="360" height={height} viewBox={`0 0 360 ${height}`} aria-hidden="true">
      <rect x={above ? x(limit) : 0} width={above ? 360 - x(limit) : x(limit)} y="0" height={height} class="forbidden" />
      {numbers.map(([lower, upper, estimate], i) => (
        <g key={i}>
          <line x1={x(lower)} x2={x(upper)} y1={10 + 14 * i} y2={10 + 14 * i} class="interval" />
          <line x1={x(lower)} x2={x(lower)} y1={6 + 14 * i} y2={14 + 14 * i} class="interval end" />
          <line x1={x(upper)} x2={x(upper)} y1={6 + 14 * i} y2={14 + 14 * i} class="interval end" />
          <circle cx={x(estimate)} cy={10 + 14 * i} r="4" class="estimate" />
        </g>
      ))}
      <line x1={x(limit)} x2={x(limit)} y1="0" y2={height} class="limit" />
    </svg>
  );
}

const BOUNDS: Record<string, string> = {
  harm: "harm", improvement: "improvement", step: "size of the step", growth: "growth within the window", ceiling: "ceiling", drift: "drift",
};

// Said where a trial would be shown.
function Untried() {
  return (
    <section aria-labelledby="untried">
      <h2 id="untried">Not tried</h2>
      <p>This charter asks for no trial. What is proven, below, is all that is shown about this change.</p>
    </section>
  );
}

function Bounds({ votes }: { votes: Vote[] }) {
  const groups = new Map<string, Measured[]>();
  for (const vote of votes) {
    for (const condition of conditionsOf(vote)) {
      const key = condition.kind + " " + condition.name + " " + condition.limit;
      groups.set(key, [...(groups.get(key) ?? []), { vote, condition }]);
    }
  }
  if (groups.size === 0) return null;
  return (
    <section aria-labelledby="bounds">
      <h2 id="bounds">Within bounds</h2>
      <p class="quiet">What each evaluator is sure of, on seeds of its own, and in red where the charter lets it not reach.</p>
      <div class="scroll" tabIndex={0} role="region" aria-label="Trial results against the limits">
        <table class="bounds">
          <thead>
            <tr><th scope="col">Bound</th><th scope="col">Limit</th><th scope="col">Drawn</th><th scope="col">Evaluators</th></tr>
          </thead>
          <tbody>
            {[...groups.values()].map((rows) => {
              const { kind, name, metric, limit, bad_side } = rows[0]!.condition;
              return (
                <tr key={kind + name + limit}>
                  <td><strong>{BOUNDS[kind] ?? kind}</strong>{name !== kind && <> {name}</>}<br /><span class="quiet">{metric}</span></td>
                  <td>{bad_side === "below" ? "above " : "at most "}{short(Number(limit))}</td>
                  <td><Band rows={rows} /></td>
                  <td>{rows.map(({ vote, condition }) => (
                    <div key={vote.reviewer}>
                      <span class={condition.status === "shown" ? "good" : "bad"}>{condition.status}</span> {vote.reviewer}:{" "}
                      {short(Number(condition.estimate))} in {short(Number(condition.lower))} … {short(Number(condition.upper))}
                    </div>
                  ))}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </section>
  );
}

interface Fingerprint {
  probes: number;
  changed_from_baseline: number;
  energy_distance: string;
  p_value: string;
  episodes: number;
  changes: { from: string; to: string; count: number; inputs?: { input: string; probe: number }[] }[];
  episodes_changed_most: { distance: string; episode: number; input?: string }[];
}

function fingerprintOf(vote: Vote): Fingerprint | undefined {
  const report = vote.evidence["report"] as { fingerprint?: Fingerprint } | undefined;
  return Array.isArray(report?.fingerprint?.changes) ? report.fingerprint : undefined;
}

// Which decisions changed, how often and on which inputs, by the first evaluator that says so.
function Drift({ votes }: { votes: Vote[] }) {
  const vote = votes.find((one) => fingerprintOf(one) !== undefined);
  const of = vote && fingerprintOf(vote);
  if (!vote || !of) return null;
  const most = Math.max(...of.changes.map((one) => one.count), 1);
  return (
    <section aria-labelledby="drift">
      <h2 id="drift">How it behaves beside the baseline</h2>
      <p>{of.changed_from_baseline} of {of.probes} decisions differ from the baseline's, as <strong>{vote.reviewer}</strong> saw. Outcomes
        of {of.episodes} episodes are {short(Number(of.energy_distance))} away (energy distance; p {short(Number(of.p_value))}).</p>
      {of.changes.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label="Decisions that changed">
          <table>
            <thead><tr><th scope="col">Decision</th><th scope="col">Times</th><th scope="col">For example</th></tr></thead>
            <tbody>
              {of.changes.map((one) => (
                <tr key={one.from + ">" + one.to}>
                  <td>{one.from} → {one.to}</td>
                  <td class="times"><svg class="bar" width="80" height="10" viewBox="0 0 80 10" aria-hidden="true"><rect width="80" height="10" class="ground" />
                    <rect width={(80 * one.count) / most} height="10" class="amount" /></svg> {one.count}</td>
                  <td>{(one.inputs ?? []).map((each) => <div key={each.probe}>{each.input}</div>)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {of.episodes_changed_most.length > 0 && (
        <details>
          <summary>Episodes whose outcome moved most</summary>
          <ul>{of.episodes_changed_most.map((one) => <li key={one.episode}>{short(Number(one.distance))}: {one.input ?? `episode ${one.episode}`}</li>)}</ul>
        </details>
      )}
    </section>
  );
}

function Votes({ of }: { of: Proposal }) {
  return (
    <section aria-labelledby="votes">
      <h2 id="votes">Who checked</h2>
      <p>{of.quorum.summary}</p>
      <ul class="votes">
        {of.votes.map((vote) => (
          <li key={vote.entry} class={AGAINST(vote) ? "against" : ""}>
            <strong>{vote.reviewer}</strong> ({vote.role}{vote.principal !== null && ", " + vote.principal}) voted{" "}
            <strong>{vote.verdict}</strong>
            {vote.reasons.map((reason, i) => <p key={i} class="reason">{reason}</p>)}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Steps({ of }: { of: Proposal }) {
  return (
    <section aria-labelledby="steps">
      <h2 id="steps">Each step</h2>
      <ol class="steps">
        {of.findings.map((one, i) => (
          <li key={i}>
            <strong>{one.step}</strong> <span class={one.outcome === "pass" ? "good" : "bad"}>{one.outcome}</span>: {one.summary}
            {one.rule !== "" && <> <code>{one.rule}</code></>}
          </li>
        ))}
      </ol>
    </section>
  );
}

function Sign({ subject, of, done }: { subject: Subject; of: Proposal; done: () => void }) {
  const people = subject.approval.people.filter((one) => one.has_passkey);
  const against = of.votes.filter(AGAINST).length + of.refusals.length;
  const [who, setWho] = useState(people.length === 1 ? people[0]!.principal : "");
  const [read, setRead] = useState(false);
  const [why, setWhy] = useState("");
  const [reason, setReason] = useState("");
  const [failure, setFailure] = useState<Refused | null>(null);
  const [said, setSaid] = useState("");
  const [busy, setBusy] = useState(false);
  const act = (work: () => Promise<{ signed: string; sentence: string }>) => {
    setBusy(true);
    setFailure(null);
    setSaid("");
    work()
      .then((answer) => {
        setSaid(`Your ${answer.signed} is on the ledger. ${answer.sentence}`);
        done();
      }, (refused: unknown) => setFailure(asRefused(refused)))
      .finally(() => setBusy(false));
  };
  const approve = () => act(() => signAndSend(subject.subject, subject.approval.rp_id, who, of.decision!, why));
  const reject = (words: string) => act(async () => {
    const draft = await api.draft(subject.subject, { action: "reject", proposal: of.proposal, principal: who, reason: words });
    const { statement } = await readRequest(draft);
    if (statement.predicate["reason"] !== words.trim() && statement.predicate["reason"] !== words) {
      throw new Error("the server wrote another reason than yours: nothing was signed");
    }
    return signAndSend(subject.subject, subject.approval.rp_id, who, draft);
  });
  if (!of.decision || of.outcome !== "pending") return null;
  return (
    <section aria-labelledby="sign" class="sign">
      <h2 id="sign">If you say yes</h2>
      <p>
        {of.approvals.length} of {of.decision.needed} approvals. Yours is a signature of exactly the statement above, and
        expires with it on {of.decision.expires}. A page can lie: <strong>at least one of the approvals has to be made with
        a tool on another node</strong>, <code>pawl approve {of.proposal}</code>, which recomputes everything that it shows.
        {of.approvals.length > 0 && of.approvals.every((one) => one.origin !== null) && <strong class="bad"> So far every approval was made on a page.</strong>}
      </p>
      {people.length === 0 ? (
        <p>The charter lists no passkey for this page. <code>pawl approve {of.proposal}</code> signs with a security key; a
          passkey is <a href={`#/s/${subject.subject}/enrol`}>enrolled</a> by an amendment.</p>
      ) : (
        <form onSubmit={(event) => event.preventDefault()}>
          <label>
            Who signs{" "}
            <select value={who} onChange={(event) => setWho(event.currentTarget.value)}>
              <option value="">choose yourself</option>
              {people.map((one) => <option key={one.principal} value={one.principal}>{one.principal}</option>)}
            </select>
          </label>
          {against > 0 && (
            <label>
              <input type="checkbox" checked={read} onChange={(event) => setRead(event.currentTarget.checked)} />{" "}
              I have read the {against === 1 ? "reason" : `${against} reasons`} against it, above
            </label>
          )}
          {of.objections.length > 0 && (
            <label>Why you approve all the same, for everybody to read{" "}
              <input type="text" class="wide" value={why} maxLength={500} onInput={(event) => setWhy(event.currentTarget.value)} />
            </label>
          )}
          <div class="choices">
            <button type="button" class="yes" onClick={approve}
              disabled={busy || who === "" || (against > 0 && !read) || (of.objections.length > 0 && why.trim() === "")}>
              Approve with a passkey
            </button>
          </div>
          <div class="choices">
            <label>Why not <input type="text" value={reason} maxLength={500} onInput={(event) => setReason(event.currentTarget.value)} /></label>
            <button type="button" disabled={busy || who === "" || reason.trim() === ""} onClick={() => reject(reason)}>
              Reject with a passkey
            </button>
            <button type="button" disabled={busy || who === "" || reason.trim() === ""} onClick={() => reject("outside the charter: " + reason.trim())}>
              Reject: outside the charter
            </button>
          </div>
          <p class="quiet">Outside the charter: what it needs is another charter, which people propose as an amendment with{" "}
            <code>pawl charter amend</code>, and decide on here at a threshold of {subject.approval.amendment_threshold}.</p>
        </form>
      )}
      <Failure failure={failure} />
      <p role="status">{said}</p>
    </section>
  );
}

// The statement's own bytes, digested here: what the signature will be about.
function StatementBytes({ of }: { of: Proposal }) {
  const read = useLoaded(() => readRequest(of.decision!), of.decision!.digest);
  return (
    <section aria-labelledby="statement">
      <h2 id="statement">The exact statement</h2>
      <Show of={read}>
        {({ digest, statement }) => (
          <>
            <p>Digest, computed in this browser: <code class="whole">{digest}</code></p>
            <details>
              <summary>Its text</summary>
              <pre tabIndex={0}>{JSON.stringify(statement, null, 2)}</pre>
            </details>
          </>
        )}
      </Show>
    </section>
  );
}

export function ProposalPage({ subject, name, changed }: { subject: Subject; name: string; changed: () => void }) {
  const proposal = useLoaded(() => api.proposal(subject.subject, name), subject.subject + "/" + name, 5_000);
  return (
    <Show of={proposal}>
      {(of) => {
        const against = of.votes.filter(AGAINST);
        return (
          <article>
            <h1>{of.proposal}: {of.action}</h1>
            <p class="note">{of.note}</p>
            <p><span class="tag">{of.outcome}</span> {of.sentence || of.reason} {of.rule !== "" && <code>{of.rule}</code>}</p>
            {of.outcome === "outside-charter" && (
              <p>Nobody can approve this: the charter does not allow it. Whoever wants it proposes another charter:{" "}
                <code>pawl charter check DIR</code>, then <code>pawl charter amend DIR</code>, which takes{" "}
                {subject.approval.amendment_threshold} people.</p>
            )}
            {(against.length > 0 || of.refusals.length > 0) && (
              <section aria-labelledby="against" class="against">
                <h2 id="against">Reasons against</h2>
                <ul>
                  {against.map((vote) => (
                    <li key={vote.entry}><strong>{vote.reviewer}</strong> ({vote.role}) {vote.verdict}: {vote.reasons.join("; ")}</li>
                  ))}
                  {of.refusals.map((one) => <li key={one.principal}><strong>{one.principal}</strong> refused: {one.reason}</li>)}
                </ul>
              </section>
            )}
            {of.action === "amendment" && <Amendment subject={subject.subject} proposal={name} />}
            {breaksAProperty(of) && <Proofs subject={subject.subject} of={of} />}
            <Changes subject={subject.subject} name={name} />
            {of.action !== "amendment" && <Networks subject={subject.subject} proposal={name} />}
            {of.action === "release" && of.candidate !== null && of.candidate.environment === null && <Untried />}
            <Bounds votes={of.votes} />
            <Drift votes={of.votes} />
            {!breaksAProperty(of) && <Proofs subject={subject.subject} of={of} />}
            <Votes of={of} />
            <Steps of={of} />
            {of.approvals.length > 0 && (
              <section aria-labelledby="approvals">
                <h2 id="approvals">Approvals</h2>
                <ul>
                  {of.approvals.map((one) => (
                    <li key={one.principal}>
                      <strong>{one.principal}</strong>, <code>{one.key}</code>: {one.presence_proven ? "a person was there" : "no human presence proven"},{" "}
                      {one.origin !== null ? <>on the page at {one.origin}</> : "with a tool, on no page"}
                      {one.reason !== null && <>; words that nobody signed: {one.reason}</>}
                    </li>
                  ))}
                </ul>
              </section>
            )}
            {of.decision && <StatementBytes of={of} />}
            <Sign key={of.decision?.digest ?? ""} subject={subject} of={of} done={() => { proposal.again(); changed(); }} />
            <section aria-labelledby="commands">
              <h2 id="commands">Commands</h2>
              <Commands of={[...of.commands, `pawl diff ${of.proposal}`, `pawl status ${of.proposal}`]} />
            </section>
          </article>
        );
      }}
    </Show>
  );
}
