// SPDX-License-Identifier: Apache-2.0
import {
  type ArgType,
  actionRows,
  argOperatorsByName,
  argTests,
  argTypeRows,
  hookKindNames,
  type PlainActionWord,
  processPropertyNames,
  type SocketActionWord,
  type TestForm,
  type TestName,
  testsOf,
} from "@gander/crd-schemas";
import * as v from "valibot";

/**
 * The content of a compiled policy as a schema: the source of the types and the check of received content
 * (`content/decode-policy.ts`). Unknown fields are refused: a policy without them would be another policy.
 * Bounds follow from a number's meaning in the kernel; the compiler limits how many of a thing there may be.
 */
const flag = v.boolean();
const text = v.string();
const uint32 = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffffffff));
const positive = v.pipe(uint32, v.minValue(1));
const int32 = v.pipe(v.number(), v.integer(), v.minValue(-0x80000000), v.maxValue(0x7fffffff));
const port = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff));

/** Signed or unsigned, 64 bits, more than a JSON number holds: decimal text in JSON, bigint here. */
const int64 = v.pipe(
  v.string(),
  v.regex(/^(0|-?[1-9]\d{0,19})$/),
  v.transform((digits) => BigInt(digits)),
  v.minValue(-(2n ** 63n)),
  v.maxValue(2n ** 64n - 1n),
);

/** What two of them make, added or subtracted. */
const int66 = v.pipe(
  v.string(),
  v.regex(/^(0|-?[1-9]\d{0,19})$/),
  v.transform((digits) => BigInt(digits)),
  v.minValue(-(2n ** 65n)),
  v.maxValue(2n ** 65n),
);

const labelSelector = v.strictObject({
  // The library's record omits labels named `constructor` or `prototype`.
  matchLabels: v.custom<Record<string, string>>(isTexts, "labels"),
  matchExpressions: v.array(
    v.strictObject({
      key: text,
      operator: v.picklist(["In", "NotIn", "Exists", "DoesNotExist"]),
      values: v.array(text),
    }),
  ),
});

function isTexts(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((one) => typeof one === "string");
}

/**
 * Pods are included if there is a pod or container selector (both must match), or if `host` is false; so
 * `{ host: true }` alone means host processes only, and `{ host: false }` all pods. A namespaced policy
 * applies only to pods of its namespace.
 */
const workloadSelector = v.strictObject({
  podSelector: v.exactOptional(labelSelector),
  containerSelector: v.exactOptional(labelSelector),
  /** Processes outside of pods are included. */
  host: flag,
});

const hex = (bytes: number) => v.pipe(text, v.length(2 * bytes), v.regex(/^[0-9a-f]*$/));
const bits = (most: number) => v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(most));

/** An address in hex, host bits cleared. IPv4-mapped IPv6 networks become IPv4. */
const network = v.variant("family", [
  v.strictObject({ family: v.literal(4), address: hex(4), prefixLength: bits(32) }),
  v.strictObject({ family: v.literal(6), address: hex(16), prefixLength: bits(128) }),
]);

/**
 * All `values` are alternatives; `negate`: none of them may match. Lists are sorted and without
 * duplicates. A test with a bound has one value (several in the policy become one), `equal` at most 4 (more become an `in-set`), `range` at most 64 that
 * neither overlap nor touch. Values of `mask` are unsigned, all others as the type reads them.
 */
const textTest = v.strictObject({
  op: v.picklist(testsOf("texts")),
  negate: flag,
  /** UTF-8 text without the closing NUL; of `str-contains-any-case`, with ASCII letters in lower case. */
  values: v.array(text),
});

const argTest = v.variant("op", [
  v.strictObject({
    op: v.picklist(testsOf("integers")),
    negate: flag,
    values: v.array(int64),
  }),
  v.strictObject({ op: v.picklist(testsOf("bound")), negate: flag, values: v.array(int64) }),
  v.strictObject({
    op: v.picklist(testsOf("gained")),
    negate: v.literal(false),
    /** Position in `args` of the hook: the set that lacks some of them. */
    before: uint32,
    /** One: the bits that count. */
    values: v.array(int64),
  }),
  v.strictObject({
    op: v.picklist(testsOf("pairs")),
    negate: flag,
    /** Position in `args` of the hook: what is subtracted, or added. */
    other: uint32,
    /** Inclusive. Of the exact result: ends that no two numbers reach are no bounds. */
    ranges: v.array(v.strictTuple([int66, int66])),
  }),
  v.strictObject({
    op: v.picklist(testsOf("ranges")),
    negate: flag,
    /** Inclusive. */
    ranges: v.array(v.strictTuple([int64, int64])),
  }),
  textTest,
  v.strictObject({
    op: v.picklist(testsOf("networks")),
    negate: flag,
    networks: v.array(network),
  }),
  v.strictObject({
    op: v.picklist(testsOf("ports")),
    negate: flag,
    /** Inclusive. */
    ranges: v.array(v.strictTuple([port, port])),
  }),
  v.strictObject({
    op: v.picklist(testsOf("numbers")),
    negate: flag,
    values: v.array(uint32),
  }),
]);

const namespaceName = v.picklist([
  "uts",
  "ipc",
  "mnt",
  "pid",
  "pid_for_children",
  "net",
  "time",
  "time_for_children",
  "cgroup",
  "user",
]);

const capabilitySet = v.picklist(["effective", "inheritable", "permitted"]);

/** What an enforcer does: 0 for no error, or no signal. */
const marking = {
  error: v.pipe(v.number(), v.integer(), v.minValue(-4095), v.maxValue(0)),
  signal: bits(64),
};

const argFilter = v.strictObject({
  on: v.literal("arg"),
  /** Position in `args` of the hook, or "return". */
  arg: v.union([uint32, v.literal("return")]),
  test: argTest,
});

/** On an argument of type auto: its values have a meaning once a kernel gives it a type. */
const untypedFilter = v.strictObject({
  on: v.literal("untyped"),
  arg: v.union([uint32, v.literal("return")]),
  operator: v.picklist([...argOperatorsByName.keys()]),
  values: v.array(text),
  /** CapabilitiesGained: position in `args` of the set to compare with. */
  before: v.exactOptional(uint32),
  /** In the spec. */
  path: text,
});

const binaryFilters = [
  v.strictObject({
    on: v.literal("binary"),
    negate: flag,
    /** file: exactly the files at these paths on the node, wherever they are run from. */
    match: v.picklist(["equal", "prefix", "postfix", "file"]),
    followChildren: flag,
    paths: v.array(text),
  }),
  v.strictObject({
    /** The binary of the process that forked this one. */
    on: v.literal("parent-binary"),
    negate: flag,
    match: v.picklist(["equal", "prefix", "postfix"]),
    followChildren: flag,
    paths: v.array(text),
  }),
  v.strictObject({
    /** The binaries that the ancestors of the process have run, itself not included. */
    on: v.literal("ancestor-binary"),
    negate: flag,
    match: v.picklist(["equal", "prefix", "postfix"]),
    paths: v.array(text),
  }),
] as const;

const execFilters = [
  v.strictObject({
    /** Of the program that is about to run. */
    on: v.literal("exec-argument"),
    /** From 0; absent: one of them must fit, or with `negate` none. */
    index: v.exactOptional(bits(254)),
    test: textTest,
  }),
  v.strictObject({
    /** An environment variable that it gets. */
    on: v.literal("exec-variable"),
    /** Sorted: it has one of these. */
    names: v.array(text),
    /** Of its value. */
    test: v.variant("op", [textTest, v.strictObject({ op: v.literal("exists"), negate: flag })]),
  }),
] as const;

const filter = v.variant("on", [
  argFilter,
  /** Of these lists, one holds as a whole. */
  v.strictObject({ on: v.literal("any"), of: v.array(v.array(argFilter)) }),
  /** An expression with an argument of type auto: it becomes `any` once a kernel gives that a type. */
  v.strictObject({
    on: v.literal("expression"),
    text,
    /** In the spec. */
    path: text,
  }),
  untypedFilter,
  /** With the values of sets beside its own: `resolveSets` makes that filter of it. */
  v.strictObject({
    on: v.literal("of-sets"),
    /** Names, sorted; never empty. */
    sets: v.array(text),
    filter: v.variant("on", [untypedFilter, ...binaryFilters, ...execFilters]),
    /** In the spec. */
    path: text,
  }),
  v.strictObject({
    on: v.literal("pid"),
    negate: flag,
    inNamespace: flag,
    followForks: flag,
    pids: v.array(uint32),
  }),
  ...binaryFilters,
  /** The process belongs to one of these, of those that the policy applies to. */
  v.strictObject({ on: v.literal("workloads"), workloads: workloadSelector }),
  /** NotifyEnforcer with these has marked the call. */
  v.strictObject({ on: v.literal("marked"), ...marking }),
  v.strictObject({
    on: v.literal("namespace"),
    negate: flag,
    namespace: namespaceName,
    /** Inode numbers; "host" for the host's. */
    ids: v.array(v.union([uint32, v.literal("host")])),
  }),
  v.strictObject({
    on: v.literal("capability"),
    negate: flag,
    set: capabilitySet,
    inUserNamespace: flag,
    /** Bit numbers. */
    capabilities: v.array(uint32),
  }),
  v.strictObject({
    on: v.literal("process"),
    negate: flag,
    property: v.picklist(processPropertyNames),
    /** Inclusive: seconds, 0 or 1, ids, or S_IFMT of a file's mode. They neither overlap nor touch. */
    ranges: v.array(v.strictTuple([uint32, uint32])),
  }),
  ...execFilters,
  v.strictObject({
    /** Of the calls that pass all other filters, this is at least so many-th in the time. */
    on: v.literal("count"),
    atLeast: bits(100),
    withinMs: bits(3_600_000),
    per: v.picklist(["process", "container"]),
  }),
  v.strictObject({
    /** At least one of these differs from that at the last exec. */
    on: v.literal("namespace-change"),
    namespaces: v.array(namespaceName),
  }),
  v.strictObject({
    /** At least one of these was added or removed since the last exec; `negate`: only others were. */
    on: v.literal("capability-change"),
    negate: flag,
    set: capabilitySet,
    inUserNamespace: flag,
    capabilities: v.array(uint32),
  }),
]);

const plainActions = actionRows
  .filter(({ form }) => form === undefined)
  .map(({ word }) => word as PlainActionWord);

const socketActions = actionRows
  .filter(({ form }) => form === "socket")
  .map(({ word }) => word as SocketActionWord);

/** Names of registers are those of `registerParts`. */
const assignment = v.strictObject({
  to: text,
  /** Absent: `add` alone is the value. */
  from: v.exactOptional(text),
  /** The value is in memory: `from` plus `add` is its address. */
  inMemory: v.exactOptional(v.literal(true)),
  add: int64,
});

/** One of its fields. The error of a kernel's call is negative; the others are for functions of programs. */
const override = v.strictObject({
  action: v.literal("override"),
  error: v.exactOptional(int32),
  /** One after the other. */
  registers: v.exactOptional(v.array(assignment)),
  /** Runs instead of the function. */
  place: v.exactOptional(
    v.strictObject({ by: v.picklist(["symbol", "offset", "address"]), name: text, plus: uint32 }),
  ),
});

const action = v.variant("action", [
  v.strictObject({
    action: v.literal("post"),
    rateLimit: v.exactOptional(
      v.strictObject({ windowMs: uint32, scope: v.picklist(["thread", "process", "global"]) }),
    ),
    kernelStack: flag,
    userStack: flag,
    /** Of the file that the hook is about. */
    imaHash: v.exactOptional(v.literal(true)),
  }),
  v.strictObject({ action: v.picklist(plainActions) }),
  v.strictObject({ action: v.literal("signal"), signal: uint32 }),
  /** `socket`: position in the hook's list of arguments. */
  v.strictObject({
    action: v.picklist(socketActions),
    socket: v.union([uint32, v.literal("return")]),
  }),
  v.strictObject({ action: v.literal("get-url"), url: text }),
  v.strictObject({ action: v.literal("dns-lookup"), name: text }),
  override,
  /** `argument`: position in the static probe. */
  v.strictObject({ action: v.literal("set"), argument: uint32, value: uint32 }),
  v.strictObject({ action: v.literal("notify-enforcer"), ...marking }),
  v.strictObject({ action: v.literal("cleanup-enforcer-notification") }),
]);

const selector = v.strictObject({
  /** Position in the policy's list; those of exceptions are numbered after them. */
  index: uint32,
  label: text,
  /** It is one of an exception, before the policy's own: what it matches is not acted on. */
  exception: v.exactOptional(
    v.strictObject({
      name: text,
      /** Empty: for the whole cluster. */
      namespace: text,
      /** Milliseconds since 1970; from then on the selector is as if it were not there. */
      expires: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(0))),
    }),
  ),
  /** All must match. */
  filters: v.array(filter),
  /** Filters on the return value; unless all match, no event is posted and no return action is taken. */
  returnFilters: v.array(filter),
  /** An event is also posted unless `no-post` is among them; so an empty list means only to post. */
  actions: v.array(action),
  returnActions: v.array(action),
});

const arg = v.strictObject({
  /** Position in the function (or tracepoint); for the return value 0, with a `source` in the spec's `data`. */
  index: uint32,
  /** auto: that of the C type that it has in the kernel. */
  type: v.picklist([...argTypeRows.map(({ type }) => type), "auto"]),
  label: text,
  /** What it is read from instead of an argument of the call; events carry it as data. */
  source: v.exactOptional(v.picklist(["current-task", "registers"])),
  /**
   * The members that lead from the argument, or the source, to the value: `f_path.dentry`. Of registers: the name
   * of one.
   */
  resolve: v.exactOptional(text),
  /** The structure that the argument points to, whatever the kernel's types say. */
  btfType: v.exactOptional(text),
  /** The module with that structure. */
  btfTypeModule: v.exactOptional(text),
  /** Position (0-based) of the argument that holds the size of a `char_buf`. */
  sizeIndex: v.exactOptional(uint32),
  /** Read the buffer when the function returns; its size is then the return value. */
  returnCopy: flag,
  /** Of a buffer, events carry as many bytes as an event can, not only the first 4096. */
  maxData: v.exactOptional(v.literal(true)),
});

const hook = v.strictObject({
  kind: v.picklist(hookKindNames),
  /**
   * kprobe: function (`sys_…` without arch prefix); tracepoint: `subsystem/event`; lsm: hook name;
   * uprobe: `PATH:PLACE` (language/program-place.ts); usdt: `PATH:PROVIDER:NAME`.
   */
  target: text,
  /** Further functions that it hooks, with the same arguments and selectors; see `eachFunction`. */
  others: v.exactOptional(v.array(text)),
  /** Instead of a function: those that the kernel has. `target` is then `list:NAME`. */
  generated: v.exactOptional(
    v.variant("by", [
      v.strictObject({ by: v.literal("syscalls") }),
      /** A regular expression for names (linearRegex in @gander/base). */
      v.strictObject({ by: v.literal("pattern"), pattern: text }),
    ]),
  ),
  /** uprobe, usdt: the file, and what its places are named by. */
  program: v.exactOptional(
    v.strictObject({
      path: text,
      by: v.picklist(["symbol", "offset", "address", "probe"]),
      /** Offsets in the file of the reference counters of `target` and `others`, in this order; 0: none. */
      counters: v.exactOptional(v.array(uint32)),
      /** `ALGORITHM:HEX`, one of which the file must have. */
      digests: v.exactOptional(v.array(text)),
      /** The policy runs without this hook if it has none of them. */
      ignoreDigests: v.exactOptional(v.literal(true)),
    }),
  ),
  syscall: flag,
  /** Tracepoint: positions are those of the TP_PROTO instead of fields of the format file. */
  raw: flag,
  /** Position in the spec, e.g. `spec.kprobes[0]`. */
  path: text,
  /** Position among the hooks of its section. */
  index: uint32,
  ignoreCallNotFound: flag,
  message: text,
  tags: v.array(text),
  /** Those of the call, then those with a `source`. */
  args: v.array(arg),
  returnArg: v.exactOptional(arg),
  /** Never empty: a hook without selectors has one that posts everything. */
  selectors: v.array(selector),
});

/** All of a policy except its name and namespace: the input of the digest. */
export const policyContent = v.strictObject({
  /** The mode in the file; `monitor-only` if no selector can enforce anything. */
  mode: v.picklist(["enforce", "monitor", "monitor-only"]),
  hooks: v.array(hook),
  /** Events beyond it are counted, not posted; absent: as the sensor is configured. */
  eventBudget: v.exactOptional(v.strictObject({ events: positive, windowMs: positive })),
  /** Which workloads it applies to; absent: everything on the node. */
  workloads: v.exactOptional(workloadSelector),
  /** Which nodes it applies to; absent: all. */
  nodeSelector: v.exactOptional(labelSelector),
});

type Frozen<T> = { readonly [K in keyof T]: Frozen<T[K]> };
type Static<S extends v.GenericSchema> = Frozen<v.InferOutput<S>>;

export type PolicyContent = Static<typeof policyContent>;

/** With one pod more in this time, a policy that enforces falls back to mode monitor on that node. */
export type Fuse = { readonly pods: number; readonly windowMs: number };

/**
 * A checked policy: no text left to parse, independent of any kernel. The same spec gives the same value
 * and so the same digest on every machine. Everything is plain data.
 */
export type CompiledPolicy = PolicyContent & {
  readonly name: string;
  /** Empty for a cluster-scoped TracingPolicy. */
  readonly namespace: string;
  /** Of the bytes of its content (`encodePolicy`), as text. */
  readonly digest: string;
  /** By its metadata, so not in the digest; absent: as the sensor is configured. */
  readonly fuse?: Fuse | "off";
  /** The last re-arming that its metadata names. */
  readonly fuseRearmed?: string;
};

export type CompiledHook = Static<typeof hook>;
export type CompiledArg = Static<typeof arg>;
export type CompiledSelector = Static<typeof selector>;
export type CompiledFilter = Static<typeof filter>;
/** Its values are compiled. */
export type TypedFilter = Exclude<CompiledFilter, { on: "untyped" | "expression" | "of-sets" }>;
/** A filter that names sets. */
export type FilterOfSets = Extract<CompiledFilter, { on: "of-sets" }>;
export type TypedSelector = Omit<CompiledSelector, "filters" | "returnFilters"> & {
  readonly filters: readonly TypedFilter[];
  readonly returnFilters: readonly TypedFilter[];
};
/** An argument as it is read on one kernel. */
export type TypedArg = CompiledArg & { readonly type: ArgType; readonly route?: ValueRoute };
/** A hook entry on one kernel, which decides what was left open (`typeHook`). */
export type TypedHook = Omit<CompiledHook, "args" | "returnArg" | "selectors"> & {
  readonly args: readonly TypedArg[];
  readonly returnArg?: TypedArg;
  readonly selectors: readonly TypedSelector[];
};

/** How a program gets from an argument, or its source, to the value. */
export type ValueRoute = {
  readonly source: "argument" | NonNullable<CompiledArg["source"]>;
  /** For each: add it to the address, and read there the next address. */
  readonly dereferences: readonly number[];
  /** Where the value is, from the last address. */
  readonly offset: number;
  /** Bytes of the number there; 0: the value is the address itself. */
  readonly size: 0 | 1 | 2 | 4 | 8;
  readonly signed: boolean;
  /** The bits of the number, and the position of the lowest in those bytes. */
  readonly bits: number;
  readonly shift: number;
  /** Bytes of the array that holds a text; 0: it is in none. */
  readonly room: number;
};
export type NamespaceName = Static<typeof namespaceName>;
export type ArgTest = Static<typeof argTest>;
/** Of an argument or a variable of a new program. */
export type ExecTest = Extract<CompiledFilter, { on: "exec-variable" }>["test"];
export type TestOf<Form extends TestForm> = Extract<ArgTest, { op: TestName<Form> }>;
export type Network = Static<typeof network>;
export type CompiledAction = Static<typeof action>;
export type OverrideAction = Extract<CompiledAction, { action: "override" }>;
/** An action by which the sensor asks something of the network. */
export type RequestAction = Extract<CompiledAction, { action: "get-url" | "dns-lookup" }>;
export type WorkloadSelector = Static<typeof workloadSelector>;
export type LabelSelector = Static<typeof labelSelector>;

const perFunction = new WeakMap<CompiledHook, readonly CompiledHook[]>();

/** A hook entry for each of its functions. The same objects for the same hook. */
export function eachFunction(hook: CompiledHook): readonly CompiledHook[] {
  const { others, ...first } = hook;
  if (others === undefined) return [hook];
  const known = perFunction.get(hook);
  if (known !== undefined) return known;
  const each = [hook.target, ...others].map((target, i) => ({
    ...{ ...first, target },
    ...(first.program && { program: withCounter(first.program, i) }),
  }));
  perFunction.set(hook, each);
  return each;
}

function withCounter(program: NonNullable<CompiledHook["program"]>, position: number) {
  const { counters } = program;
  return counters === undefined ? program : { ...program, counters: [counters[position] ?? 0] };
}

/** Whether the test's values have this form. */
export const hasForm = <Form extends TestForm>(test: ArgTest, form: Form): test is TestOf<Form> =>
  argTests[test.op].form === form;
