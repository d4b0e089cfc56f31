// What Grafana says that a dashboard is, panel by panel, as JSON: an enum is the text or the number that stands for it.

import type * as grafana from "@grafana/schema";
import type * as stat from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type * as states from "@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen";
import type * as table from "@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen";
import type * as series from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

type Json<T> = T extends string ? `${T}` : T extends number ? T : T extends object ? { [K in keyof T]: Json<T[K]> } : T;

// Grafana keeps the types of Prometheus' queries in the plug-in, which publishes none.
interface Query {
  datasource: grafana.DataSourceRef;
  expr: string;
  refId: string;
  legendFormat?: string;
  editorMode?: "code" | "builder";
  interval?: string;
  format?: "time_series" | "table" | "heatmap";
  instant?: boolean;
  range?: boolean;
}

interface Panel<Type extends string, Options, Custom> extends Omit<grafana.Panel, "type" | "options" | "fieldConfig" | "targets"> {
  type: Type;
  id: number;
  title: string;
  description: string;
  gridPos: grafana.GridPos;
  targets: Query[];
  options: Options;
  fieldConfig: {
    defaults: Omit<grafana.FieldConfig, "custom" | "unit"> & { unit: string; custom: Custom };
    overrides: grafana.FieldConfigSource["overrides"];
  };
}

type Shown =
  | Panel<"stat", stat.Options, Record<string, never>>
  | Panel<"timeseries", series.Options, series.FieldConfig>
  | Panel<"state-timeline", states.Options, states.FieldConfig>
  // Of `custom`, Grafana itself sets the rest.
  | Panel<"table", table.Options, Partial<table.FieldConfig>>
  | grafana.RowPanel;

// Prometheus' part of an annotation is the plug-in's, too.
interface Annotation extends Omit<grafana.AnnotationQuery, "target"> {
  target: Omit<Query, "datasource">;
  titleFormat?: string;
  textFormat?: string;
}

interface Variable extends grafana.VariableModel {
  definition?: string;
}

interface Whole extends Omit<grafana.Dashboard, "panels" | "annotations" | "templating"> {
  uid: string;
  panels: Shown[];
  annotations: { list: Annotation[] };
  templating: { list: Variable[] };
}

export type Dashboard = Json<Whole>;
