// Signing with a passkey. The challenge is made here from the statement's own bytes; what the server says it is must be
// the same, or nothing is signed.
import { api, Refused, type SigningRequest } from "./api";
import { fromBase64, hex, join, sha256, sshString, text, toBase64, utf8 } from "./bytes";

const PAYLOAD_TYPE = "application/vnd.in-toto+json";
const NAMESPACE = "approve@pawl";

// DSSE's pre-authentication encoding, then what an SSHSIG covers (OpenSSH's PROTOCOL.sshsig).
export async function toBeSigned(payload: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const message = join(utf8(`DSSEv1 ${PAYLOAD_TYPE.length} ${PAYLOAD_TYPE} ${payload.length} `), payload);
  return join(utf8("SSHSIG"), sshString(utf8(NAMESPACE)), sshString(utf8("")), sshString(utf8("sha256")),
              sshString(await sha256(message)));
}

// The statement as it will be signed, with its digest; refused where the server said something else of it.
export async function readRequest(request: SigningRequest) {
  const payload = fromBase64(request.payload);
  const digest = "sha256:" + hex(await sha256(payload));
  const challenge = await toBeSigned(payload);
  const encoded = toBase64(challenge).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  if (digest !== request.digest || encoded !== request.challenge) {
    throw new Refused("page.mismatch", "the server's digest is not that of the statement", "do not sign; tell the others");
  }
  return { digest, challenge, statement: JSON.parse(text(payload)) as Statement };
}

export interface Statement {
  subject: { name: string; digest: { sha256: string } }[];
  predicateType: string;
  predicate: Record<string, unknown>;
}

export async function signAndSend(subject: string, rpId: string, principal: string, request: SigningRequest, reason = "") {
  const { challenge } = await readRequest(request);
  let credential: PublicKeyCredential | null;
  try {
    credential = (await navigator.credentials.get({
      publicKey: { challenge, rpId, userVerification: "required", timeout: 120_000 },
    })) as PublicKeyCredential | null;
  } catch (failure) {
    throw new Refused("page.no-signature", "nothing was signed: " + (failure as Error).message, "try again with your passkey");
  }
  const response = credential!.response as AuthenticatorAssertionResponse;
  return api.sign(subject, {
    payload: request.payload,
    principal,
    reason,
    assertion: {
      authenticator_data: toBase64(response.authenticatorData),
      client_data_json: toBase64(response.clientDataJSON),
      signature: toBase64(response.signature),
    },
  });
}

// A new passkey, as the line that the charter's signers file gets. Nothing is sent to anybody.
export async function enrol(rpId: string, principal: string): Promise<string> {
  const credential = (await navigator.credentials.create({
    publicKey: {
      challenge: crypto.getRandomValues(new Uint8Array(32)),
      rp: { id: rpId, name: "Pawl" },
      user: { id: await sha256(utf8(principal)), name: principal, displayName: principal },
      pubKeyCredParams: [{ type: "public-key", alg: -7 }],
      authenticatorSelection: { residentKey: "required", userVerification: "required" },
      attestation: "none",
    },
  })) as PublicKeyCredential;
  const spki = new Uint8Array((credential.response as AuthenticatorAttestationResponse).getPublicKey() ?? new ArrayBuffer(0));
  const point = spki.slice(-65);
  if (point.length !== 65 || point[0] !== 4) throw new Refused("page.key", "the authenticator made no P-256 key", "use another");
  const type = "webauthn-sk-ecdsa-sha2-nistp256@openssh.com";
  const blob = join(sshString(utf8(type)), sshString(utf8("nistp256")), sshString(point), sshString(utf8(rpId)));
  return `${principal} namespaces="${NAMESPACE}" ${type} ${toBase64(blob)}`;
}
