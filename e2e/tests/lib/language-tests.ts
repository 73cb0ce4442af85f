// SPDX-License-Identifier: Apache-2.0

/** A kernel test, and a text in it that shows that it is about the word. */
type Tests = Readonly<Record<string, string>>;
type Table = Readonly<Record<string, Tests>>;

const policy = "packages/sensor/src/policy";
const cells = "e2e/tests/language-cells.kernel-test.ts";
const structures = "bpf/test/structures.kernel-test.ts";
const expressions = `${policy}/expressions.kernel-test.ts`;
const past = `${policy}/past.kernel-test.ts`;
const enforcers = `${policy}/enforcers.kernel-test.ts`;
const execFilters = `${policy}/exec-filters.kernel-test.ts`;
const properties = `${policy}/process-properties.kernel-test.ts`;
const broughtIn = `${policy}/brought-in.kernel-test.ts`;
const origins = `${policy}/origins.kernel-test.ts`;
const behind = "e2e/tests/values-behind-arguments.kernel-test.ts";
const lists = "e2e/tests/function-lists.kernel-test.ts";
const canaries = "e2e/tests/canaries.kernel-test.ts";
const owners = "e2e/tests/socket-owners.kernel-test.ts";

/** The tests in virtual machines of each word of docs/policy-language.md that has no cells in language-cells.ts. */
export const backedBy = {
  hookKinds: {
    kprobe: { [lists]: "kprobes:", [behind]: "kprobes:" },
    lsm: { [expressions]: "lsmhooks:", [origins]: "lsmhooks:" },
    tracepoint: { [behind]: "tracepoints:", [enforcers]: "tracepoints:" },
    uprobe: { "e2e/tests/uprobes.kernel-test.ts": "uprobes:" },
    usdt: { "e2e/tests/usdts.kernel-test.ts": "usdts:" },
    loader: { "e2e/tests/loader.kernel-test.ts": "loader: true" },
  },
  types: {
    user_namespace: { [structures]: "user_ns_arg" },
    cred: { [structures]: "process_credentials_arg" },
    bpf_attr: { [structures]: "bpf_attr_arg" },
    bpf_prog: { [structures]: "bpf_prog_arg" },
    bpf_map: { [structures]: "bpf_map_arg" },
    perf_event: { [structures]: "perf_event_arg" },
    module: { [structures]: "module_arg" },
    load_info: { [structures]: 'all(loading, "load_info")' },
    nop: { [cells]: 'type: "nop"' },
  },
  operators: { CelExpr: { [expressions]: "CelExpr" } },
  filters: {
    matchArgs: { [cells]: "matchArgs" },
    matchReturnArgs: { "packages/sensor/src/kernel/attach.kernel-test.ts": "matchReturnArgs" },
    matchData: { [behind]: "matchData", [`${policy}/registers.kernel-test.ts`]: "matchData" },
    matchPIDs: { [`${policy}/follow.kernel-test.ts`]: "matchPIDs", [broughtIn]: "matchPIDs" },
    matchBinaries: {
      [`${policy}/follow.kernel-test.ts`]: "matchBinaries",
      [`${policy}/file-identity.kernel-test.ts`]: "identity: file",
    },
    matchParentBinaries: { [past]: "matchParentBinaries" },
    matchNamespaces: { [cells]: "matchNamespaces" },
    matchNamespaceChanges: { [past]: "matchNamespaceChanges" },
    matchCapabilities: { [cells]: "matchCapabilities" },
    matchCapabilityChanges: { [past]: "matchCapabilityChanges" },
    matchProcess: { [properties]: "matchProcess" },
    matchWorkloads: { [`${policy}/node/selector-workloads.kernel-test.ts`]: "matchWorkloads" },
    matchExecArgs: { [execFilters]: "matchExecArgs" },
    matchExecEnv: { [execFilters]: "matchExecEnv" },
    matchCount: { [`${policy}/counted-calls.kernel-test.ts`]: "matchCount" },
  },
  properties: {
    Age: { [properties]: 'is("Age"' },
    InInitTree: { [broughtIn]: "property: InInitTree" },
    Terminal: { [properties]: 'is("Terminal"' },
    User: { [properties]: 'is("User"' },
    EffectiveUser: { [properties]: 'is("EffectiveUser"' },
    Group: { [properties]: 'is("Group"' },
    EffectiveGroup: { [properties]: 'is("EffectiveGroup"' },
    StandardInput: { [properties]: 'is("StandardInput"' },
    StandardOutput: { [properties]: 'is("StandardOutput"' },
    StandardError: { [properties]: 'is("StandardError"' },
    Origin: { [origins]: "property: Origin" },
  },
  origins: {
    image: { [origins]: "[image]" },
    layer: { [origins]: "layer" },
    memory: { [origins]: "memory" },
    volume: { [origins]: "volume]" },
    unlinked: { [origins]: "unlinked" },
  },
  actions: {
    Sigkill: { [lists]: "action: Sigkill", "e2e/tests/addresses.kernel-test.ts": "Sigkill" },
    Signal: { [cells]: 'action: "Signal"' },
    Override: { [behind]: "action: Override" },
    NotifyEnforcer: { [enforcers]: "NotifyEnforcer" },
    Set: { [`${policy}/usdts.kernel-test.ts`]: "action: Set" },
    Post: { [`${policy}/policy-manager.kernel-test.ts`]: "action: Post" },
    NoPost: { [`${policy}/policy-manager.kernel-test.ts`]: "action: NoPost" },
    TrackSock: { [owners]: "TrackSock" },
    UntrackSock: { [owners]: "UntrackSock" },
    GetUrl: { [canaries]: "GetUrl" },
    DnsLookup: { [canaries]: "DnsLookup" },
    CleanupEnforcerNotification: { [enforcers]: "CleanupEnforcerNotification" },
  },
} as const satisfies Readonly<Record<string, Table>>;
