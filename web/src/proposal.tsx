// One proposal: what changed, is it within bounds, what is proven, who checked, what happens if I say yes.
import { useState } from "preact/hooks";
import { api, type Change, type Proposal, type Refused, type Subject, type Vote } from "./api";
import { rowsOf } from "./diff";
import { asRefused, Commands, Digest, Failure, Show, useLoaded } from "./parts";
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
}

function conditionsOf(vote: Vote): Condition[] {
  const report = vote.evidence["report"] as { conditions?: Condition[] } | undefined;
  return Array.isArray(report?.conditions) ? report.conditions : [];
}

// The interval that the evaluator is sure of, and the limit it has to stay on one side of.
function Band({ of }: { of: Condition }) {
  const [lower, upper, estimate, limit] = [of.lower, of.upper, of.estimate, of.limit].map(Number) as [number, number, number, number];
  const from = Math.min(lower, limit);
  const span = Math.max(upper, limit) - from || 1;
  const x = (value: number) => 4 + (112 * (value - from)) / span;
  if (![lower, upper, estimate, limit].every(Number.isFinite)) return null;
  return (
    <svg class="band" width="120" height="16" viewBox="0 0 120 16" aria-hidden="true">
      <line x1={x(lower)} x2={x(upper)} y1="8" y2="8" class="interval" />
      <circle cx={x(estimate)} cy="8" r="3" class="estimate" />
      <line x1={x(limit)} x2={x(limit)} y1="1" y2="15" class="limit" />
    </svg>
  );
}

function Bounds({ votes }: { votes: Vote[] }) {
  const rows = votes.flatMap((vote) => conditionsOf(vote).map((condition) => ({ vote, condition })));
  if (rows.length === 0) return null;
  return (
    <section aria-labelledby="bounds">
      <h2 id="bounds">Within bounds</h2>
      <div class="scroll" tabIndex={0} role="region" aria-label="Trial results against the limits">
        <table>
          <thead>
            <tr><th scope="col">Evaluator</th><th scope="col">Bound</th><th scope="col">Metric</th><th scope="col">Estimate</th>
              <th scope="col">Interval</th><th scope="col">Limit</th><th scope="col">Drawn</th><th scope="col">Status</th></tr>
          </thead>
          <tbody>
            {rows.map(({ vote, condition }) => (
              <tr key={vote.reviewer + condition.kind + condition.name}>
                <td>{vote.reviewer}</td><td>{condition.kind} {condition.name}</td><td>{condition.metric}</td>
                <td>{condition.estimate}</td><td>{condition.lower} … {condition.upper}</td><td>{condition.limit}</td>
                <td><Band of={condition} /></td>
                <td class={condition.status === "shown" ? "good" : "bad"}>{condition.status}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
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

function Properties({ of }: { of: Proposal }) {
  const finding = of.findings.filter((one) => one.step === "properties").at(-1);
  return (
    <section aria-labelledby="properties">
      <h2 id="properties">What is proven</h2>
      {finding && <p>The gate's step: <strong>{finding.outcome}</strong>: {finding.summary}</p>}
      {of.properties.length === 0 ? <p>The charter names no property of a network.</p> : (
        <ul>
          {of.properties.map((one) => (
            <li key={one.property}>
              <strong>{one.property}</strong>: <code>{one.spec}</code> of <code>{one.network}</code>, {one.arithmetic}
              {one.drift_within !== null && <>, drift within {one.drift_within}</>}:{" "}
              {one.certificates.length === 0 ? <strong class="bad">no certificate is named</strong>
                : <>{one.certificates.length === 1 ? "certificate " : "certificates "}
                  {one.certificates.map((digest) => <Digest key={digest} of={digest} />)}</>}
            </li>
          ))}
        </ul>
      )}
      <p class="quiet">The loader checks each certificate again before it switches. Nothing else is claimed to be proven.</p>
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
  const objections = of.votes.filter(AGAINST).length + of.refusals.length;
  const [who, setWho] = useState(people.length === 1 ? people[0]!.principal : "");
  const [read, setRead] = useState(false);
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
  const approve = () => act(() => signAndSend(subject.subject, subject.approval.rp_id, who, of.decision!));
  const reject = () => act(async () => {
    const draft = await api.draft(subject.subject, { action: "reject", proposal: of.proposal, principal: who, reason });
    const { statement } = await readRequest(draft);
    if (statement.predicate["reason"] !== reason.trim() && statement.predicate["reason"] !== reason) {
      throw new Error("the server wrote another reason than yours: nothing was signed");
    }
    return signAndSend(subject.subject, subject.approval.rp_id, who, draft);
  });
  if (!of.decision || of.outcome !== "pending") return null;
  return (
    <section aria-labelledby="sign" class="sign">
      <h2 id="sign">If you say yes</h2>
      <p>
        {of.approvals.length} of {of.decision.needed} approvals. Yours is a signature of exactly the statement below, and
        expires with it on {of.decision.expires}. A page can lie: <strong>at least one of the approvals has to be made with
        a tool on another node</strong>, <code>pawl approve {of.proposal}</code>, which recomputes everything that it shows.
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
          {objections > 0 && (
            <label>
              <input type="checkbox" checked={read} onChange={(event) => setRead(event.currentTarget.checked)} />{" "}
              I have read the {objections === 1 ? "reason" : `${objections} reasons`} against it, above
            </label>
          )}
          <div class="choices">
            <button type="button" disabled={busy || who === "" || (objections > 0 && !read)} onClick={approve}>
              Approve with a passkey
            </button>
            <label>Why not <input type="text" value={reason} maxLength={500} onInput={(event) => setReason(event.currentTarget.value)} /></label>
            <button type="button" disabled={busy || who === "" || reason.trim() === ""} onClick={reject}>
              Reject with a passkey
            </button>
          </div>
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
            <Changes subject={subject.subject} name={name} />
            <Bounds votes={of.votes} />
            <Properties of={of} />
            <Votes of={of} />
            <Steps of={of} />
            {of.approvals.length > 0 && (
              <section aria-labelledby="approvals">
                <h2 id="approvals">Approvals</h2>
                <ul>
                  {of.approvals.map((one) => (
                    <li key={one.principal}>
                      <strong>{one.principal}</strong>, <code>{one.key}</code>: {one.presence_proven ? "a person was there" : "no human presence proven"}
                      {one.origin !== null && <>, on {one.origin}</>}
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
