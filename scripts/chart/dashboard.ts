// SPDX-License-Identifier: Apache-2.0

type Panel = {
  readonly title: string;
  readonly description?: string;
  readonly unit?: "bytes" | "cps" | "s" | "short";
  readonly kind?: "stat" | "timeseries";
  /** Expression → legend. */
  readonly shows: Readonly<Record<string, string>>;
};

const policies: readonly Panel[] = [
  {
    title: "Nodes by state of the policy",
    shows: {
      'sum by (policy, state) (gander_operator_policy_nodes{state!="ready", policy=~"$policy"})':
        "{{policy}}: {{state}}",
    },
  },
  {
    title: "Policies that cannot be used",
    kind: "stat",
    shows: {
      "count(gander_operator_policy_accepted == 0) or vector(0)": "newest generation invalid",
    },
  },
  {
    title: "Actions",
    unit: "cps",
    description: "would_…: what a policy in mode monitor would have done.",
    shows: {
      'sum by (policy, action) (rate(gander_policy_actions_total{policy=~"$policy", node=~"$node"}[$__rate_interval]))':
        "{{policy}}: {{action}}",
    },
  },
  {
    title: "Calls by outcome",
    unit: "cps",
    shows: {
      'sum by (outcome) (rate(gander_policy_outcomes_total{policy=~"$policy", node=~"$node"}[$__rate_interval]))':
        "{{outcome}}",
    },
  },
  {
    title: "Calls that were not judged as the policy says",
    unit: "cps",
    shows: {
      'sum by (policy, gap) (rate(gander_policy_gaps_total{policy=~"$policy", node=~"$node"}[$__rate_interval]))':
        "{{policy}}: {{gap}}",
    },
  },
  {
    title: "Time until nodes have applied a change",
    unit: "s",
    shows: {
      "histogram_quantile(0.5, sum by (le) (rate(gander_operator_answer_seconds_bucket[$__rate_interval])))":
        "median",
      "histogram_quantile(0.99, sum by (le) (rate(gander_operator_answer_seconds_bucket[$__rate_interval])))":
        "99 %",
    },
  },
];

const events: readonly Panel[] = [
  {
    title: "Events",
    unit: "cps",
    shows: {
      'sum by (type) (rate(tetragon_events_total{node=~"$node"}[$__rate_interval]))': "{{type}}",
    },
  },
  {
    title: "Lost events",
    unit: "cps",
    shows: {
      'sum by (node, kind, cause) (rate(gander_events_lost_total{node=~"$node"}[$__rate_interval]))':
        "{{node}}: {{kind}}, {{cause}}",
      'sum by (node, outcome) (rate(gander_reader_events_total{outcome!="written", node=~"$node"}[$__rate_interval]))':
        "{{node}}: export {{outcome}}",
    },
  },
  {
    title: "Fill of the rings",
    description: "At three quarters events of policies are lost.",
    shows: {
      'max by (node, ring) (gander_ring_waiting_bytes{node=~"$node"} / gander_ring_size_bytes)':
        "{{node}}: {{ring}}",
    },
  },
];

const programs: readonly Panel[] = [
  {
    title: "Connected sensors, and nodes",
    shows: {
      "sum(gander_operator_sensors_connected)": "connected sensors",
      'max(gander_operator_objects{kind="nodes"})': "nodes",
    },
  },
  {
    title: "Replicas that write statuses",
    kind: "stat",
    shows: { "sum(gander_operator_leader)": "leaders" },
  },
  {
    title: "Age of the operator's view",
    unit: "s",
    shows: { "max by (resource) (gander_kube_watch_silence_seconds)": "{{resource}}" },
  },
  {
    title: "Memory of processes",
    unit: "bytes",
    shows: {
      'process_resident_memory_bytes{job=~".*gander.*"}': "{{pod}}",
    },
  },
  {
    title: "Processor time of processes",
    shows: {
      'rate(process_cpu_seconds_total{job=~".*gander.*"}[$__rate_interval])': "{{pod}}",
    },
  },
  {
    title: "Memory in the kernel",
    unit: "bytes",
    shows: { 'sum by (part) (gander_kernel_memory_bytes{node=~"$node"})': "{{part}}" },
  },
];

/** dashboards/gander.json, for Grafana 10 or later. */
export function dashboard(): string {
  const rows = Object.entries({ Policies: policies, Events: events, Programs: programs });
  const panels: object[] = [];
  let y = 0;
  for (const [title, row] of rows) {
    panels.push({
      id: panels.length + 1,
      type: "row",
      title,
      collapsed: false,
      gridPos: { h: 1, w: 24, x: 0, y },
      panels: [],
    });
    y += 1;
    for (const [i, panel] of row.entries()) {
      panels.push(
        panelJson(panel, panels.length + 1, {
          h: height,
          w: 8,
          x: (i % 3) * 8,
          y: y + Math.floor(i / 3) * height,
        }),
      );
    }
    y += Math.ceil(row.length / 3) * height;
  }
  return `${JSON.stringify({ ...frame, panels }, undefined, 2)}\n`;
}

const height = 8;
// biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of Grafana
const datasource = { type: "prometheus", uid: "${datasource}" };

function panelJson(
  { title, description, unit, kind = "timeseries", shows }: Panel,
  id: number,
  gridPos: object,
) {
  return {
    id,
    type: kind,
    title,
    ...(description !== undefined && { description }),
    datasource,
    gridPos,
    fieldConfig: { defaults: { unit: unit ?? "short", min: 0 }, overrides: [] },
    options: {},
    targets: Object.entries(shows).map(([expr, legendFormat], i) => ({
      refId: String.fromCharCode(65 + i),
      datasource,
      expr,
      legendFormat,
    })),
  };
}

const choice = (name: string, label: string, query: string) => ({
  name,
  label,
  type: "query",
  datasource,
  query: { query, refId: name },
  refresh: 2,
  includeAll: true,
  multi: true,
  allValue: ".*",
  current: { text: "All", value: "$__all" },
});

const frame = {
  uid: "gander",
  title: "Gander",
  tags: ["gander", "security"],
  schemaVersion: 39,
  timezone: "browser",
  time: { from: "now-3h", to: "now" },
  refresh: "1m",
  templating: {
    list: [
      { name: "datasource", label: "Data source", type: "datasource", query: "prometheus" },
      choice("policy", "Policy", "label_values(gander_operator_policy_nodes, policy)"),
      choice("node", "Node", "label_values(gander_kernel_memory_bytes, node)"),
    ],
  },
};
