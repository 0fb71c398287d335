// Writes dashboards down as TypeScript, each part with the type that Grafana gives it: the compiler's check of object
// literals finds what is unknown as well as what is missing.
import { readFileSync } from "node:fs";
import { basename } from "node:path";

const raw = "./node_modules/@grafana/schema/dist/types/raw";
console.log(`import type * as grafana from "@grafana/schema";
import type { AnnotationQuery, Dashboard, Panel, RowPanel } from "${raw}/dashboard/x/types.gen";
import type { Options as stat } from "${raw}/composable/stat/panelcfg/x/types.gen";
import type { Options as timeseries, FieldConfig as timeseriesFields } from "${raw}/composable/timeseries/panelcfg/x/types.gen";
import type { Options as table } from "${raw}/composable/table/panelcfg/x/types.gen";

// What the Prometheus data source reads (packages/grafana-prometheus: dataquery.ts, annotations.ts).
interface Query extends grafana.DataQuery { expr: string; editorMode?: "code" | "builder"; format?: "time_series" | "table" | "heatmap"; instant?: boolean; range?: boolean; exemplar?: boolean; legendFormat?: string; interval?: string }
interface Annotation extends Omit<AnnotationQuery, "target"> { target: Query; titleFormat?: string; textFormat?: string; tagKeys?: string }

// JSON has an enum's strings.
type JSON<T> = T extends string ? \`\${T}\` : T extends number | boolean | null | undefined ? T : T extends (infer U)[] ? JSON<U>[] : unknown extends T ? T : T extends object ? { [K in keyof T]: JSON<T[K]> } : T;
`);

let n = 0;
const part = (where, type, value) => console.log(`// ${where}\nconst part${++n}: JSON<${type}> = ${JSON.stringify(value)};\n`);
const optionTypes = ["stat", "timeseries", "table"];

for (const file of process.argv.slice(2)) {
  const dashboard = JSON.parse(readFileSync(file, "utf8"));
  const name = basename(file);
  part(name, "Dashboard", { ...dashboard, panels: [], annotations: {} });
  for (const a of dashboard.annotations.list) part(`${name}: annotation ${a.name}`, "Annotation", a);
  for (const panel of dashboard.panels) {
    const where = `${name}: ${panel.title}`;
    if (panel.type === "row") {
      part(where, "RowPanel", panel);
      continue;
    }
    if (!optionTypes.includes(panel.type)) throw new Error(`${where}: no type of options is known for ${panel.type}`);
    part(where, "Panel", panel);
    part(`${where}, options`, panel.type, panel.options);
    for (const query of panel.targets) part(`${where}, query ${query.refId}`, "Query", query);
    const custom = panel.fieldConfig.defaults.custom;
    if (panel.type === "timeseries") part(`${where}, fields`, "timeseriesFields", custom);
    else if (custom) throw new Error(`${where}: custom fields of a ${panel.type}`);
  }
}
