// Whether an entry stands in the log that a checkpoint names: RFC 6962 section 2.1.1 and C2SP's signed notes, done here
// and not taken from the server's word.
import { fromBase64, join, same, sha256, text, toBase64, utf8 } from "./bytes";

const node = (left: Uint8Array, right: Uint8Array) => sha256(join(new Uint8Array([1]), left, right));

export const leafHash = (entry: Uint8Array) => sha256(join(new Uint8Array([0]), entry));

// The root that a leaf at `index` of a tree of `size` has by this proof; nothing where its length cannot be right.
export async function rootFrom(leaf: Uint8Array, index: number, size: number, proof: Uint8Array[]) {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) return null;
  let at = BigInt(index);
  let last = BigInt(size - 1);
  let hash = leaf;
  for (const sibling of proof) {
    if (last === 0n || sibling.length !== 32) return null;
    if ((at & 1n) === 1n || at === last) {
      hash = await node(sibling, hash);
      while ((at & 1n) === 0n && at !== 0n) {
        at >>= 1n;
        last >>= 1n;
      }
    } else {
      hash = await node(hash, sibling);
    }
    at >>= 1n;
    last >>= 1n;
  }
  return last === 0n ? hash : null;
}

export interface Checkpoint {
  origin: string;
  size: number;
  root: Uint8Array;
  body: string;
  signatures: { name: string; blob: Uint8Array<ArrayBuffer> }[];
}

export function readCheckpoint(note: string): Checkpoint | null {
  const split = note.lastIndexOf("\n\n");
  if (split < 0) return null;
  const body = note.slice(0, split + 1);
  const [origin, size, root] = body.split("\n");
  if (!origin || !size || !/^(0|[1-9][0-9]{0,15})$/.test(size) || !root) return null;
  const signatures = note.slice(split + 2).split("\n").filter((line) => line !== "").map((line) => {
    const [dash, name, blob] = line.split(" ");
    return { name: dash === "\u2014" && name ? name : "", blob: fromBase64(blob ?? "") };
  });
  return { origin, size: Number(size), root: fromBase64(root), body, signatures };
}

// Whether the log's key signed it; nothing where this browser has no Ed25519.
export async function isSignedBy(checkpoint: Checkpoint, verifierKey: string): Promise<boolean | null> {
  const match = /^(.+)\+([0-9a-f]{8})\+(.+)$/.exec(verifierKey);
  if (!match) return false;
  const [, name, , encoded] = match;
  const typed = fromBase64(encoded!);
  if (typed.length !== 33 || typed[0] !== 1) return false;
  const id = (await sha256(join(utf8(name + "\n"), typed))).slice(0, 4);
  let key: CryptoKey;
  try {
    key = await crypto.subtle.importKey("raw", typed.slice(1), "Ed25519", false, ["verify"]);
  } catch {
    return null;
  }
  for (const signature of checkpoint.signatures) {
    if (signature.name !== name || !same(signature.blob.slice(0, 4), id)) continue;
    return crypto.subtle.verify("Ed25519", key, signature.blob.slice(4), utf8(checkpoint.body));
  }
  return false;
}

export interface EntryCheck {
  included: boolean;
  signed: boolean | null;
  statement: unknown;
}

export async function checkEntry(
  given: { index: number; size: number; entry: string; proof: string[]; checkpoint: string; leaf: string },
  logKey: string,
): Promise<EntryCheck> {
  const entry = fromBase64(given.entry);
  const leaf = await leafHash(entry);
  const checkpoint = readCheckpoint(given.checkpoint);
  const root = await rootFrom(leaf, given.index, given.size, given.proof.map(fromBase64));
  const envelope = JSON.parse(text(entry)) as { payload: string };
  return {
    included:
      checkpoint !== null && root !== null && toBase64(leaf) === given.leaf && checkpoint.size === given.size &&
      same(root, checkpoint.root),
    signed: checkpoint === null ? false : await isSignedBy(checkpoint, logKey),
    statement: JSON.parse(text(fromBase64(envelope.payload))),
  };
}
