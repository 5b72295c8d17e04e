// What several views share: loading, failures, short digests.
import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useState } from "preact/hooks";
import { Refused } from "./api";
import { isLive, onNews } from "./events";

export interface Loaded<T> {
  value: T | null;
  failure: Refused | null;
  again: () => void;
}

export const asRefused = (failure: unknown) =>
  failure instanceof Refused ? failure : new Refused("page.failure", String(failure), "");

const LIVE_every_ms = 30_000; // a proxy may hold a stream back without anybody noticing

const BUSY_ms = 1_500;  // where many ask at once, each asks again by itself, not all together

// Loads, and loads again when the server tells that something has happened, or else every few seconds while somebody
// looks; a failure keeps what was loaded before.
export function useLoaded<T>(load: () => Promise<T>, key: string, every_ms = 0): Loaded<T> {
  const [state, setState] = useState<{ key: string; value: T | null; failure: Refused | null }>({ key, value: null, failure: null });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let gone = false;
    let last = 0;
    const once = () => {
      last = Date.now();
      return load().then(
        (value) => gone || setState({ key, value, failure: null }),
        (failure: unknown) => {
          if (gone) return;
          const refused = asRefused(failure);
          setState((old) => ({ key, value: old.key === key ? old.value : null, failure: refused }));
          if (refused.rule === "site.rate") setTimeout(() => gone || void once(), BUSY_ms * (1 + Math.random()));
        },
      );
    };
    void once();
    const isDue = () => document.visibilityState === "visible" && (!isLive() || Date.now() - last >= LIVE_every_ms);
    const timer = every_ms > 0 ? setInterval(() => isDue() && void once(), every_ms) : 0;
    const deaf = every_ms > 0 ? onNews(() => void once()) : () => {};
    return () => {
      gone = true;
      clearInterval(timer);
      deaf();
    };
  }, [key, turn]);
  const again = useCallback(() => setTurn((n) => n + 1), []);
  return { value: state.key === key ? state.value : null, failure: state.failure, again };
}

export function Failure({ failure }: { failure: Refused | null }) {
  if (!failure) return null;
  return (
    <p class="failure" role="alert">
      {failure.message} <code>{failure.rule}</code>
      {failure.advice !== "" && <> {failure.advice}</>}
    </p>
  );
}

export function Show<T>({ of, children }: { of: Loaded<T>; children: (value: T) => ComponentChildren }) {
  return (
    <>
      <Failure failure={of.failure} />
      {of.value !== null ? children(of.value) : of.failure === null && <p class="quiet">Loading …</p>}
    </>
  );
}

export function Digest({ of }: { of: string }) {
  return <code class="digest" title={of}>{of.slice(0, 19)}…</code>;
}

export function Commands({ of }: { of: string[] }) {
  if (of.length === 0) return null;
  return <ul class="commands">{of.map((command) => <li key={command}><code>{command}</code></li>)}</ul>;
}

export function Pages({ first, total, go }: { first: number; total: number; go: (first: number) => void }) {
  if (total <= 50) return null;
  return (
    <nav class="pages" aria-label="Pages of this list">
      <button type="button" disabled={first === 0} onClick={() => go(Math.max(0, first - 50))}>Earlier in the list</button>
      <span>{first + 1}–{Math.min(total, first + 50)} of {total}</span>
      <button type="button" disabled={first + 50 >= total} onClick={() => go(first + 50)}>Later in the list</button>
    </nav>
  );
}
