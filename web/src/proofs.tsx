// What is proven, and by which certificate; what is broken, at which inputs, in the subject's own units. The server reads
// both from the ledger and the store; here nothing is computed but where to draw.
import { useEffect, useRef } from "preact/hooks";
import { api, type CertificateFacts, type Counterexample, type CounterexampleInput, type CounterexampleOutput, type Proof, type Proposal } from "./api";
import { short } from "./life";
import { Digest, Show, useLoaded } from "./parts";

const WIDTH = 240;

// Values along one line, with room on both sides.
function scaleOf(values: (number | null)[]) {
  const known = values.filter((value): value is number => value !== null);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const span = high - low || Math.abs(high) || 1;
  const [from, to] = [low - 0.1 * span, high + 0.1 * span];
  return (value: number) => (WIDTH * (value - from)) / (to - from);
}

// Where an input may be, and where it is.
function InputLane({ of }: { of: CounterexampleInput }) {
  if (of.value === null || of.lower === null || of.upper === null) return null;
  const x = scaleOf([of.lower, of.upper, of.value]);
  return (
    <svg class="lane" width={WIDTH} height="18" viewBox={`0 0 ${WIDTH} 18`} aria-hidden="true">
      <rect x={x(of.lower)} width={Math.max(2, x(of.upper) - x(of.lower))} y="5" height="8" class="allowed" />
      <circle cx={x(of.value)} cy="9" r="5" class="point" />
    </svg>
  );
}

// Where an output would be unsafe, and where it is; of drift also where the baseline's is.
function OutputLane({ of, x }: { of: CounterexampleOutput; x: (value: number) => number }) {
  if (of.value === null) return null;
  const isBounded = of.involved && (of.unsafe_from !== null || of.unsafe_to !== null);
  const from = of.unsafe_from === null ? 0 : x(of.unsafe_from), to = of.unsafe_to === null ? WIDTH : x(of.unsafe_to);
  return (
    <svg class="lane" width={WIDTH} height="18" viewBox={`0 0 ${WIDTH} 18`} aria-hidden="true">
      {isBounded && <rect x={from} width={Math.max(2, to - from)} y="0" height="18" class="forbidden" />}
      <line x1="0" x2={WIDTH} y1="9" y2="9" class="ground" />
      {of.baseline !== null && <circle cx={x(of.baseline)} cy="9" r="5" class="baseline" />}
      <circle cx={x(of.value)} cy="9" r="5" class={of.involved ? "point broken" : "point"} />
    </svg>
  );
}

const Name = ({ of }: { of: { name: string; symbol: string } }) => <>{of.name}{of.name !== of.symbol && <> <code>{of.symbol}</code></>}</>;

function unsafeWords(of: CounterexampleOutput) {
  const [from, to, unit] = [short(of.unsafe_from), short(of.unsafe_to), of.unit && " " + of.unit];
  if (!of.involved) return "";
  if (of.value === null) return "no number";
  if (of.unsafe_from !== null && of.unsafe_to !== null) return `from ${from} to ${to}${unit}`;
  if (of.unsafe_from !== null) return `from ${from}${unit} on`;
  return of.unsafe_to !== null ? `up to ${to}${unit}` : "beside another output";
}

function Broken({ of, name }: { of: Counterexample; name: string }) {
  const isDrift = of.within !== null;
  const units = new Set(of.outputs.map((one) => one.unit));
  const span = (outputs: CounterexampleOutput[]) => scaleOf(outputs.flatMap((one) => [one.value, one.baseline, one.unsafe_from, one.unsafe_to]));
  const common = span(of.outputs);
  const leftOut = (count: number) => count > 0 && <p class="quiet">{count} more are in the counterexample's document.</p>;
  return (
    <div class="counterexample">
      {of.why_not !== "" && <p>It cannot be shown against the property: {of.why_not}.</p>}
      {of.broken.length > 0 && (
        <p><strong class="bad">Broken</strong>: it must never be that{" "}
          {of.broken.map((words, i) => <span key={i}>{i > 0 && " and "}<strong>{words}</strong></span>)}, and here it is.</p>
      )}
      {of.inputs.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label={`Inputs that break ${name}`}>
          <table>
            <caption>For these inputs</caption>
            <thead><tr><th scope="col">Input</th><th scope="col">Is</th><th scope="col">The property speaks of</th><th scope="col">Drawn</th></tr></thead>
            <tbody>
              {of.inputs.map((one) => (
                <tr key={one.symbol}>
                  <th scope="row"><Name of={one} /></th><td>{one.words}</td>
                  <td>{one.lower === one.upper ? <>exactly {one.lower_words}</> : <>{one.lower_words} to {one.upper_words}</>}</td>
                  <td><InputLane of={one} /></td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {leftOut(of.inputs_left_out)}
      {of.outputs.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label={`Outputs that break ${name}`}>
          <table>
            <caption>The network gives{isDrift && "; hollow: the baseline"}</caption>
            <thead><tr><th scope="col">Output</th><th scope="col">Is</th>{isDrift && <th scope="col">Baseline's</th>}<th scope="col">Unsafe</th><th scope="col">Drawn</th></tr></thead>
            <tbody>
              {of.outputs.map((one) => (
                <tr key={one.symbol} class={one.involved ? "involved" : ""}>
                  <th scope="row"><Name of={one} /></th><td>{one.words}</td>{isDrift && <td>{one.baseline_words}</td>}
                  <td>{unsafeWords(one)}</td>
                  <td><OutputLane of={one} x={units.size === 1 ? common : span([one])} /></td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {leftOut(of.outputs_left_out)}
      <p class="quiet">
        {of.violates_float && of.violates_real ? "It is so in the network's own precision and in real arithmetic."
          : of.violates_float ? "It is so in the network's own precision; in real arithmetic that was not shown."
          : "It is so in real arithmetic; the outputs above are those of the network's own precision, where it is not."}{" "}
        Document <Digest of={of.digest} />
      </p>
    </div>
  );
}

const CLAIMS: Record<string, string> = {
  float32: "of every evaluation in single precision, in any order of summation (float32)",
  float64: "of every evaluation in double precision, in any order of summation (float64)",
  real: "in real arithmetic (real)",
};
const percent = (part: number) => short(Number((100 * part).toPrecision(2))) + " %";
const counted = (count: number | null, one: string, more = one + "s") => `${count} ${count === 1 ? one : more}`;

function Facts({ of, subject }: { of: CertificateFacts; subject: string }) {
  const { envelope } = of;
  return (
    <dl class="facts">
      <dt>Certificate</dt>
      <dd><code class="whole">{of.digest}</code>{of.bytes !== null && `, ${of.bytes} bytes`}{of.why_not !== "" && <strong class="bad">; {of.why_not}</strong>}</dd>
      {of.arithmetic !== null && (
        <>
          <dt>Its claim</dt><dd>{CLAIMS[of.arithmetic]}</dd>
          <dt>Its tree</dt>
          <dd>{counted(of.leaves, "leaf", "leaves")}, {counted(of.input_splits, "split")} of inputs and {of.neuron_splits} of neurons, {of.depth} deep</dd>
        </>
      )}
      {envelope !== null && (
        <>
          <dt>Its envelope</dt>
          <dd>
            {counted(envelope.tensors, "tensor")} may move by {short(envelope.smallest)}
            {envelope.largest !== envelope.smallest && ` to ${short(envelope.largest)}`}, each weight on its own.{" "}
            {envelope.is_centre ? "It was made for this very network." : (
              <>It was made for <Digest of={envelope.centre} />;{" "}
                {envelope.furthest === null ? "how far out this network is was not measured here" : `this network is ${percent(envelope.furthest)} of the way out`}.</>
            )}
          </dd>
        </>
      )}
      {of.within.length > 0 && (
        <>
          <dt>Proven drift</dt>
          <dd>{of.within.map((one) => `${one.output} at most ${one.bound}`).join("; ")}, from the baseline's, in the network's own scale</dd>
        </>
      )}
      <dt>Checked by</dt>
      <dd>
        {of.checks.length === 0 ? "no prover's vote names it so far" : of.checks.map((check) => (
          <div key={check.entry}>
            {check.reviewer}: {check.holds === null ? "named in its vote" : check.holds ? <span class="good">holds</span> : <strong class="bad">does not count</strong>}
            {check.leaves !== null && `, ${counted(check.leaves, "leaf", "leaves")} confirmed`}{check.ms !== null && ` in ${check.ms} ms`},{" "}
            {check.time} (<a href={`#/s/${subject}/ledger/${check.entry}`}>entry {check.entry}</a>)
          </div>
        ))}
      </dd>
      {of.command !== null && <><dt>Check it again</dt><dd><code class="whole command">{of.command}</code></dd></>}
    </dl>
  );
}

function OneProof({ of, subject, isOpen }: { of: Proof; subject: string; isOpen: boolean }) {
  const state = of.counterexample !== null ? <strong class="bad">broken</strong>
    : of.certificate !== null ? <span>{of.certificate.leaves === null ? "has a certificate" : `has a certificate of ${counted(of.certificate.leaves, "leaf", "leaves")}`}</span>
    : <strong class="bad">no certificate is named</strong>;
  return (
    <details open={isOpen || of.counterexample !== null}>
      <summary>
        <strong>{of.property}</strong>{of.kind === "drift" && <>, drift within {of.within}</>}
        {of.network !== "" && <>: <code>{of.spec}</code> of <code>{of.network}</code>, {of.arithmetic}</>}: {state}
      </summary>
      {of.counterexample !== null && <Broken of={of.counterexample} name={of.property} />}
      {of.words.length > 0 && <pre class="words" tabIndex={0}>{of.words.join("\n")}</pre>}
      {of.certificate !== null && <Facts of={of.certificate} subject={subject} />}
    </details>
  );
}

// Of a change that breaks a property nothing else matters first.
export const breaksAProperty = (of: Proposal) => of.outcome !== "pending" && ["property.violated", "drift.exceeded"].includes(of.rule);

export function Proofs({ subject, of }: { subject: string; of: Proposal }) {
  const finding = of.findings.filter((one) => one.step === "properties").at(-1);
  const proofs = useLoaded(() => api.proofs(subject, of.proposal), `${subject}/${of.proposal}`);
  const { again } = proofs;
  const known = `${of.findings.length}/${of.votes.length}`;
  const first = useRef(known);
  useEffect(() => { if (known !== first.current) { first.current = known; again(); } }, [known, again]);  // what is shown stays until then
  return (
    <section aria-labelledby="properties">
      <h2 id="properties">What is proven</h2>
      {finding && <p>The gate's step: <strong>{finding.outcome}</strong>: {finding.summary}</p>}
      {of.action !== "amendment" && (
        <Show of={proofs}>
          {({ proofs: rows, left_out }) => (
            <>
              {rows.length === 0 && <p>The charter names no property of a network.</p>}
              <div class="proofs">{rows.map((one) => <OneProof key={one.property + one.kind} of={one} subject={subject} isOpen={rows.length <= 3} />)}</div>
              {left_out > 0 && <p>{left_out} more are not shown here: <code>pawl status {of.proposal}</code>.</p>}
            </>
          )}
        </Show>
      )}
      <p class="quiet">The loader checks each certificate again before it switches. Nothing else is claimed to be proven.</p>
    </section>
  );
}
