// A unified diff as two columns.

export interface Row {
  kind: "same" | "changed" | "hunk" | "note";
  left: { line: number; text: string } | null;
  right: { line: number; text: string } | null;
  text: string;
}

export function rowsOf(diff: string): Row[] {
  const rows: Row[] = [];
  const removed: { line: number; text: string }[] = [];
  const added: { line: number; text: string }[] = [];
  let left = 0;
  let right = 0;
  const flush = () => {
    for (let i = 0; i < Math.max(removed.length, added.length); ++i) {
      rows.push({ kind: "changed", left: removed[i] ?? null, right: added[i] ?? null, text: "" });
    }
    removed.length = added.length = 0;
  };
  const lines = diff.split("\n");
  if (lines.at(-1) === "") lines.pop();
  for (const line of lines) {
    const hunk = /^@@ -([0-9]+),[0-9]+ \+([0-9]+),[0-9]+ @@$/.exec(line);
    if (hunk) {
      flush();
      left = Number(hunk[1]);
      right = Number(hunk[2]);
      rows.push({ kind: "hunk", left: null, right: null, text: line });
    } else if (line.startsWith("-")) {
      removed.push({ line: left++, text: line.slice(1) });
    } else if (line.startsWith("+")) {
      added.push({ line: right++, text: line.slice(1) });
    } else if (line.startsWith("\\")) {
      flush();
      rows.push({ kind: "note", left: null, right: null, text: line.slice(2) });
    } else {
      flush();
      const same = line.slice(1);
      rows.push({ kind: "same", left: { line: left++, text: same }, right: { line: right++, text: same }, text: "" });
    }
  }
  flush();
  return rows;
}
