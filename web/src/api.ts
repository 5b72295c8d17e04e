// What the server answers, as src/site/openapi.json describes it, and how it is asked.

export type Party = "people" | "reviewers" | "machine";

export interface SubjectSummary {
  subject: string;
  sentence: string;
  party: Party;
  who: string[];
  commands: string[];
  halted: boolean;
  live_epoch: number | null;
  proposals: number;
  events: number;
}

export interface Subject extends SubjectSummary {
  charter: string;
  charter_epoch: number;
  epoch: number;
  live: string | null;
  ledger_halts: string[];
  loader_halts: string[];
  loader_unreadable: string | null;
  ledger_older: string | null;
  log_key: string;
  key_ends: string[];
  single_operator: boolean;
  resume: { lifts: string[]; reason: string | null; signed_by: string[]; needed: number } | null;
  approval: {
    threshold: number;
    amendment_threshold: number;
    resume_threshold: number;
    presence_required: boolean;
    rp_id: string;
    origins: string[];
    people: { principal: string; has_passkey: boolean }[];
  };
}

export interface Position {
  proposal: string;
  action: string;
  note: string;
  proposed: string;
  tree: string;
  outcome: string;
  step: string;
  rule: string;
  reason: string;
  party: Party | null;
  sentence: string;
  who: string[];
  commands: string[];
}

export interface Vote {
  reviewer: string;
  principal: string | null;
  role: string;
  verdict: "for" | "against" | "abstain";
  reasons: string[];
  evidence: Record<string, unknown>;
  host: string;
  user: string;
  time: string;
  entry: number;
}

export interface SigningRequest {
  payload: string;
  digest: string;
  challenge: string;
}

export interface Proposal extends Position {
  entry: number;
  findings: { step: string; outcome: string; rule: string; summary: string; time: string }[];
  properties: {
    property: string;
    network: string;
    spec: string;
    arithmetic: string;
    drift_within: string | null;
    certificates: string[];
  }[];
  quorum: { met: boolean; lost: boolean; missing: string[]; summary: string };
  votes: Vote[];
  candidate: { digest: string; epoch: number; charter: string; budget_index: number; parent_tree: string | null; environment: string | null } | null;
  decision: (SigningRequest & { results: Record<string, string>; issued: string; expires: string; needed: number }) | null;
  approvals: { principal: string; key: string; signature: string; origin: string | null; reason: string | null; presence_proven: boolean }[];
  objections: string[];
  refusals: { principal: string; reason: string; time: string }[];
  warrant: string | null;
}

export interface Change {
  path: string;
  type: string;
  refused: string;
  before: string;
  after: string;
  shown: "lines" | "facts" | "too-long";
  diff: string;
}

export interface LifePoint {
  x: number | null;
  y: number | null;
  lower: number | null;
  upper: number | null;
  label: string;
  entry: number | null;
  mark: "released" | "not-released" | "gate-alone";
}

export interface LifePicture {
  name: string;
  title: string;
  description: string;
  x_label: string;
  y_label: string;
  series: { name: string; joined: "all" | "released"; left_out: number; points: LifePoint[] }[];
  limits: { name: string; y: number | null; earlier: { until_x: number | null; y: number | null }[] }[];
}

export interface Moved {
  count: number;
  changed: number;
  largest: number | null;
  relative: number | null;
  rows: number;
  columns: number;
  blocks: (number | null)[];
}

export interface NetworkSide {
  inputs: number;
  outputs: number;
  parameters: number;
  layers: { kind: string; name: string; inputs: number; outputs: number; weights: number; other_settings: boolean; moved: Moved | null }[];
  left_out: number;
}

export interface NetworkChange {
  path: string;
  why_not: string;
  same_shape: boolean;
  parent: NetworkSide | null;
  candidate: NetworkSide | null;
  properties: string[];
  inputs: string[];
  outputs: string[];
}

export interface MapAxis {
  input: number;
  name: string;
  unit: string;
  from: number | null;
  to: number | null;
  box_from: number | null;
  box_to: number | null;
}

export interface DecisionMap {
  cells: number;
  x: MapAxis;
  y: MapAxis;
  fixed: { name: string; value: string }[];
  outputs: string[];
  parent: number[] | null;
  candidate: number[];
}

export interface CertificateFacts {
  digest: string;
  why_not: string;
  bytes: number | null;
  arithmetic: "float32" | "float64" | "real" | null;
  leaves: number | null;
  input_splits: number | null;
  neuron_splits: number | null;
  depth: number | null;
  envelope: { tensors: number; smallest: number; largest: number; centre: string; is_centre: boolean; furthest: number | null } | null;
  within: { output: string; bound: string }[];
  checks: { reviewer: string; holds: boolean | null; leaves: number | null; ms: number | null; time: string; entry: number }[];
  command: string | null;
}

export interface CounterexampleInput {
  symbol: string;
  name: string;
  unit: string;
  value: number | null;
  words: string;
  lower: number | null;
  upper: number | null;
  lower_words: string;
  upper_words: string;
}

export interface CounterexampleOutput {
  symbol: string;
  name: string;
  unit: string;
  value: number | null;
  words: string;
  baseline: number | null;
  baseline_words: string | null;
  involved: boolean;
  unsafe_from: number | null;
  unsafe_to: number | null;
}

export interface Counterexample {
  digest: string;
  why_not: string;
  violates_float: boolean;
  violates_real: boolean;
  broken: string[];
  inputs: CounterexampleInput[];
  inputs_left_out: number;
  outputs: CounterexampleOutput[];
  outputs_left_out: number;
  within: string | null;
}

export interface Proof {
  property: string;
  kind: "property" | "drift";
  network: string;
  spec: string;
  arithmetic: string;
  within: string | null;
  words: string[];
  certificate: CertificateFacts | null;
  counterexample: Counterexample | null;
}

export interface CharterChanges {
  changes: { what: string; before: string; after: string; effect: "loosens" | "tightens" | "other" }[];
  words: { title: string; gone: string[]; come: string[] }[];
}

export interface Release {
  epoch: number;
  action: string;
  proposal: string;
  note: string;
  tree: string;
  warrant: string;
  time: string;
}

export interface Entry {
  index: number;
  kind: string;
  proposal: string | null;
  signers: string[];
  leaf: string;
}

export interface EntryWithProof extends Entry {
  entry: string;
  checkpoint: string;
  size: number;
  proof: string[];
}

export class Refused extends Error {
  constructor(readonly rule: string, message: string, readonly advice: string) {
    super(message);
  }
}

async function ask<T>(path: string, body?: unknown): Promise<T> {
  const options: RequestInit = { cache: "no-store", credentials: "omit", redirect: "error" };
  if (body !== undefined) {
    options.method = "POST";
    options.headers = { "Content-Type": "application/json" };
    options.body = JSON.stringify(body);
  }
  let response: Response;
  try {
    response = await fetch("/api/v1/" + path, options);
  } catch {
    throw new Refused("page.unreachable", "the server does not answer", "it is asked again by itself; is pawl serve running?");
  }
  let answer;
  try {
    answer = await response.json();
  } catch {
    throw new Refused("page.answer", `the answer (HTTP ${response.status}) is not pawl's`, "a proxy may have given it; is pawl serve running behind it?");
  }
  if (!response.ok) throw new Refused(answer.error.rule, answer.error.message, answer.error.advice);
  return answer as T;
}

const of = (subject: string, rest = "") => "subjects/" + encodeURIComponent(subject) + rest;

export const api = {
  subjects: () => ask<{ subjects: SubjectSummary[] }>("subjects"),
  subject: (subject: string) => ask<Subject>(of(subject)),
  inbox: (subject: string, first: number) =>
    ask<{ total: number; proposals: Position[] }>(of(subject, `/proposals?first=${first}&count=50`)),
  proposal: (subject: string, name: string) => ask<Proposal>(of(subject, "/proposals/" + name)),
  diff: (subject: string, name: string) => ask<{ changes: Change[] }>(of(subject, `/proposals/${name}/diff`)),
  life: (subject: string) => ask<{ trials: number; pictures: LifePicture[] }>(of(subject, "/life")),
  networks: (subject: string, name: string) => ask<{ networks: NetworkChange[] }>(of(subject, `/proposals/${name}/networks`)),
  map: (subject: string, name: string, query: string) => ask<DecisionMap>(of(subject, `/proposals/${name}/map?${query}`)),
  proofs: (subject: string, name: string) => ask<{ proofs: Proof[]; left_out: number }>(of(subject, `/proposals/${name}/proofs`)),
  charter: (subject: string, name: string) => ask<CharterChanges>(of(subject, `/proposals/${name}/charter`)),
  releases: (subject: string, first: number) =>
    ask<{ total: number; releases: Release[] }>(of(subject, `/releases?first=${first}&count=50`)),
  ledger: (subject: string, first: number) =>
    ask<{ total: number; covered: number; checkpoint: string | null; entries: Entry[] }>(
      of(subject, `/ledger?first=${first}&count=50`)),
  entry: (subject: string, index: number) => ask<EntryWithProof>(of(subject, "/ledger/" + index)),
  draft: (subject: string, draft: Record<string, string>) => ask<SigningRequest>(of(subject, "/drafts"), draft),
  sign: (subject: string, signature: unknown) =>
    ask<{ signed: string; sentence: string }>(of(subject, "/signatures"), signature),
};
