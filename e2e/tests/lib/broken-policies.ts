// SPDX-License-Identifier: Apache-2.0
// Policies with mistakes that people make. `»` marks the start of the mistake; it is not part of the text.

export interface BrokenPolicy {
  readonly name: string;
  readonly text: string;
  /** The answer must contain this, apart from the place: the mistake, and the correction. */
  readonly says: readonly RegExp[];
}

const policy = (spec: string, metadata = "name: broken") =>
  `apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata:\n  ${metadata}\nspec:\n${spec}\n`;

/** A hook on a function with two arguments: a file and an int. */
const hook = (rest: string) =>
  policy(`  kprobes:
  - call: security_file_permission
    syscall: false
    args:
    - index: 0
      type: file
    - index: 1
      type: int
${rest}`);

const selector = (rest: string) => hook(`    selectors:\n    - ${rest}`);
const matchInt = (operator: string, values: string) =>
  selector(`matchArgs:
      - index: 1
        operator: ${operator}
        values: ${values}`);
const matchFile = (operator: string, values: string) =>
  selector(`matchArgs:
      - index: 0
        operator: ${operator}
        values: ${values}`);
const matchSock = (operator: string, values: string) =>
  policy(`  kprobes:
  - call: tcp_connect
    syscall: false
    args:
    - index: 0
      type: sock
    selectors:
    - matchArgs:
      - index: 0
        operator: ${operator}
        values: ${values}`);
const action = (text: string) => selector(`matchActions:\n      - ${text}`);

export const brokenPolicies: readonly BrokenPolicy[] = [
  // the text
  {
    name: "bracket never closed",
    text: `${policy("  kprobes:\n  - call: [a, b")}»`,
    says: [/\]|bracket|sequence|flow/i],
  },
  { name: "tab for indentation", text: policy("  kprobes:\n»\t- call: x"), says: [/tab/i] },
  {
    name: "key given twice",
    text: policy("  kprobes:\n  - call: a\n    »call: b"),
    says: [/call/, /twice|unique|duplicate|already/i],
  },
  { name: "nothing in it", text: "»# only a comment\n", says: [/no tracing policy/i] },
  {
    name: "a list instead of a policy",
    text: "»- call: x\n",
    says: [/apiVersion|mapping|object|TracingPolicy/i],
  },
  {
    name: "aliases that multiply",
    text: `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,»*e,*e,*e]\n`,
    says: [/alias/i],
  },
  // what it is
  {
    name: "wrong version",
    text: "apiVersion: »cilium.io/v1\nkind: TracingPolicy\nmetadata:\n  name: broken\nspec: {}\n",
    says: [/cilium\.io\/v1alpha1/],
  },
  {
    name: "misspelt kind",
    text: "apiVersion: cilium.io/v1alpha1\nkind: »TracingPolcy\nmetadata:\n  name: broken\nspec: {}\n",
    says: [/TracingPolicy/],
  },
  {
    name: "no name",
    text: "apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata: »{}\nspec: {}\n",
    says: [/name/],
  },
  {
    name: "a name Kubernetes refuses",
    text: policy(
      "  kprobes:\n  - call: security_file_open\n    syscall: false",
      "name: »My_Policy",
    ),
    says: [/My_Policy/, /lower.?case|a-z/i],
  },
  {
    name: "no spec",
    text: "»apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata:\n  name: broken\n",
    says: [/spec/],
  },
  // fields
  {
    name: "misspelt section",
    text: policy("  »kprobe:\n  - call: x"),
    says: [/kprobe\b/, /kprobes/],
  },
  {
    name: "misspelt field of a hook",
    text: policy("  kprobes:\n  - call: security_file_open\n    »sycall: false"),
    says: [/sycall/, /syscall/],
  },
  {
    name: "misspelt field of a selector",
    text: selector("»matchArg: []"),
    says: [/matchArg\b/, /matchArgs/],
  },
  {
    name: "hook without a function",
    text: policy("  kprobes:\n  - »syscall: false"),
    says: [/call/],
  },
  {
    name: "empty function name",
    text: policy('  kprobes:\n  - call: »""\n    syscall: false'),
    says: [/call|function/],
  },
  {
    name: "text for a boolean",
    text: policy('  kprobes:\n  - call: security_file_open\n    syscall: »"no"'),
    says: [/boolean|true|false/],
  },
  {
    name: "an object for a list",
    text: policy("  kprobes:\n    »call: x"),
    says: [/list|array|- /],
  },
  {
    name: "number for a text",
    text: policy("  kprobes:\n  - call: »7"),
    says: [/string|text|quot/i],
  },
  {
    name: "too many tags",
    text: hook(`    tags: »[${Array.from({ length: 17 }, (_, i) => `tag${i}`).join(", ")}]`),
    says: [/16/],
  },
  {
    name: "hostSelector with content",
    text: policy(
      "  hostSelector:\n    »matchLabels: {a: b}\n  kprobes:\n  - call: security_file_open\n    syscall: false",
    ),
    says: [/hostSelector|\{\}/],
  },
  // arguments
  {
    name: "misspelt type",
    text: policy(
      "  kprobes:\n  - call: security_file_open\n    syscall: false\n    args:\n    - index: 0\n      type: »fil",
    ),
    says: [/fil\b/, /file/],
  },
  {
    name: "negative index",
    text: policy(
      "  kprobes:\n  - call: security_file_open\n    syscall: false\n    args:\n    - index: »-1\n      type: file",
    ),
    says: [/-1|0|negative|least/],
  },
  {
    name: "index that is text",
    text: policy(
      "  kprobes:\n  - call: security_file_open\n    syscall: false\n    args:\n    - index: »first\n      type: file",
    ),
    says: [/number|integer/],
  },
  {
    name: "argument without an index",
    text: policy(
      "  kprobes:\n  - call: security_file_open\n    syscall: false\n    args:\n    - »type: file",
    ),
    says: [/index/],
  },
  {
    name: "buffer without a size",
    text: policy(
      "  kprobes:\n  - call: sys_write\n    syscall: true\n    args:\n    - »index: 1\n      type: char_buf",
    ),
    says: [/sizeArgIndex/],
  },
  { name: "return without returnArg", text: hook("    »return: true"), says: [/returnArg/] },
  {
    name: "unknown action on return",
    text: hook(
      "    return: true\n    returnArg:\n      index: 0\n      type: int\n    returnArgAction: »Kill",
    ),
    says: [/Kill/, /Post|TrackSock/],
  },
  // operators and values
  { name: "misspelt operator", text: matchInt("»Equals", '["2"]'), says: [/Equals/, /Equal\b/] },
  {
    name: "argument that is not listed",
    text: selector('matchArgs:\n      - index: »3\n        operator: Equal\n        values: ["2"]'),
    says: [/3/, /args/],
  },
  {
    name: "text operator on a number",
    text: matchInt("»Prefix", '["2"]'),
    says: [/Prefix/, /int/],
  },
  { name: "number operator on a file", text: matchFile("»GT", '["2"]'), says: [/GT/, /file/] },
  {
    name: "address operator on a file",
    text: matchFile("»DAddr", '["10.0.0.1"]'),
    says: [/DAddr/, /file/],
  },
  {
    name: "word for a number",
    text: matchInt("Equal", '[»"MAY_WRITE"]'),
    says: [/MAY_WRITE/, /number/],
  },
  {
    name: "number that does not fit",
    text: matchInt("Equal", '[»"99999999999"]'),
    says: [/99999999999/],
  },
  {
    name: "numbers without quotes",
    text: matchInt("Equal", "[»2]"),
    says: [/"2"|quot|string|text/i],
  },
  {
    name: "no values",
    text: selector("matchArgs:\n      - »index: 1\n        operator: Equal"),
    says: [/values/],
  },
  { name: "empty values", text: matchInt("Equal", "»[]"), says: [/value/] },
  { name: "range the wrong way round", text: matchInt("InRange", '[»"9:1"]'), says: [/9:1/] },
  {
    name: "range with a dash",
    text: matchInt("InRange", '[»"1-9"]'),
    says: [/1-9/, /1:9|min:max|:/],
  },
  {
    name: "prefix too long for IPv4",
    text: matchSock("DAddr", '[»"10.0.0.0/33"]'),
    says: [/10\.0\.0\.0\/33/, /32/],
  },
  {
    name: "half an address",
    text: matchSock("DAddr", '[»"10.0.0"]'),
    says: [/10\.0\.0/, /address|CIDR/i],
  },
  {
    name: "host name for an address",
    text: matchSock("NotDAddr", '[»"example.org"]'),
    says: [/example\.org/, /address|CIDR/i],
  },
  { name: "port out of range", text: matchSock("DPort", '[»"70000"]'), says: [/70000/, /65535/] },
  { name: "unknown protocol", text: matchSock("Protocol", '[»"TPC"]'), says: [/TPC/, /TCP/] },
  {
    name: "unknown family",
    text: matchSock("Family", '[»"AF_INET4"]'),
    says: [/AF_INET4/, /AF_INET\b/],
  },
  { name: "unknown state", text: matchSock("State", '[»"TCP_OPEN"]'), says: [/TCP_OPEN/, /TCP_/] },
  {
    name: "Equal on a socket",
    text: matchSock("»Equal", '["10.0.0.1"]'),
    says: [/Equal/, /DAddr|SAddr/],
  },
  // actions
  { name: "unknown action", text: action("action: »Kill"), says: [/Kill/, /Sigkill/] },
  { name: "denial without an error", text: action("»action: Override"), says: [/argError/] },
  { name: "signal without a number", text: action("»action: Signal"), says: [/argSig/] },
  {
    name: "signal that does not exist",
    text: action("action: Signal\n        argSig: »99"),
    says: [/99/, /64|signal/],
  },
  {
    name: "denial where no kernel can",
    text: policy(
      "  kprobes:\n  - call: tcp_close\n    syscall: false\n    selectors:\n    - matchActions:\n      - action: »Override\n        argError: -1",
    ),
    says: [/Override/, /tcp_close/],
  },
  {
    name: "error that is no error",
    text: action("action: Override\n        argError: »5000"),
    says: [/5000/],
  },
  {
    name: "rate limit without a unit that exists",
    text: action('action: Post\n        rateLimit: »"5x"'),
    says: [/5x/, /5s|5m|seconds|minutes/],
  },
  {
    name: "action of another kind of hook",
    text: action("action: »Set\n        argIndex: 0"),
    says: [/Set/, /static probe/, /usdts/],
  },
  {
    name: "page that is none",
    text: action("action: GetUrl\n        argUrl: »ftp://x"),
    says: [/ftp/, /https/],
  },
  {
    name: "name that is an address",
    text: action("action: DnsLookup\n        argFqdn: »10.0.0.1"),
    says: [/10\.0\.0\.1/, /full name/],
  },
  // who
  {
    name: "binaries by a wrong operator",
    text: selector('matchBinaries:\n      - operator: »Equal\n        values: ["/bin/x"]'),
    says: [/Equal/, /In\b/],
  },
  {
    name: "two lists of binaries",
    text: selector(
      'matchBinaries:\n      »- operator: In\n        values: ["/bin/x"]\n      - operator: In\n        values: ["/bin/y"]',
    ),
    says: [/1|one/],
  },
  {
    name: "process id that is none",
    text: selector("matchPIDs:\n      - operator: In\n        values: [»-5]"),
    says: [/-5|0|negative|least/],
  },
  {
    name: "unknown namespace",
    text: selector(
      'matchNamespaces:\n      - namespace: »Network\n        operator: In\n        values: ["host_ns"]',
    ),
    says: [/Network/, /Net\b/],
  },
  {
    name: "namespace that is no number",
    text: selector(
      'matchNamespaces:\n      - namespace: Net\n        operator: In\n        values: [»"mine"]',
    ),
    says: [/mine/, /host_ns/],
  },
  {
    name: "misspelt capability",
    text: selector("matchCapabilities:\n      - operator: In\n        values: [»CAP_SYS_ADMN]"),
    says: [/CAP_SYS_ADMN/, /CAP_SYS_ADMIN/],
  },
  { name: "macro that is not there", text: selector("macros: [»nowhere]"), says: [/nowhere/] },
  // types of arguments
  {
    name: "a filter on a structure",
    text: policy(
      "  kprobes:\n  - call: cap_capable\n    syscall: false\n    args:\n    - {index: 0, type: cred}\n    selectors:\n    - matchArgs:\n      - {index: 0, operator: »Equal, values: ['0']}",
    ),
    says: [/Equal/, /cred/, /no filter looks into it/],
  },
  {
    name: "a field of tracepoints as a function's argument",
    text: policy(
      "  kprobes:\n  - call: security_file_open\n    syscall: false\n    args:\n    - {index: 0, type: »const_buf}",
    ),
    says: [/tracepoint/, /char_buf/],
  },
  {
    name: "a structure as an argument of a system call",
    text: policy(
      "  kprobes:\n  - call: sys_bpf\n    syscall: true\n    args:\n    - {index: 1, type: »bpf_attr}",
    ),
    says: [/bpf_attr/, /security_bpf/],
  },
  // other kinds of hooks
  {
    name: "tracepoint without an event",
    text: policy("  tracepoints:\n  - »subsystem: syscalls"),
    says: [/event/],
  },
  {
    name: "lsm hook by the function's name",
    text: policy("  lsmhooks:\n  - hook: »security_file_open"),
    says: [/security_file_open/, /file_open/],
  },
  {
    name: "uprobe without a function",
    text: policy("  uprobes:\n  - »path: /bin/bash"),
    says: [/no function/, /symbols/],
  },
  {
    name: "hash of a file that is not open",
    text: policy(
      "  lsmhooks:\n  - hook: file_open\n    selectors:\n    - matchActions:\n      - action: Post\n        »imaHash: true",
    ),
    says: [/file_open/, /bprm_check_security/],
  },
  {
    name: "not supported yet: types of a program's own",
    text: policy("  usdts:\n  - path: /bin/bash\n    provider: p\n    name: n\n    »btfPath: /x"),
    says: [/btfPath/, /support/],
  },
  {
    name: "mode that is none",
    text: policy(
      "  options:\n  - name: policy-mode\n    value: »enforced\n  kprobes:\n  - call: security_file_open\n    syscall: false",
    ),
    says: [/enforced/, /enforce\b/],
  },
  {
    name: "option that is none",
    text: policy(
      '  options:\n  - name: »policy-mod\n    value: "monitor"\n  kprobes:\n  - call: security_file_open\n    syscall: false',
    ),
    says: [/policy-mod\b/, /policy-mode/],
  },
];

/** The text without its marks, and their places (from 1, as editors count). */
export function placeOfMistake(text: string): {
  readonly text: string;
  readonly line: number;
  readonly column: number;
} {
  const before = text.slice(0, text.indexOf("»"));
  return {
    text: text.replaceAll("»", ""),
    line: before.split("\n").length,
    column: before.length - before.lastIndexOf("\n"),
  };
}
