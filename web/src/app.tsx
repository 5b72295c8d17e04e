// The page: which view the address names, and how the subject stands above all of them.
import { render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { api, type Refused, type SigningRequest, type Subject } from "./api";
import { follow } from "./events";
import { EntryPage, LedgerPage } from "./ledger";
import { LifePage } from "./life";
import { asRefused, Commands, Digest, Failure, Pages, Show, useLoaded } from "./parts";
import { ProposalPage } from "./proposal";
import { enrol, readRequest, signAndSend } from "./signing";

function Inbox({ subject }: { subject: Subject }) {
  const [first, setFirst] = useState(0);
  const inbox = useLoaded(() => api.inbox(subject.subject, first), subject.subject + "/" + first, 5_000);
  return (
    <Show of={inbox}>
      {(of) => (
        <>
          <h1>Proposals</h1>
          {of.total === 0 && <p>There is none yet: <code>pawl cycle</code> or <code>pawl propose DIR</code> makes one.</p>}
          <ul class="inbox">
            {of.proposals.map((one) => (
              <li key={one.proposal} class={one.party === "people" ? "people" : ""}>
                <a href={`#/s/${subject.subject}/p/${one.proposal}`}>{one.proposal}</a>{" "}
                <span class="tag">{one.outcome === "pending" ? "waits for " + one.party : one.outcome}</span>{" "}
                {one.action}: {one.note}
                <p class="quiet">{one.sentence || one.reason}</p>
              </li>
            ))}
          </ul>
          <Pages first={first} total={of.total} go={setFirst} />
        </>
      )}
    </Show>
  );
}

function History({ subject }: { subject: Subject }) {
  const [first, setFirst] = useState(0);
  const releases = useLoaded(() => api.releases(subject.subject, first), subject.subject + "/" + first, 5_000);
  return (
    <Show of={releases}>
      {(of) => (
        <>
          <h1>Releases</h1>
          {of.total === 0 ? <p>Nothing is live yet: the first proposal that people approve becomes the first release.</p> : (
            <div class="scroll" tabIndex={0} role="region" aria-label="Releases">
              <table>
                <thead><tr><th scope="col">Epoch</th><th scope="col">Since</th><th scope="col">By</th><th scope="col">Proposal</th>
                  <th scope="col">Note</th><th scope="col">Tree</th><th scope="col">Warrant</th></tr></thead>
                <tbody>
                  {of.releases.map((one) => (
                    <tr key={one.epoch}>
                      <td>{one.epoch}</td><td>{one.time}</td><td>{one.action}</td>
                      <td><a href={`#/s/${subject.subject}/p/${one.proposal}`}>{one.proposal}</a></td>
                      <td>{one.note}</td><td><Digest of={one.tree} /></td><td><Digest of={one.warrant} /></td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )}
          <Pages first={first} total={of.total} go={setFirst} />
        </>
      )}
    </Show>
  );
}

function Enrol({ subject }: { subject: Subject }) {
  const [who, setWho] = useState("");
  const [line, setLine] = useState("");
  const [failure, setFailure] = useState<Refused | null>(null);
  const rpId = subject.approval.rp_id;
  const make = () => {
    setFailure(null);
    enrol(rpId, who).then(setLine, (refused: unknown) => setFailure(asRefused(refused)));
  };
  return (
    <>
      <h1>Enrol a passkey</h1>
      {rpId === "" ? (
        <p>The charter takes no passkeys: it names no <code>approval.rp_id</code>.</p>
      ) : (
        <form onSubmit={(event) => { event.preventDefault(); make(); }}>
          <p>Makes a passkey for <code>{rpId}</code> and shows the line for the charter's file of signers. Nothing is sent to
            anybody. The line counts once an amendment with it is in force: <code>pawl charter amend</code>.</p>
          <label>Your name as the charter has it, like ada@example.org{" "}
            <input type="text" required pattern="[^\s,!*?&quot;#]+" value={who} onInput={(event) => setWho(event.currentTarget.value)} />
          </label>
          <button type="submit">Make a passkey</button>
        </form>
      )}
      <Failure failure={failure} />
      {line !== "" && (
        <>
          <pre id="line" tabIndex={0}>{line}</pre>
          <button type="button" onClick={() => void navigator.clipboard?.writeText(line)}>Copy the line</button>
        </>
      )}
    </>
  );
}

function Banner({ of }: { of: Subject }) {
  const stops = [...of.loader_halts, ...of.ledger_halts.filter((one) => !of.loader_halts.includes(one))];
  return (
    <div class={"banner " + (of.halted ? "halted" : of.party)}>
      <p><strong>{of.halted ? "HALTED. " : ""}</strong>{of.sentence}</p>
      {stops.map((one) => <p key={one}>Halted by {one}</p>)}
      {of.ledger_older !== null && <p class="bad">{of.ledger_older}</p>}
      {of.loader_unreadable !== null && <p class="bad">The loader starts nothing: {of.loader_unreadable}</p>}
      {of.key_ends.map((one) => <p key={one} class="bad">{one}</p>)}
      {of.single_operator && <p>Single operator: one person answers for every reviewer and every approval.</p>}
      {!of.approval.presence_required && <p>Approvals may come from software keys: no human presence is proven.</p>}
      <Commands of={of.commands} />
    </div>
  );
}

// Who signs, and why, with a passkey of theirs: the frame of a halt and of a resume. Without `why` no reason is asked for.
interface FrameProps {
  subject: Subject;
  command: string; // for whoever has no passkey here
  who: string;
  why: string | null;
  button: string;
  sign: (who: string, reason: string) => Promise<{ sentence: string }>;
  done: (sentence: string) => void;
}

function SigningFrame({ subject, command, who: whoLabel, why, button, sign, done }: FrameProps) {
  const people = subject.approval.people.filter((one) => one.has_passkey);
  const [who, setWho] = useState(people.length === 1 ? people[0]!.principal : "");
  const [reason, setReason] = useState("");
  const [failure, setFailure] = useState<Refused | null>(null);
  const [busy, setBusy] = useState(false);
  const act = (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setFailure(null);
    sign(who, why === null ? "" : reason)
      .then((answer) => done(answer.sentence), (refused: unknown) => setFailure(asRefused(refused)))
      .finally(() => setBusy(false));
  };
  if (people.length === 0) return <p>The charter lists no passkey for this page: <code>{command}</code>.</p>;
  return (
    <>
      <form onSubmit={act}>
        <label>{whoLabel}{" "}
          <select required value={who} onChange={(event) => setWho(event.currentTarget.value)}>
            <option value="">choose yourself</option>
            {people.map((one) => <option key={one.principal} value={one.principal}>{one.principal}</option>)}
          </select>
        </label>
        {why !== null && <label>{why} <input type="text" required maxLength={500} value={reason} onInput={(event) => setReason(event.currentTarget.value)} /></label>}
        <button type="submit" disabled={busy}>{button}</button>
      </form>
      <Failure failure={failure} />
    </>
  );
}

// What the server drafted is what was asked for, or nothing is signed.
async function signDraft(subject: Subject, who: string, draft: SigningRequest, action: "halt" | "resume", reason: string) {
  const { statement } = await readRequest(draft);
  if (statement.predicate["action"] !== action) throw new Error(`the server drafted something else than a ${action}: nothing was signed`);
  const drafted = statement.predicate["reason"];
  if (drafted !== reason.trim() && drafted !== reason) throw new Error("the server drafted it with another reason: nothing was signed");
  return signAndSend(subject.subject, subject.approval.rp_id, who, draft);
}

// People together lift what is halted: the first one says why, and the others sign the same statement.
// What the last signature did is said by whoever shows this: nothing is left to resume then, and this goes.
function Resume({ subject, done }: { subject: Subject; done: (said: string) => void }) {
  const { lifts, reason: begun, signed_by, needed } = subject.resume!;
  const sign = async (who: string, reason: string) => {
    const draft = await api.draft(subject.subject, { action: "resume", proposal: "", principal: who, reason });
    try {
      return await signDraft(subject, who, draft, "resume", begun ?? reason);
    } catch (failure) {
      done("");  // another resume may have been begun meanwhile: it is shown
      throw failure;
    }
  };
  return (
    <details class="resume" open={begun !== null}>
      <summary>Resume: {signed_by.length} of {needed} have signed</summary>
      <p>Lifts:</p>
      <ul>{lifts.map((line) => <li key={line}>{line}</li>)}</ul>
      {begun !== null && <p>{signed_by.join(", ")} would resume: {begun}</p>}
      <SigningFrame subject={subject} command="pawl resume" who="Who resumes" why={begun === null ? "Why it may go on" : null}
        button="Resume with a passkey" sign={sign} done={done} />
    </details>
  );
}

// One person is enough to stop everything.
function Halt({ subject, done }: { subject: Subject; done: () => void }) {
  const [said, setSaid] = useState("");
  const sign = async (who: string, reason: string) =>
    signDraft(subject, who, await api.draft(subject.subject, { action: "halt", proposal: "", principal: who, reason }), "halt", reason);
  return (
    <details class="halt">
      <summary>Halt everything</summary>
      <SigningFrame subject={subject} command="pawl halt -m WHY" who="Who halts" why="What is wrong"
        button="Halt with a passkey" sign={sign} done={(sentence) => { setSaid(sentence); done(); }} />
      <p role="status">{said}</p>
    </details>
  );
}

function SubjectPage({ name, rest }: { name: string; rest: string[] }) {
  useEffect(() => follow(name), [name]);
  const subject = useLoaded(() => api.subject(name), name, 2_000);
  const [said, setSaid] = useState("");
  useEffect(() => setSaid(""), [name]);
  const resumed = (sentence: string) => {
    setSaid(sentence);
    subject.again();
  };
  const [view, item] = rest;
  const base = "#/s/" + name;
  const link = (to: string, label: string, here: boolean) => <a href={base + to} aria-current={here ? "page" : undefined}>{label}</a>;
  return (
    <>
      <header>
        <nav aria-label="Views">
          <a href="#/">Pawl</a>
          {link("", "Proposals", view === undefined || view === "p")}
          {link("/history", "Releases", view === "history")}
          {link("/life", "Life", view === "life")}
          {link("/ledger", "Ledger", view === "ledger")}
          {link("/enrol", "Passkeys", view === "enrol")}
        </nav>
        <p class="subject">{name}</p>
      </header>
      <main id="main" tabIndex={-1}>
        <Show of={subject}>
          {(of) => (
            <>
              <Banner of={of} />
              {of.resume !== null ? <Resume subject={of} done={resumed} /> : null}
              <p role="status">{said}</p>
              <Halt subject={of} done={subject.again} />
              {view === undefined && <Inbox subject={of} />}
              {view === "p" && item !== undefined && <ProposalPage subject={of} name={item} changed={subject.again} />}
              {view === "history" && <History subject={of} />}
              {view === "life" && <LifePage subject={of} />}
              {view === "ledger" && item === undefined && <LedgerPage subject={of} />}
              {view === "ledger" && item !== undefined && <EntryPage subject={of} index={Number(item)} />}
              {view === "enrol" && <Enrol subject={of} />}
              {!(view === undefined || ["p", "history", "life", "ledger", "enrol"].includes(view)) && <p>There is no such view. <a href={base}>Proposals</a></p>}
            </>
          )}
        </Show>
      </main>
    </>
  );
}

function Subjects() {
  const subjects = useLoaded(api.subjects, "subjects", 5_000);
  return (
    <>
      <header><nav aria-label="Views"><a href="#/" aria-current="page">Pawl</a></nav></header>
      <main id="main" tabIndex={-1}>
        <h1>Subjects</h1>
        <Show of={subjects}>
          {(of) => of.subjects.length === 0 ? <p>This home has none yet: <code>pawl init DIR</code> begins one with a charter.</p> : (
            <ul class="inbox">
              {of.subjects.map((one) => (
                <li key={one.subject} class={one.party === "people" ? "people" : ""}>
                  <a href={"#/s/" + one.subject}>{one.subject}</a> {one.halted && <strong class="bad">HALTED</strong>}
                  <p class="quiet">{one.sentence}</p>
                </li>
              ))}
            </ul>
          )}
        </Show>
      </main>
    </>
  );
}

const addressNow = () => location.hash.replace(/^#\/?/, "").split("/").filter((part) => part !== "").map(decodeURIComponent);

function App() {
  const [address, setAddress] = useState(addressNow);
  const first = useRef(true);
  useEffect(() => {
    const moved = () => setAddress(addressNow());
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  const [head, name, ...rest] = address;
  useEffect(() => {
    document.title = [...address.slice(1), "Pawl"].join(" · ");
    if (!first.current) document.getElementById("main")?.focus();
    first.current = false;
  }, [address.join("/")]);
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); document.getElementById("main")?.focus(); }}>To the content</a>
      {head === "s" && name !== undefined ? <SubjectPage key={name} name={name} rest={rest} /> : <Subjects />}
    </>
  );
}

const page = document.getElementById("page")!;
page.replaceChildren();
render(<App />, page);
