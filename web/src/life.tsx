// A subject's life: capability, growth, harm, drift, error budget and pace, each against its limit. Every picture has its
// words and its numbers as a table; the numbers are the server's, from the ledger.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { api, type LifePicture, type LifePoint, type Subject } from "./api";
import { Show, useLoaded } from "./parts";
import { colour, useColours } from "./colours";

const STROKES = ["--accent", "--second"] as const;

// A number for people: at most four significant digits.
export const short = (value: number | null) => (value === null ? "" : String(Number(value.toPrecision(4))));

// What uPlot takes: one list of x for all, and for each series a value or null at each x.
function aligned(of: LifePicture) {
  const xs = [...new Set(of.series.flatMap((one) => one.points.map((point) => point.x)))]
    .filter((x): x is number => x !== null).sort((a, b) => a - b);
  const data: uPlot.AlignedData = [xs];
  const series: uPlot.Series[] = [{}];
  const bands: uPlot.Band[] = [];
  const add = (values: (number | null | undefined)[], options: uPlot.Series) => {
    data.push(values);
    series.push(options);
  };
  of.series.forEach((one, nth) => {
    const at = new Map(one.points.map((point) => [point.x, point]));
    const pick = (value: (point: LifePoint) => number | null) =>
      xs.map((x) => { const point = at.get(x); return point === undefined ? null : value(point); });
    const joined = (point: LifePoint) => one.joined === "all" || point.mark === "released";
    const stroke = colour(STROKES[nth % 2]!);
    const none = { stroke: "transparent", width: 0, points: { show: false } };
    add(pick((point) => (joined(point) ? point.upper : null)), { ...none, spanGaps: true });
    add(pick((point) => (joined(point) ? point.lower : null)), { ...none, spanGaps: true });
    bands.push({ series: [data.length - 2, data.length - 1], fill: colour(nth === 0 ? "--band" : "--band-second") });
    add(pick((point) => (joined(point) ? point.y : null)),
        { stroke, width: 2, spanGaps: true, ...(nth > 0 && { dash: [8, 4] }), points: { show: true, size: 7, fill: stroke, stroke } });
    add(pick((point) => (joined(point) ? null : point.y)),
        { stroke: "transparent", width: 0, points: { show: true, size: 7, fill: colour("--ground"), stroke, width: 2 } });
  });
  for (const limit of of.limits) {
    const limitAt = (x: number) => limit.earlier.find((one) => one.until_x !== null && x <= one.until_x)?.y ?? limit.y;
    add(xs.map(limitAt), { stroke: colour("--bad"), width: 2, dash: [3, 3], points: { show: xs.length === 1, size: 9, fill: colour("--bad") } });
  }
  return { data, series, bands };
}

function Chart({ of }: { of: LifePicture }) {
  const place = useRef<HTMLDivElement>(null);
  const colours = useColours();
  useEffect(() => {
    const at = place.current!;
    const { data, series, bands } = aligned(of);
    const size = () => ({ width: Math.max(240, at.clientWidth), height: 230 });
    const axis = { stroke: colour("--ink"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 } };
    const xs = data[0];
    const chart = new uPlot({
      ...size(),
      series, bands,
      scales: { x: { time: false, range: () => [(xs[0] ?? 0) - 0.5, (xs[xs.length - 1] ?? 1) + 0.5] } },
      axes: [{ ...axis, label: of.x_label, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000] },
             { ...axis, size: 64, values: (_: uPlot, ticks: number[]) => ticks.map((tick) => short(tick)) }],
      legend: { show: false },
      cursor: { show: false },
    }, data, at);
    const watch = new ResizeObserver(() => { if (chart.width !== size().width) chart.setSize(size()); });
    watch.observe(at);
    return () => {
      watch.disconnect();
      chart.destroy();
    };
  }, [of, colours]);
  return <div ref={place} class="chart" aria-hidden="true" />;
}

function Key({ of }: { of: LifePicture }) {
  const marks = new Set(of.series.flatMap((one) => (one.joined === "all" ? [] : one.points.map((point) => point.mark))));
  return (
    <p class="key quiet">
      {of.series.map((one, nth) => <span key={one.name}><i class={nth === 0 ? "line" : "line second"} />{one.name}</span>)}
      {marks.has("released") && [...marks].length > 1 && <span><i class="dot" />released</span>}
      {(marks.has("not-released") || marks.has("gate-alone")) && <span><i class="dot hollow" />not released</span>}
      {of.limits.map((limit) => <span key={limit.name}><i class="line limit" />{limit.name} {short(limit.y)}</span>)}
    </p>
  );
}

function Numbers({ of, subject }: { of: LifePicture; subject: string }) {
  return (
    <details>
      <summary>Its numbers</summary>
      {of.series.map((one) => (
        <div key={one.name} class="scroll" tabIndex={0} role="region" aria-label={`${of.title}, ${one.name}`}>
          <table>
            <caption>{one.name}{one.left_out > 0 && `; ${one.left_out} earlier ones are in pawl report`}</caption>
            <thead><tr><th scope="col">At</th><th scope="col">Value</th><th scope="col">Band</th><th scope="col">Became</th><th scope="col">Entry</th></tr></thead>
            <tbody>
              {one.points.map((point, i) => (
                <tr key={i}>
                  <td>{short(point.x)}, {point.label}</td><td>{short(point.y)}</td>
                  <td>{point.lower !== null && <>{short(point.lower)} … {short(point.upper)}</>}</td>
                  <td>{point.mark}</td>
                  <td>{point.entry !== null && <a href={`#/s/${subject}/ledger/${point.entry}`}>{point.entry}</a>}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ))}
    </details>
  );
}

export function LifePage({ subject }: { subject: Subject }) {
  const life = useLoaded(() => api.life(subject.subject), subject.subject + "/" + subject.events);
  return (
    <Show of={life}>
      {(of) => (
        <>
          <h1>Life</h1>
          {of.trials === 0 ? <p>No trial yet: this fills with the first candidate that is tried.</p> : <p>{of.trials === 1 ? "One trial" : `${of.trials} trials`} so far. Shaded: the interval that evaluators are sure of,
            at the error that the trial spent. Dotted: the charter's limit.</p>}
          <div class="pictures">
            {of.pictures.filter((one) => one.series.some((series) => series.points.length > 0)).map((one) => (
              <figure key={one.name}>
                <h2>{one.title}</h2>
                <Chart of={one} />
                <Key of={one} />
                <figcaption>{one.description}</figcaption>
                <Numbers of={one} subject={subject.subject} />
              </figure>
            ))}
          </div>
        </>
      )}
    </Show>
  );
}
