// The ledger, with proofs of inclusion that this browser checks.
import { useState } from "preact/hooks";
import { api, type Subject } from "./api";
import { checkEntry } from "./merkle";
import { Pages, Show, useLoaded } from "./parts";

export function LedgerPage({ subject }: { subject: Subject }) {
  const [first, setFirst] = useState(Math.max(0, subject.events - 50));
  const ledger = useLoaded(() => api.ledger(subject.subject, first), subject.subject + "/" + first, 5_000);
  return (
    <Show of={ledger}>
      {(of) => (
        <>
          <h1>Ledger</h1>
          <p>{of.total} entries; the latest checkpoint covers {of.covered}.</p>
          <Pages first={first} total={of.total} go={setFirst} />
          <div class="scroll" tabIndex={0} role="region" aria-label="Entries">
            <table>
              <thead><tr><th scope="col">Entry</th><th scope="col">Statement</th><th scope="col">Proposal</th><th scope="col">Signed by</th></tr></thead>
              <tbody>
                {of.entries.map((one) => (
                  <tr key={one.index}>
                    <td><a href={`#/s/${subject.subject}/ledger/${one.index}`}>{one.index}</a></td>
                    <td>{one.kind}</td><td>{one.proposal}</td><td>{one.signers.join(", ")}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </>
      )}
    </Show>
  );
}

export function EntryPage({ subject, index }: { subject: Subject; index: number }) {
  const entry = useLoaded(async () => {
    const given = await api.entry(subject.subject, index);
    return { given, check: await checkEntry(given, subject.log_key) };
  }, subject.subject + "/" + index);
  return (
    <>
      <h1>Entry {index}</h1>
      <p class="pages">
        {index > 0 && <a href={`#/s/${subject.subject}/ledger/${index - 1}`}>before it</a>}
        <a href={`#/s/${subject.subject}/ledger/${index + 1}`}>after it</a>
      </p>
      <Show of={entry}>
        {({ given, check }) => (
          <>
            <p class={check.included ? "good" : "bad"} id="inclusion">
              {check.included
                ? `This browser computed the root of all ${given.size} entries from this one: it is the checkpoint's.`
                : "THE PROOF IS WRONG: this entry does not lead to the checkpoint's root."}
            </p>
            <p class={check.signed === false ? "bad" : ""} id="signature">
              {check.signed === true && "The checkpoint is signed by the charter's log key."}
              {check.signed === false && "THE CHECKPOINT IS NOT SIGNED by the charter's log key."}
              {check.signed === null && "This browser has no Ed25519: the checkpoint's signature was not checked."}
            </p>
            <p class="quiet">This page and its key come from the same server. What does not: <code>pawl log export</code>, then{" "}
              <code>pawl-check log</code> on a machine of your own.</p>
            <h2>{given.kind}</h2>
            <pre tabIndex={0}>{JSON.stringify(check.statement, null, 2)}</pre>
            <h2>Checkpoint</h2>
            <pre tabIndex={0}>{given.checkpoint}</pre>
          </>
        )}
      </Show>
    </>
  );
}
