// A network that changes: its layers with how far the weights of each moved, and what parent and candidate decide over
// two chosen inputs. The server computes both; nothing is proven by either.
import { useEffect, useRef, useState } from "preact/hooks";
import { api, type DecisionMap, type MapAxis, type Moved, type NetworkChange, type NetworkSide } from "./api";
import { colour, useColours } from "./colours";
import { short } from "./life";
import { Show, useLoaded } from "./parts";

const percent = (part: number | null) => (part === null ? "?" : short(Number((100 * part).toPrecision(2))) + " %");

// Where the weights of a layer moved, up or down, the more the stronger.
function MovedPicture({ of }: { of: Moved }) {
  const place = useRef<HTMLCanvasElement>(null);
  const colours = useColours();
  const side = Math.max(4, Math.min(12, Math.floor(240 / Math.max(1, of.columns))));
  useEffect(() => {
    const canvas = place.current;
    const pen = canvas?.getContext("2d");
    if (!canvas || !pen) return;
    const [up, down, ground] = [colour("--up"), colour("--down"), colour("--raised")];
    const largest = Math.max(...of.blocks.map((one) => Math.abs(one ?? 0)), Number.MIN_VALUE);
    of.blocks.forEach((block, i) => {
      const [x, y] = [(i % of.columns) * side, Math.floor(i / of.columns) * side];
      pen.globalAlpha = 1;
      pen.fillStyle = ground;
      pen.fillRect(x, y, side, side);
      pen.globalAlpha = Math.abs(block ?? 0) / largest;
      pen.fillStyle = (block ?? 0) > 0 ? up : down;
      pen.fillRect(x, y, side, side);
    });
  }, [of, colours]);
  if (of.rows === 0) return null;
  return <canvas ref={place} width={of.columns * side} height={of.rows * side} aria-hidden="true" />;
}

// What a picture's rows and columns are, of the kinds of layers that there are.
const WHERE: Record<string, string> = {
  dense: "of a dense layer a row for each output and a column for each input",
  convolution: "of a convolution a row for each output channel, and a column for each input channel and place in the kernel",
  normalization: "of a normalization the rows are scale, bias, mean and variance",
  elementwise: "of a constant one row",
};

function Layers({ of, parent }: { of: NetworkSide; parent: NetworkSide | null }) {
  const drawn = Object.keys(WHERE).filter((kind) => of.layers.some((layer) => layer.kind === kind && (layer.moved?.rows ?? 0) > 0));
  const withWeights = of.layers.filter((layer) => layer.weights > 0);
  const most = Math.max(...withWeights.map((layer) => layer.moved?.relative ?? 0), Number.MIN_VALUE);
  return (
    <>
    <div class="scroll" tabIndex={0} role="region" aria-label="Layers">
      <table class="layers">
        <thead><tr><th scope="col">Layer</th><th scope="col">Shape</th><th scope="col">Weights</th><th scope="col">Moved, relative to the parent</th>
          <th scope="col">Where</th></tr></thead>
        <tbody>
          {of.layers.map((layer, i) => layer.weights === 0 && !layer.other_settings ? null : (
            <tr key={i}>
              <td>{layer.kind}{of.layers[i + 1]?.kind === "activation" && ", activation"}
                {layer.other_settings && <><br /><strong class="bad">other settings than the parent's</strong></>}</td>
              <td>{layer.inputs} → {layer.outputs}</td>
              <td>{layer.weights}</td>
              <td>{layer.weights === 0 ? "no weights" : layer.moved === null ? (parent === null ? "new" : "another shape") : (
                <>
                  <svg class="bar" width="120" height="10" viewBox="0 0 120 10" aria-hidden="true">
                    <rect width="120" height="10" class="ground" />
                    <rect width={(120 * (layer.moved.relative ?? 0)) / most} height="10" class="amount" />
                  </svg>{" "}
                  {percent(layer.moved.relative)}; largest {short(layer.moved.largest)}; {layer.moved.changed} of {layer.moved.count} numbers
                </>
              )}</td>
              <td>{layer.moved !== null && <MovedPicture of={layer.moved} />}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
    {drawn.length > 0 && <p class="quiet">Where: red up, blue down, strongest where most; {drawn.map((kind) => WHERE[kind]).join("; ")}.
      A large layer is drawn in blocks, by the largest change in each.</p>}
    {of.left_out > 0 && <p class="quiet">{of.left_out} more nodes are not shown.</p>}
    </>
  );
}

// ---- the decision map

const DECISION_COLOURS = ["--d0", "--d1", "--d2", "--d3", "--d4", "--d5", "--d6", "--d7"] as const;
const decisionColour = (decision: number) => decision < 0 ? "--bad" : DECISION_COLOURS[decision % DECISION_COLOURS.length]!;
// What is nothing beside the axis's length is 0.
const withUnit = (value: number | null, axis: MapAxis) =>
  short(value !== null && Math.abs(value) < 1e-9 * Math.abs((axis.to ?? 0) - (axis.from ?? 0)) ? 0 : value) + (axis.unit && " " + axis.unit);

function Grid({ of, cell, label }: { of: DecisionMap; cell: (at: number) => string; label: string }) {
  const place = useRef<HTMLCanvasElement>(null);
  const colours = useColours();
  const side = Math.round(288 / of.cells);
  useEffect(() => {
    const pen = place.current?.getContext("2d");
    if (!pen) return;
    for (let i = 0; i < of.cells * of.cells; ++i) {
      pen.fillStyle = colour(cell(i));
      pen.fillRect((i % of.cells) * side, (of.cells - 1 - Math.floor(i / of.cells)) * side, side, side);
    }
    // The part that the chosen property speaks of.
    const across = (axis: MapAxis, value: number | null) => (((value ?? 0) - (axis.from ?? 0)) / ((axis.to ?? 1) - (axis.from ?? 0) || 1)) * of.cells * side;
    const [left, right, low, high] = [across(of.x, of.x.box_from), across(of.x, of.x.box_to), across(of.y, of.y.box_from), across(of.y, of.y.box_to)];
    pen.strokeStyle = colour("--ink");
    pen.lineWidth = 2;
    pen.setLineDash([6, 4]);
    pen.strokeRect(left + 1, of.cells * side - high + 1, Math.max(2, right - left - 2), Math.max(2, high - low - 2));
  }, [of, colours]);
  return (
    <figure class="map">
      <canvas ref={place} width={of.cells * side} height={of.cells * side} aria-hidden="true" />
      <figcaption>{label}</figcaption>
    </figure>
  );
}

function MapPictures({ of }: { of: DecisionMap }) {
  const used = [...new Set([...of.candidate, ...(of.parent ?? [])])].sort((a, b) => a - b);
  const name = (decision: number) => (decision < 0 ? "no number" : of.outputs[decision]!.replace(/^cost of /, ""));
  const share = (decisions: number[]) => used.map((decision) => `${name(decision)} ${percent(decisions.filter((one) => one === decision).length / decisions.length)}`).join(", ");
  const differs = (at: number) => of.parent !== null && of.parent[at] !== of.candidate[at];
  const different = of.candidate.filter((_, at) => differs(at)).length;
  return (
    <>
      <div class="maps">
        {of.parent !== null && <Grid of={of} label="Parent" cell={(at) => decisionColour(of.parent![at]!)} />}
        <Grid of={of} label="Candidate" cell={(at) => decisionColour(of.candidate[at]!)} />
        {of.parent !== null && <Grid of={of} label="Where they differ" cell={(at) => (differs(at) ? "--bad" : "--raised")} />}
      </div>
      <p class="key quiet">
        {used.map((decision) => <span key={decision}><i class={"patch d" + (decision < 0 ? "x" : decision % DECISION_COLOURS.length)} />{name(decision)}</span>)}
        <span><i class="patch box" />the property's box</span>
      </p>
      <p id="map-words">
        Left to right: {of.x.name}, {withUnit(of.x.from, of.x)} to {withUnit(of.x.to, of.x)}. Bottom to top: {of.y.name},{" "}
        {withUnit(of.y.from, of.y)} to {withUnit(of.y.to, of.y)}. {of.fixed.length > 0 && <>Held: {of.fixed.map((one) => `${one.name} ${one.value}`).join(", ")}. </>}
        {of.parent !== null && <>They differ at {percent(different / of.candidate.length)} of the points. Parent: {share(of.parent)}. </>}
        Candidate: {share(of.candidate)}. Single evaluations at {of.cells} by {of.cells} points: nothing is proven by them.
      </p>
    </>
  );
}

function Map({ subject, proposal, of }: { subject: string; proposal: string; of: NetworkChange }) {
  const [property, setProperty] = useState(of.properties[0]!);
  const [x, setX] = useState(0);
  const [y, setY] = useState(Math.min(of.inputs.length - 1, 3));
  const [pick, setPick] = useState(of.outputs.every((output) => /^cost\b/.test(output)) ? "smallest" : "largest");
  const query = `network=${encodeURIComponent(of.path)}&property=${encodeURIComponent(property)}&x=${x}&y=${y}&pick=${pick}`;
  const map = useLoaded(() => api.map(subject, proposal, query), proposal + query);
  // Whoever chooses the other one's input has the two change places.
  const across = (input: number) => { if (input === y) setY(x); setX(input); };
  const upward = (input: number) => { if (input === x) setX(y); setY(input); };
  const choose = (label: string, value: string | number, set: (value: string) => void, options: [string | number, string][]) => (
    <label>{label}{" "}
      <select value={value} onChange={(event) => set(event.currentTarget.value)}>
        {options.map(([key, words]) => <option key={key} value={key}>{words}</option>)}
      </select>
    </label>
  );
  const inputs = of.inputs.map((name, i): [number, string] => [i, name]);
  return (
    <>
      <h3>What it decides</h3>
      <div class="choices">
        {choose("Left to right", x, (value) => across(Number(value)), inputs)}
        {choose("Bottom to top", y, (value) => upward(Number(value)), inputs)}
        {choose("In the box of", property, setProperty, of.properties.map((name) => [name, name]))}
        {choose("Decision", pick, setPick, [["smallest", "smallest output"], ["largest", "largest output"]])}
      </div>
      <Show of={map}>{(found) => <MapPictures of={found} />}</Show>
    </>
  );
}

export function Networks({ subject, proposal }: { subject: string; proposal: string }) {
  const networks = useLoaded(() => api.networks(subject, proposal), subject + "/" + proposal);
  if (networks.value?.networks.length === 0) return null;
  return (
    <section aria-labelledby="networks">
      <h2 id="networks">The network</h2>
      <Show of={networks}>
        {(of) => (
          <>
            {of.networks.map((one) => (
              <div key={one.path}>
                <p>
                  <code>{one.path}</code>: {one.candidate === null ? one.why_not || "it cannot be shown" : (
                    <>{one.candidate.inputs} inputs, {one.candidate.outputs} outputs, {one.candidate.parameters} parameters
                      {one.parent !== null && (one.same_shape ? "; the shape is the parent's" : <>; <strong class="bad">the shape changes</strong>: the parent had {one.parent.parameters} parameters</>)}</>
                  )}
                </p>
                {one.candidate !== null && <Layers of={one.candidate} parent={one.parent} />}
                {one.candidate !== null && one.properties.length > 0 && one.inputs.length > 1 && <Map subject={subject} proposal={proposal} of={one} />}
              </div>
            ))}
          </>
        )}
      </Show>
    </section>
  );
}
