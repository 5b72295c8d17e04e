// The server tells what happens to a subject (server-sent events), and whoever shows it loads anew. Where no stream can
// be had, everything is asked for every few seconds instead: see useLoaded.
const KINDS = ["subject", "proposal", "entry", "reset", "failure"];
const GATHER_ms = 100; // what comes together is told once
const TRY_AGAIN_ms = 10_000; // after a refusal, which a browser does not repeat by itself

const listeners = new Set<() => void>();
let live = false;

// Whether a stream is open now.
export const isLive = () => live;

export function onNews(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

// Follows a subject while somebody looks: a browser has six connections for all of a server's pages. Gives how to stop.
export function follow(subject: string): () => void {
  let source: EventSource | null = null;
  let gathering = 0, again = 0;
  const tell = () => {
    gathering = 0;
    for (const listener of [...listeners]) listener();
  };
  const gather = () => {
    if (gathering === 0) gathering = setTimeout(tell, GATHER_ms);
  };
  const close = () => {
    source?.close();
    source = null;
    live = false;
    clearTimeout(again);
  };
  const open = () => {
    close();
    if (document.visibilityState !== "visible") return;
    source = new EventSource(`/api/v1/subjects/${encodeURIComponent(subject)}/events`);
    source.onopen = () => {
      live = true;
    };
    source.onerror = () => {
      live = false;
      gather();
      if (source?.readyState === EventSource.CLOSED) again = setTimeout(open, TRY_AGAIN_ms);
    };
    for (const kind of KINDS) source.addEventListener(kind, gather);
  };
  open();
  document.addEventListener("visibilitychange", open);
  return () => {
    document.removeEventListener("visibilitychange", open);
    close();
    clearTimeout(gathering);
  };
}
