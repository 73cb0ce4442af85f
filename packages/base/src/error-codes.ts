// SPDX-License-Identifier: Apache-2.0

/** The part of Gander that reports the error; a heading on the reference page. */
export type ErrorArea =
  | "yaml"
  | "policy"
  | "kernel-check"
  | "configuration"
  | "sensor"
  | "operator"
  | "client"
  | "kube";

type ErrorDescription = {
  readonly area: ErrorArea;
  /** What it means. */
  readonly meaning: string;
  /** What to do. */
  readonly remedy: string;
};

const describe = <const T extends Record<string, ErrorDescription>>(table: T): T => table;

/**
 * Every code that a person can meet, once. `docs/reference/errors.md` is generated from this table
 * (`pnpm --filter @gander/base generate`).
 */
export const errorCodes = describe({
  // --- text
  "yaml-syntax": {
    area: "yaml",
    meaning: "The file is not well-formed YAML, so nothing in it can be read.",
    remedy:
      "Look at the marked place; indentation, an unclosed quote or a missing colon are the usual causes.",
  },
  "yaml-duplicate-key": {
    area: "yaml",
    meaning: "A mapping has the same key twice; one of the two would be lost.",
    remedy: "Merge the two, or remove one.",
  },
  "yaml-alias": {
    area: "yaml",
    meaning:
      "The file uses aliases in a way that cannot be followed: too many, or expanding without end.",
    remedy: "Write the repeated part out.",
  },
  "yaml-number-notation": {
    area: "yaml",
    meaning: "An unquoted number means one thing to YAML 1.1 (Kubernetes) and another to YAML 1.2.",
    remedy: "Write the number in decimal, or in quotes where the field is a text.",
  },
  "yaml-other-kind": {
    area: "yaml",
    meaning: "The document is not a tracing policy and was skipped.",
    remedy:
      "Nothing, unless it was meant to be one: then set `apiVersion: cilium.io/v1alpha1` and `kind: TracingPolicy`.",
  },
  "input-too-large": {
    area: "yaml",
    meaning: "The file is larger, deeper or has more parts than any policy needs; it was not read.",
    remedy: "Split it into several policies.",
  },
  "policy-missing": {
    area: "yaml",
    meaning: "There is no tracing policy in the file.",
    remedy: "Start from one of the files in `policies/examples/`.",
  },
  // --- policy
  "policy-unknown-field": {
    area: "policy",
    meaning:
      "The field does not exist at this place. It is refused because a misspelt filter that is silently ignored would match everything.",
    remedy: "Use the proposed name, or check the indentation.",
  },
  "policy-missing-field": {
    area: "policy",
    meaning: "A field that is needed here is absent.",
    remedy: "Add it.",
  },
  "policy-wrong-type": {
    area: "policy",
    meaning: "The value is of the wrong kind, such as a text where a list belongs.",
    remedy: "Write it in the form the message names.",
  },
  "policy-unknown-value": {
    area: "policy",
    meaning: "The field takes one of a few values, and this is none of them.",
    remedy: "Use one of those the message lists.",
  },
  "policy-out-of-bounds": {
    area: "policy",
    meaning: "A number, a text or a list is smaller or larger than allowed.",
    remedy: "Stay inside the limits that the message names.",
  },
  "policy-rule": {
    area: "policy",
    meaning: "Two fields that are each valid contradict each other.",
    remedy: "Follow the message.",
  },
  "policy-not-supported": {
    area: "policy",
    meaning:
      "This is part of the policy language, but Gander does not support it yet. It is refused because a policy that does less than it says is worse than none.",
    remedy: "Use what the message proposes, or leave the part out.",
  },
  "policy-empty": {
    area: "policy",
    meaning: "The policy hooks nothing.",
    remedy: "Add an entry below `kprobes`, `lsmhooks`, `tracepoints`, `uprobes` or `usdts`.",
  },
  "policy-bad-name": {
    area: "policy",
    meaning: "The name is not valid for a policy, a function, a hook or a tracepoint.",
    remedy: "Follow the message.",
  },
  "policy-not-a-syscall": {
    area: "policy",
    meaning:
      "`syscall` is true, which is its default, but the function's name is not that of a system call.",
    remedy: "Add `syscall: false` for a kernel function, or write the call as `sys_NAME`.",
  },
  "policy-index": {
    area: "policy",
    meaning:
      "A filter names an argument that the hook does not declare, or an argument is declared twice or too far out.",
    remedy: "Declare the argument below `args`, or correct the index.",
  },
  "policy-operator-type": {
    area: "policy",
    meaning: "The operator cannot be applied to an argument of this type.",
    remedy: "Use one of the operators that the message lists.",
  },
  "policy-bad-value": {
    area: "policy",
    meaning:
      "A value of a filter or an action is not what it must be: a number, an address, a port, a capability …",
    remedy: "Follow the message; it shows the possible forms.",
  },
  "policy-test-failed": {
    area: "policy",
    meaning:
      "A case of a policy's test does not end as it is expected to, or could not be judged: what it does failed for another reason than the policy.",
    remedy:
      "Read in the message which call decided and what matched. Correct the policy if it lets pass what it is meant to stop, or stops too much; else correct the case.",
  },
  "policy-test-differs": {
    area: "policy",
    meaning:
      "A case of a policy's test ends otherwise on the kernel than `gander policy test` says without one.",
    remedy:
      "Trust the kernel: the model stands for Linux 6.12 and an image like Debian's. If the case itself fits both, please report it with the policy and the case.",
  },
  "policy-test-undecided": {
    area: "policy",
    meaning:
      "It is not known how a case of a policy's test ends: not without a kernel, or not by what is seen from outside of a cluster's node. It counts neither as passed nor as failed.",
    remedy:
      "Run the test on a kernel (`gander policy test --kernel live`, or `--kernel vm` in a virtual machine), or allow such cases with --allow-undecided.",
  },
  "policy-unknown-set": {
    area: "policy",
    meaning:
      "A filter refers to a set of values (`set:NAME`) that does not exist, or that is known only in a cluster.",
    remedy:
      "Create the ValueSet of that name, in a cluster by kubectl, else in the same file or directory; or correct the name.",
  },
  "policy-bad-set": {
    area: "policy",
    meaning: "A ValueSet is wrong, or a policy that uses it cannot be in force with its values.",
    remedy: "Correct the value that the message names.",
  },
  "policy-contradiction": {
    area: "policy",
    meaning: "The filter can never hold, or always holds, whatever happens.",
    remedy: "Correct the value, or leave the filter out.",
  },
  "policy-action": {
    area: "policy",
    meaning:
      "The action is not possible on this kind of hook, or lacks or contradicts a parameter.",
    remedy: "Follow the message.",
  },
  "policy-empty-selector": {
    area: "policy",
    meaning:
      "A selector has no filter, so it matches every call. Next to other selectors the cause is nearly always an extra dash.",
    remedy: "Remove the dash in front of the second field of the selector.",
  },
  "policy-unreachable": {
    area: "policy",
    meaning:
      "A selector or a filter can never be reached, because an earlier one takes every call.",
    remedy: "Change the order, or remove it.",
  },
  "policy-option": {
    area: "policy",
    meaning: "An entry of `options` is unknown, or has no effect here.",
    remedy: "Remove it, or use the proposed name.",
  },
  "policy-cut": {
    area: "policy",
    meaning: "A text is longer than an event can carry; the rest is left out.",
    remedy: "Shorten it.",
  },
  "policy-macro": {
    area: "policy",
    meaning: "A selector macro does not exist, or sets a field that is set already.",
    remedy: "Define it below `selectorsMacros`, or set the field in one place.",
  },
  // --- a policy against one kernel
  "kernel-no-function": {
    area: "kernel-check",
    meaning: "This kernel has no function, hook or tracepoint of that name.",
    remedy:
      "Use the proposed name, or set `ignore.callNotFound: true` if the policy may run without this hook.",
  },
  "kernel-argument": {
    area: "kernel-check",
    meaning:
      "The function takes fewer arguments, or the argument is of another type than the policy says.",
    remedy: "Take index and type from the prototype in the message.",
  },
  "kernel-unsupported": {
    area: "kernel-check",
    meaning: "This kernel lacks what the policy needs, so the policy would not do what it says.",
    remedy: "Follow the message; it names the requirement.",
  },
  "program-not-found": {
    area: "kernel-check",
    meaning:
      "A uprobe or a usdt names a file that the node does not have or that is no program, or a function or a static probe that the file does not have. Each node is looked at for itself.",
    remedy:
      "Follow the message. The file is looked up again when the policy is added again; a file that replaces the one that is hooked is hooked by itself.",
  },
  "program-digest": {
    area: "kernel-check",
    meaning:
      "A uprobe names the digests that the hooked file may have, and the file on this node has another one.",
    remedy:
      "Add the digest that the message shows, or set `ignore.digestVerificationFailure: true` if the policy may run without this hook.",
  },
  "kernel-attach": {
    area: "kernel-check",
    meaning:
      "The kernel refused to attach a program to the function. The message has its reason, or the lines of the verifier's log that explain it.",
    remedy:
      "Hook a neighbouring function, or report the lines: the program should load on this kernel.",
  },
  "kernel-facts": {
    area: "kernel-check",
    meaning:
      "The operator cannot read what a sensor reported about its kernel, so policies are not checked against that kernel beforehand.",
    remedy:
      "Nothing is wrong with the policy: the sensors on such nodes check it themselves. Report the kernel's release.",
  },
  // --- configuration
  "configuration-unknown-option": {
    area: "configuration",
    meaning: "The option does not exist.",
    remedy: "Use the proposed name, or see `--help`.",
  },
  "configuration-bad-value": {
    area: "configuration",
    meaning: "The value of the option cannot be read, or is out of its bounds.",
    remedy: "Follow the message.",
  },
  "configuration-file": {
    area: "configuration",
    meaning: "A configuration file or directory cannot be read.",
    remedy: "Correct its path or its permissions.",
  },
  "configuration-arguments": {
    area: "configuration",
    meaning: "There are too many or too few arguments on the command line.",
    remedy: "See `--help`.",
  },
  // --- the sensor
  "sensor-already-running": {
    area: "sensor",
    meaning:
      "Another sensor uses the same pinned programs and maps. Two sensors would take them from each other.",
    remedy:
      "Stop the other one, or give this one its own directories with `--bpf-dir` and `--state-dir`.",
  },
  "sensor-precondition": {
    area: "sensor",
    meaning:
      "The machine or the process lacks something that the sensor needs: a capability, BTF, tracefs, a bpf file system, cgroup v2 or a newer kernel. Nothing was loaded; what an earlier sensor has left in force stays in force.",
    remedy:
      "The message has a sentence for each thing that is missing: why it is needed, and what to do. docs/platforms.md shows what platforms offer.",
  },
  "sensor-objects": {
    area: "sensor",
    meaning: "The files of the kernel programs are missing or damaged.",
    remedy: "Install Gander again, or build them with `make build`.",
  },
  "sensor-denied": {
    area: "sensor",
    meaning:
      "The system refused something the sensor must do to start; a policy that an earlier sensor left in force may be the reason. Programs of this and later versions let the sensor pass, whatever their policies say; those of earlier versions don't, nor does a policy that keeps it from reading its own pins in /sys/fs/bpf.",
    remedy:
      "Remove the policy at its source, then run `rm -r /sys/fs/bpf/gander`, which ends enforcement until the sensor runs again, and start the sensor. If even that is denied, restart the machine: nothing outlives a restart.",
  },
  "policy-not-kept": {
    area: "policy",
    meaning:
      "A change of policies was refused because it cannot be written to the state directory: a restart would lose it. What was in force stays in force.",
    remedy:
      "Free space in the directory of `--state-dir`, or make it writable, and try again. `gander status` shows when it works again.",
  },
  "policy-not-loaded": {
    area: "sensor",
    meaning:
      "The policy is well-formed and fits the kernel, but could not be put in force. What was in force before stays in force.",
    remedy: "Follow the message; if it names a limit, remove policies or selectors.",
  },
  "fuse-blown": {
    area: "sensor",
    meaning:
      "The policy hit more pods of this node than its fuse allows: here it only monitors, until someone arms the fuse again.",
    remedy:
      "Find out whether the policy or the pods are at fault, and correct that. Then set the policy's annotation `gander.dev/fuse-rearmed` to the time, or run `gander policy rearm NAME` on the node.",
  },
  "policy-degraded": {
    area: "sensor",
    meaning:
      "The policy is in force on this node, but does less there than it says: the kernel offers no better way.",
    remedy: "Read the message: it says what is different, and where a newer kernel would help.",
  },
  "policy-groups": {
    area: "sensor",
    meaning:
      "The pods of this node have more different combinations of policies than fit. Pods for which there is no room keep the policies that they had.",
    remedy: "Select pods by fewer different labels, or spread them over more nodes.",
  },
  "policy-not-found": {
    area: "sensor",
    meaning: "The sensor has no policy of that name, namespace and origin.",
    remedy: "Look it up with `gander policy list`.",
  },
  "bundle-policy-missing": {
    area: "sensor",
    meaning:
      "The operator announced the policy, but its content did not arrive and is not on the node. The policy's previous version stays in force, if there was one.",
    remedy:
      "Nothing at first: the sensor asks for it again when it next connects. If the problem persists, look at the operator's log.",
  },
  "bundle-policy-damaged": {
    area: "sensor",
    meaning:
      "The content that was received, or is on the node's disk, is not what was announced: it has another digest. It was not used.",
    remedy:
      "Nothing at first: it is sent again. If the problem persists, look at the disk below `--state-dir`, and for a proxy between sensor and operator.",
  },
  "bundle-policy-newer": {
    area: "sensor",
    meaning:
      "The policy contains something that this version of the sensor does not know. It was refused, because a policy with parts left out would be a different policy.",
    remedy: "Upgrade the sensor on the node.",
  },
  "bundle-set-missing": {
    area: "sensor",
    meaning:
      "The policy uses a set of values that does not exist in the cluster, or whose content did not arrive. The policy's previous version stays in force, with the values it had, if there was one.",
    remedy: "Create the ValueSet that the message names, or remove it from the policy.",
  },
  // --- the operator
  "operator-tls": {
    area: "operator",
    meaning: "Certificate, key or authorities cannot be read, or don't belong together.",
    remedy:
      "Name the files that belong together with `--tls-cert-file`, `--tls-key-file` and `--tls-ca-file`.",
  },
  "operator-uninstall": {
    area: "operator",
    meaning: "Uninstalling has not ended in time: some nodes may still enforce policies.",
    remedy:
      "The message names the nodes. Start them, or delete their Node objects, and uninstall again; `helm uninstall --no-hooks` leaves everything on the nodes as it is.",
  },
  "operator-address": {
    area: "operator",
    meaning: "The operator cannot listen at its address.",
    remedy: "Choose another port, or end the program that uses it.",
  },
  "sensor-cannot-start": {
    area: "operator",
    meaning:
      "The node's sensor tried to start, could not, and told the operator why. What an earlier sensor has in force there stays in force; nothing changes until a sensor starts.",
    remedy:
      "The message says what is missing on the node, and what to do. The kubelet starts the sensor again by itself, at the latest after five minutes.",
  },
  "sensor-not-connected": {
    area: "operator",
    meaning:
      "The sensor of a node is not connected to any replica of the operator. It continues with the policies it has; its state is not known.",
    remedy:
      "Look at the sensor's pod and its log on that node; `kubectl get pods -n gander-system -o wide` names them.",
  },
  "sensor-not-answered": {
    area: "operator",
    meaning: "The sensor of a node was sent the policy and has not yet answered.",
    remedy: "Nothing at first. If the problem persists, look at the sensor's log on that node.",
  },
  // --- a client of the sensor
  "client-no-sensor": {
    area: "client",
    meaning: "No sensor listens on the socket.",
    remedy:
      "Start one with `sudo gander run --policies DIR`, or name its socket with `--server-address`.",
  },
  "client-not-allowed": {
    area: "client",
    meaning:
      "The sensor's socket is open to root only, because anyone who may use it may change policies.",
    remedy: "Run the command with `sudo`.",
  },
  "client-timeout": {
    area: "client",
    meaning: "The sensor runs but did not answer in time.",
    remedy: "Try again or raise `--timeout`; the sensor's log may say what it is busy with.",
  },
  "client-refused": {
    area: "client",
    meaning: "The sensor answered that it cannot do what was asked.",
    remedy: "Follow the message.",
  },
  "client-bad-input": {
    area: "client",
    meaning: "A file or the standard input does not contain what the command expects.",
    remedy: "Follow the message.",
  },
  "client-no-operator": {
    area: "client",
    meaning: "The operator cannot be reached, or another program answers in its place.",
    remedy:
      "Open a connection to it with `kubectl -n gander-system port-forward service/gander-operator 8444`, and give that address with `--operator 127.0.0.1:8444`.",
  },
  "client-no-right": {
    area: "client",
    meaning: "The operator doesn't know who you are, or you lack the right.",
    remedy:
      "Status needs `get` on policystatuses.gander.dev, events need `watch` on events.gander.dev, both for the whole cluster. A token: `kubectl create token NAME -n NAMESPACE --audience gander-operator`.",
  },
  "client-not-found": {
    area: "client",
    meaning: "There is no policy, or no revision of it, with that name.",
    remedy: "Check name and namespace; `kubectl get gander -A` lists them.",
  },
  // --- the Kubernetes API server
  "kube-configuration": {
    area: "kube",
    meaning: "The address of the API server, or the credentials for it, could not be read.",
    remedy:
      "Check `KUBECONFIG`, or in a pod that its service account token is mounted (`automountServiceAccountToken`).",
  },
  "kube-unreachable": {
    area: "kube",
    meaning: "The API server could not be reached, or the connection broke before its answer.",
    remedy:
      "Nothing if it restarts or is being upgraded: the call is tried again. Otherwise check address, certificate authority and network policies.",
  },
  "kube-timeout": {
    area: "kube",
    meaning: "The API server took the request but did not answer, or stopped talking, in time.",
    remedy:
      "Nothing at first: the call is tried again. If the problem persists, look at the API server's load.",
  },
  "kube-unauthorized": {
    area: "kube",
    meaning:
      "The API server does not accept the credentials; they were read again and refused again.",
    remedy: "Check that the token or client certificate has not expired and is of this cluster.",
  },
  "kube-forbidden": {
    area: "kube",
    meaning: "The account may not do this.",
    remedy:
      "Grant what the message names, in a Role or ClusterRole; the chart grants what Gander needs.",
  },
  "kube-not-found": {
    area: "kube",
    meaning: "The object, or the whole kind, does not exist in the cluster.",
    remedy: "If it is a kind of Gander, install the CRDs (`charts/gander-crds`).",
  },
  "kube-already-exists": {
    area: "kube",
    meaning: "An object of this name exists already.",
    remedy: "Choose another name, or change the object that exists.",
  },
  "kube-conflict": {
    area: "kube",
    meaning: "Somebody changed the object in the meantime, so the change was not made.",
    remedy: "Nothing: the object is read again and the change made on its newest state.",
  },
  "kube-field-conflict": {
    area: "kube",
    meaning: "Another field manager owns some of the fields to be set; nothing was changed.",
    remedy:
      "Make one of the two give up the fields: the message names the managers and the fields they own.",
  },
  "kube-invalid": {
    area: "kube",
    meaning:
      "The API server refuses the object: its schema, a rule of the CRD or a webhook says no.",
    remedy: "Correct the fields that the message names.",
  },
  "kube-throttled": {
    area: "kube",
    meaning: "The API server asks to slow down.",
    remedy:
      "Nothing: the call is repeated when the server allows it. If the problem persists, give the account a priority level of its own.",
  },
  "kube-server": {
    area: "kube",
    meaning: "The API server failed while it answered.",
    remedy:
      "Nothing at first: the call is tried again. If the problem persists, look at the API server's log.",
  },
  "kube-expired": {
    area: "kube",
    meaning:
      "The requested version of the cluster's state is no longer kept; the whole state has to be read again.",
    remedy: "Nothing: it is read again.",
  },
  "kube-protocol": {
    area: "kube",
    meaning:
      "The answer is not what an API server sends: it is truncated, too long or of another form.",
    remedy:
      "Look for a proxy between Gander and the API server; try the same request with `kubectl get --raw`.",
  },
  "kube-not-leader": {
    area: "kube",
    meaning: "A write was held back because this replica no longer holds the Lease.",
    remedy: "Nothing: the replica that holds it makes the write.",
  },
});

export type ErrorCode = keyof typeof errorCodes;
