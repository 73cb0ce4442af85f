// SPDX-License-Identifier: Apache-2.0
// Generated from proto/ by scripts/generate.ts; do not edit.

export type PolicyState = "POLICY_STATE_UNSPECIFIED" | "POLICY_STATE_FAILED" | "POLICY_STATE_UNSUPPORTED" | "POLICY_STATE_REFUSED" | "POLICY_STATE_DEGRADED";
export const PolicyState = {
  POLICY_STATE_UNSPECIFIED: 0,
  POLICY_STATE_FAILED: 1,
  POLICY_STATE_UNSUPPORTED: 2,
  POLICY_STATE_REFUSED: 3,
  POLICY_STATE_DEGRADED: 4,
} as const;

export type NodeState = "NODE_STATE_UNSPECIFIED" | "NODE_STATE_READY" | "NODE_STATE_PENDING" | "NODE_STATE_DISCONNECTED" | "NODE_STATE_FAILED" | "NODE_STATE_UNSUPPORTED" | "NODE_STATE_REFUSED" | "NODE_STATE_DEGRADED";
export const NodeState = {
  NODE_STATE_UNSPECIFIED: 0,
  NODE_STATE_READY: 1,
  NODE_STATE_PENDING: 2,
  NODE_STATE_DISCONNECTED: 3,
  NODE_STATE_FAILED: 4,
  NODE_STATE_UNSUPPORTED: 5,
  NODE_STATE_REFUSED: 6,
  NODE_STATE_DEGRADED: 7,
} as const;

export type FromSensor = {
  readonly hello?: Hello | undefined;
  readonly kernel_facts?: KernelFactsPart | undefined;
  readonly ack?: Ack | undefined;
  readonly summary?: Summary | undefined;
};

export type ToSensor = {
  readonly welcome?: Welcome | undefined;
  readonly offer?: Offer | undefined;
  readonly policies?: readonly Policy[] | undefined;
  readonly assignment?: Assignment | undefined;
  readonly commit?: Commit | undefined;
  readonly open_events?: OpenEvents | undefined;
  readonly sessions?: readonly SessionAnnouncement[] | undefined;
};

export type Hello = {
  readonly node?: string | undefined;
  readonly protocol?: number | undefined;
  readonly sensor_version?: string | undefined;
  readonly kernel_facts?: Uint8Array | undefined;
  readonly epoch?: string | undefined;
  readonly state_digest?: Uint8Array | undefined;
  readonly policies?: readonly Uint8Array[] | undefined;
  readonly start_problem?: string | undefined;
};

export type Welcome = {
  readonly protocol?: number | undefined;
  readonly operator_version?: string | undefined;
  readonly send_kernel_facts?: boolean | undefined;
  readonly announces_sessions?: boolean | undefined;
};

export type SessionAnnouncement = {
  readonly kind?: string | undefined;
  readonly pod?: string | undefined;
  readonly container?: string | undefined;
  readonly command?: readonly string[] | undefined;
  readonly command_cut?: boolean | undefined;
  readonly user?: string | undefined;
  readonly groups?: readonly string[] | undefined;
  readonly request_uid?: string | undefined;
};

export type KernelFacts = {
  readonly release?: string | undefined;
  readonly machine?: string | undefined;
  readonly btf?: Uint8Array | undefined;
  readonly features?: readonly KernelFeature[] | undefined;
  readonly active_lsms?: readonly string[] | undefined;
  readonly symbols?: Uint8Array | undefined;
  readonly tracepoints?: Uint8Array | undefined;
};

export type KernelFeature = {
  readonly name?: string | undefined;
  readonly present?: boolean | undefined;
};

export type KernelFactsPart = {
  readonly digest?: Uint8Array | undefined;
  readonly offset?: number | undefined;
  readonly total?: number | undefined;
  readonly data?: Uint8Array | undefined;
};

export type Offer = {
  readonly epoch?: string | undefined;
  readonly base_epoch?: string | undefined;
  readonly put?: readonly PolicyHead[] | undefined;
  readonly remove?: readonly string[] | undefined;
};

export type PolicyHead = {
  readonly uid?: string | undefined;
  readonly generation?: string | undefined;
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
  readonly digest?: Uint8Array | undefined;
  readonly mode?: string | undefined;
  readonly sets?: readonly SetHead[] | undefined;
  readonly fuse?: string | undefined;
  readonly fuse_rearmed?: string | undefined;
};

export type SetHead = {
  readonly name?: string | undefined;
  readonly digest?: Uint8Array | undefined;
};

export type Policy = {
  readonly digest?: Uint8Array | undefined;
  readonly content?: Uint8Array | undefined;
};

export type Assignment = {
  readonly put?: readonly PodAssignment[] | undefined;
  readonly remove?: readonly string[] | undefined;
  readonly sets?: readonly PolicySet[] | undefined;
  readonly details?: readonly PodDetails[] | undefined;
  readonly node_labels?: NodeLabels | undefined;
};

export type NodeLabels = {
  readonly labels?: readonly PodLabel[] | undefined;
};

export type PolicySet = {
  readonly policies?: readonly string[] | undefined;
};

export type PodAssignment = {
  readonly uid?: string | undefined;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly labels?: readonly PodLabel[] | undefined;
  readonly set?: number | undefined;
  readonly details?: number | undefined;
};

export type PodDetails = {
  readonly workload?: string | undefined;
  readonly workload_kind?: string | undefined;
  readonly containers?: readonly ContainerDetails[] | undefined;
  readonly annotations?: readonly PodLabel[] | undefined;
};

export type ContainerDetails = {
  readonly name?: string | undefined;
  readonly exec_probes?: readonly ExecProbe[] | undefined;
  readonly image_id?: string | undefined;
  readonly hooks?: readonly ExecProbe[] | undefined;
};

export type ExecProbe = {
  readonly command?: readonly string[] | undefined;
};

export type PodLabel = {
  readonly key?: string | undefined;
  readonly value?: string | undefined;
};

export type Commit = {
  readonly epoch?: string | undefined;
  readonly nonce?: string | undefined;
  readonly state_digest?: Uint8Array | undefined;
};

export type Ack = {
  readonly epoch?: string | undefined;
  readonly nonce?: string | undefined;
  readonly state_digest?: Uint8Array | undefined;
  readonly exceptions?: readonly PolicyException[] | undefined;
  readonly refusal?: Refusal | undefined;
};

export type Refusal = {
  readonly reason?: string | undefined;
};

export type PolicyException = {
  readonly uid?: string | undefined;
  readonly state?: PolicyState | undefined;
  readonly code?: string | undefined;
  readonly message?: string | undefined;
  readonly running_generation?: string | undefined;
};

export type Summary = {
  readonly counting_since?: string | undefined;
  readonly policies?: readonly PolicyCounts[] | undefined;
};

export type PolicyCounts = {
  readonly uid?: string | undefined;
  readonly hits?: string | undefined;
  readonly enforced?: string | undefined;
  readonly emitted?: string | undefined;
  readonly filtered?: string | undefined;
  readonly suppressed?: string | undefined;
  readonly lost?: string | undefined;
  readonly unevaluated?: string | undefined;
  readonly missed?: string | undefined;
  readonly unknown?: string | undefined;
  readonly exceptions?: readonly ExceptionCount[] | undefined;
};

export type ExceptionCount = {
  readonly exception?: string | undefined;
  readonly hits?: string | undefined;
};

export type OpenEvents = {
};

export type EventOrder = {
  readonly start?: StartEvents | undefined;
  readonly stop?: StopEvents | undefined;
};

export type StartEvents = {
  readonly order?: number | undefined;
  readonly request?: Uint8Array | undefined;
};

export type StopEvents = {
  readonly order?: number | undefined;
};

export type EventBatch = {
  readonly order?: number | undefined;
  readonly missing?: string | undefined;
  readonly events?: readonly Uint8Array[] | undefined;
  readonly watching?: Watching | undefined;
  readonly node?: string | undefined;
  readonly interrupted?: boolean | undefined;
};

export type Watching = {
  readonly nodes?: number | undefined;
  readonly refused?: number | undefined;
  readonly problem?: string | undefined;
};

export type GetFleetStatusRequest = {
};

export type FleetStatus = {
  readonly operator_version?: string | undefined;
  readonly replicas?: readonly ReplicaStatus[] | undefined;
  readonly nodes?: number | undefined;
  readonly connected?: number | undefined;
  readonly disconnected?: readonly string[] | undefined;
  readonly unknown?: number | undefined;
  readonly policies?: number | undefined;
  readonly ready?: number | undefined;
  readonly start_problems?: readonly StartProblem[] | undefined;
};

export type StartProblem = {
  readonly node?: string | undefined;
  readonly problem?: string | undefined;
};

export type ReplicaStatus = {
  readonly identity?: string | undefined;
  readonly operator_version?: string | undefined;
  readonly holds_lease?: boolean | undefined;
  readonly sensors?: number | undefined;
};

export type ListFleetPoliciesRequest = {
};

export type FleetPolicies = {
  readonly policies?: readonly FleetPolicy[] | undefined;
};

export type FleetPolicy = {
  readonly uid?: string | undefined;
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
  readonly generation?: string | undefined;
  readonly mode?: string | undefined;
  readonly nodes?: number | undefined;
  readonly answered?: number | undefined;
  readonly ready?: number | undefined;
  readonly states?: readonly StateCount[] | undefined;
  readonly worst?: readonly PolicyNode[] | undefined;
  readonly counts?: PolicyCounts | undefined;
  readonly problems?: readonly string[] | undefined;
  readonly revisions?: readonly FleetRevision[] | undefined;
  readonly exceptions?: readonly FleetException[] | undefined;
};

export type FleetException = {
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
  readonly state?: string | undefined;
  readonly message?: string | undefined;
  readonly expires?: string | undefined;
  readonly hits?: string | undefined;
};

export type FleetRevision = {
  readonly generation?: string | undefined;
  readonly nodes?: number | undefined;
  readonly answered?: number | undefined;
  readonly ready?: number | undefined;
};

export type StateCount = {
  readonly state?: NodeState | undefined;
  readonly nodes?: number | undefined;
};

export type GetPolicyNodesRequest = {
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
};

export type PolicyNodes = {
  readonly policy?: FleetPolicy | undefined;
  readonly nodes?: readonly PolicyNode[] | undefined;
};

export type PolicyNode = {
  readonly node?: string | undefined;
  readonly state?: NodeState | undefined;
  readonly code?: string | undefined;
  readonly message?: string | undefined;
  readonly running_generation?: string | undefined;
  readonly counts?: PolicyCounts | undefined;
};

export type FromReplica = {
  readonly hello?: ReplicaHello | undefined;
  readonly report?: ReplicaReport | undefined;
  readonly nodes?: NodesAnswer | undefined;
  readonly checked?: FleetReport | undefined;
  readonly session?: NodeSession | undefined;
};

export type ToReplica = {
  readonly moved?: readonly string[] | undefined;
  readonly nodes?: NodesQuestion | undefined;
  readonly open_events?: OpenEvents | undefined;
  readonly check?: FleetCheck | undefined;
  readonly session?: NodeSession | undefined;
};

export type NodeSession = {
  readonly node?: string | undefined;
  readonly session?: SessionAnnouncement | undefined;
};

export type ReplicaHello = {
  readonly identity?: string | undefined;
  readonly operator_version?: string | undefined;
};

export type ReplicaReport = {
  readonly came?: readonly string[] | undefined;
  readonly went?: readonly string[] | undefined;
  readonly policies?: readonly PolicyReport[] | undefined;
  readonly more?: boolean | undefined;
  readonly start_problems?: readonly StartProblem[] | undefined;
};

export type PolicyReport = {
  readonly uid?: string | undefined;
  readonly revisions?: readonly RevisionReport[] | undefined;
  readonly counts?: PolicyCounts | undefined;
};

export type RevisionReport = {
  readonly generation?: string | undefined;
  readonly digest?: Uint8Array | undefined;
  readonly mode?: string | undefined;
  readonly answered?: number | undefined;
  readonly ready?: number | undefined;
  readonly states?: readonly StateCount[] | undefined;
  readonly worst?: readonly PolicyNode[] | undefined;
  readonly waiting?: readonly string[] | undefined;
};

export type NodesQuestion = {
  readonly question?: number | undefined;
  readonly uid?: string | undefined;
};

export type NodesAnswer = {
  readonly question?: number | undefined;
  readonly nodes?: readonly PolicyNode[] | undefined;
  readonly last?: boolean | undefined;
};

export type FleetCheck = {
  readonly question?: number | undefined;
  readonly policy?: Uint8Array | undefined;
};

export type FleetReport = {
  readonly question?: number | undefined;
  readonly nodes?: number | undefined;
  readonly unknown?: number | undefined;
  readonly findings?: readonly KernelFinding[] | undefined;
};

export type KernelFinding = {
  readonly severity?: string | undefined;
  readonly path?: string | undefined;
  readonly code?: string | undefined;
  readonly message?: string | undefined;
  readonly hint?: string | undefined;
  readonly kernels?: readonly KernelNodes[] | undefined;
};

export type KernelNodes = {
  readonly release?: string | undefined;
  readonly nodes?: number | undefined;
};

/** Full name of each message to its type. */
export type Messages = {
  "gander.v1.FromSensor": FromSensor;
  "gander.v1.ToSensor": ToSensor;
  "gander.v1.Hello": Hello;
  "gander.v1.Welcome": Welcome;
  "gander.v1.SessionAnnouncement": SessionAnnouncement;
  "gander.v1.KernelFacts": KernelFacts;
  "gander.v1.KernelFeature": KernelFeature;
  "gander.v1.KernelFactsPart": KernelFactsPart;
  "gander.v1.Offer": Offer;
  "gander.v1.PolicyHead": PolicyHead;
  "gander.v1.SetHead": SetHead;
  "gander.v1.Policy": Policy;
  "gander.v1.Assignment": Assignment;
  "gander.v1.NodeLabels": NodeLabels;
  "gander.v1.PolicySet": PolicySet;
  "gander.v1.PodAssignment": PodAssignment;
  "gander.v1.PodDetails": PodDetails;
  "gander.v1.ContainerDetails": ContainerDetails;
  "gander.v1.ExecProbe": ExecProbe;
  "gander.v1.PodLabel": PodLabel;
  "gander.v1.Commit": Commit;
  "gander.v1.Ack": Ack;
  "gander.v1.Refusal": Refusal;
  "gander.v1.PolicyException": PolicyException;
  "gander.v1.Summary": Summary;
  "gander.v1.PolicyCounts": PolicyCounts;
  "gander.v1.ExceptionCount": ExceptionCount;
  "gander.v1.OpenEvents": OpenEvents;
  "gander.v1.EventOrder": EventOrder;
  "gander.v1.StartEvents": StartEvents;
  "gander.v1.StopEvents": StopEvents;
  "gander.v1.EventBatch": EventBatch;
  "gander.v1.Watching": Watching;
  "gander.v1.GetFleetStatusRequest": GetFleetStatusRequest;
  "gander.v1.FleetStatus": FleetStatus;
  "gander.v1.StartProblem": StartProblem;
  "gander.v1.ReplicaStatus": ReplicaStatus;
  "gander.v1.ListFleetPoliciesRequest": ListFleetPoliciesRequest;
  "gander.v1.FleetPolicies": FleetPolicies;
  "gander.v1.FleetPolicy": FleetPolicy;
  "gander.v1.FleetException": FleetException;
  "gander.v1.FleetRevision": FleetRevision;
  "gander.v1.StateCount": StateCount;
  "gander.v1.GetPolicyNodesRequest": GetPolicyNodesRequest;
  "gander.v1.PolicyNodes": PolicyNodes;
  "gander.v1.PolicyNode": PolicyNode;
  "gander.v1.FromReplica": FromReplica;
  "gander.v1.ToReplica": ToReplica;
  "gander.v1.NodeSession": NodeSession;
  "gander.v1.ReplicaHello": ReplicaHello;
  "gander.v1.ReplicaReport": ReplicaReport;
  "gander.v1.PolicyReport": PolicyReport;
  "gander.v1.RevisionReport": RevisionReport;
  "gander.v1.NodesQuestion": NodesQuestion;
  "gander.v1.NodesAnswer": NodesAnswer;
  "gander.v1.FleetCheck": FleetCheck;
  "gander.v1.FleetReport": FleetReport;
  "gander.v1.KernelFinding": KernelFinding;
  "gander.v1.KernelNodes": KernelNodes;
};
