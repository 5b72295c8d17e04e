// The page's colours, for what is drawn on a canvas; drawn anew where the reader's setting changes.
import { useEffect, useState } from "preact/hooks";

export const colour = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Changes with the reader's setting.
export function useColours(): boolean {
  const query = matchMedia("(prefers-color-scheme: dark)");
  const [dark, setDark] = useState(query.matches);
  useEffect(() => {
    const changed = () => setDark(query.matches);
    query.addEventListener("change", changed);
    return () => query.removeEventListener("change", changed);
  }, []);
  return dark;
}
