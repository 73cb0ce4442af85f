// SPDX-License-Identifier: Apache-2.0
// The fields of an export line that the tests read, by the published names.

export interface ExportedProcess {
  readonly exec_id: string;
  readonly pid: number;
  readonly uid: number;
  readonly cwd?: string;
  readonly binary: string;
  readonly arguments?: string;
  readonly flags?: string;
  readonly start_time: string;
  readonly parent_exec_id?: string;
  readonly tid: number;
  readonly session?: ExportedSession;
}

export interface ExportedSession {
  readonly kind: string;
  readonly user?: string;
  readonly groups?: readonly string[];
  readonly request_uid?: string;
  readonly unannounced?: boolean;
  readonly candidates?: readonly ExportedSession[];
}

interface WithProcess {
  readonly process: ExportedProcess;
  readonly parent?: ExportedProcess;
}

export interface ExportedExit extends WithProcess {
  readonly signal?: string;
  readonly status?: number;
  readonly time: string;
}

export interface ExportedArgument {
  readonly file_arg?: { readonly path: string };
  readonly path_arg?: { readonly path: string };
  readonly int_arg?: number;
  readonly string_arg?: string;
  readonly uint_arg?: number;
  readonly size_arg?: string;
  readonly long_arg?: string;
  readonly bytes_arg?: string;
  readonly truncated_bytes_arg?: { readonly bytes_arg?: string; readonly orig_size: string };
  readonly error_arg?: { readonly Message: string };
  readonly label?: string;
  readonly linux_binprm_arg?: { readonly path: string };
  readonly skb_arg?: { readonly len: number; readonly dport: number; readonly protocol: string };
  readonly sock_arg?: {
    readonly family: string;
    readonly protocol: string;
    readonly daddr: string;
    readonly dport: number;
  };
}

export interface ExportedTracepoint extends WithProcess {
  readonly event: string;
  readonly message?: string;
  readonly args?: readonly ExportedArgument[];
}

export interface ExportedKprobe extends WithProcess {
  readonly function_name: string;
  readonly args?: readonly ExportedArgument[];
  readonly data?: readonly ExportedArgument[];
  readonly return?: ExportedArgument;
  readonly action: string;
  readonly return_action?: string;
  readonly policy_name: string;
  readonly message?: string;
  readonly tags?: readonly string[];
}

export interface ExportedUprobe extends WithProcess {
  readonly path: string;
  readonly symbol?: string;
  readonly offset?: string;
  readonly args?: readonly ExportedArgument[];
  readonly data?: readonly ExportedArgument[];
  readonly action: string;
  readonly policy_name: string;
  readonly message?: string;
  readonly tags?: readonly string[];
}

export interface ExportedUsdt extends WithProcess {
  readonly path: string;
  readonly provider: string;
  readonly name: string;
  readonly args?: readonly ExportedArgument[];
  readonly action: string;
  readonly policy_name: string;
  readonly message?: string;
  readonly tags?: readonly string[];
}

export interface ExportedLsm extends WithProcess {
  readonly function_name: string;
  readonly args?: readonly ExportedArgument[];
  readonly policy_name: string;
  readonly action?: string;
  readonly tags?: readonly string[];
  readonly ima_hash?: string;
}

export interface ExportedMapping extends WithProcess {
  readonly path?: string;
  readonly buildid?: string;
}

export interface ExportedEvent {
  readonly process_exec?: WithProcess;
  readonly process_exit?: ExportedExit;
  readonly process_kprobe?: ExportedKprobe;
  readonly process_uprobe?: ExportedUprobe;
  readonly process_usdt?: ExportedUsdt;
  readonly process_loader?: ExportedMapping;
  readonly process_tracepoint?: ExportedTracepoint;
  readonly process_lsm?: ExportedLsm;
  readonly rate_limit_info?: { readonly number_of_dropped_process_events: string };
  readonly node_name: string;
  readonly time: string;
}
