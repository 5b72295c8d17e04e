// What another charter would allow: limits that loosen first.
import { api, type CharterChanges } from "./api";
import { Show, useLoaded } from "./parts";

const WORDS = { loosens: "allows more", other: "read it", tightens: "allows less" } as const;

export function Amendment({ subject, proposal }: { subject: string; proposal: string }) {
  const changes = useLoaded(() => api.charter(subject, proposal), subject + "/" + proposal);
  const count = (of: CharterChanges, effect: keyof typeof WORDS) => of.changes.filter((one) => one.effect === effect).length;
  return (
    <section aria-labelledby="allowed">
      <h2 id="allowed">What becomes allowed</h2>
      <Show of={changes}>
        {(of) => (
          <>
            <p>
              <strong class={count(of, "loosens") > 0 ? "bad" : ""}>{count(of, "loosens")} allow more</strong>, {count(of, "tightens")}{" "}
              allow less, {count(of, "other")} are to be read. Files that the charter names, such as its evaluator, are below.
            </p>
            {of.changes.length > 0 && (
              <div class="scroll" tabIndex={0} role="region" aria-label="What the charter allows, before and after">
                <table id="loosens">
                  <thead><tr><th scope="col">Effect</th><th scope="col">Of what</th><th scope="col">Now</th><th scope="col">Then</th></tr></thead>
                  <tbody>
                    {of.changes.map((one, i) => (
                      <tr key={i}>
                        <td class={one.effect === "loosens" ? "bad" : one.effect === "tightens" ? "good" : ""}>{WORDS[one.effect]}</td>
                        <td>{one.what}</td><td>{one.before || "—"}</td><td>{one.after || "—"}</td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            )}
            {of.words.length > 0 && (
              <details>
                <summary>The charter's words that change</summary>
                {of.words.map((section) => (
                  <div key={section.title}>
                    <h3>{section.title}</h3>
                    <ul>
                      {section.gone.map((line) => <li key={"-" + line}><del>{line}</del></li>)}
                      {section.come.map((line) => <li key={"+" + line}><ins>{line}</ins></li>)}
                    </ul>
                  </div>
                ))}
              </details>
            )}
          </>
        )}
      </Show>
    </section>
  );
}
