// SPDX-License-Identifier: Apache-2.0

/** The positions of a struct's fields, in bytes from its start; nested structs are one field. */
export type StructLayout = {
  readonly size: number;
  readonly offsets: Readonly<Record<string, number>>;
};

/** Returns the layout of a struct of bpf/records.h; throws if there is none of that name. */
export type RecordLayouts = (struct: string) => StructLayout;

/** Offsets from the start of a record, looked up once so that decoding only adds and loads. */
export type RecordOffsets = ReturnType<typeof recordOffsets>;

export function recordOffsets(layouts: RecordLayouts) {
  const at = (struct: string, field: string): number => {
    const offset = layouts(struct).offsets[field];
    if (offset === undefined) throw new Error(`struct ${struct} has no field ${field}`);
    return offset;
  };
  return {
    ...headOffsets(at),
    text: { size: at("text", "size"), flags: at("text", "flags") },
    exec: { size: layouts("record_exec").size, ...execOffsets(at) },
    cred: credentialOffsets(at),
    exit: { status: at("record_exit", "status") },
    cgroupRecord: {
      size: layouts("record_cgroup").size,
      id: at("record_cgroup", "id"),
      parentId: at("record_cgroup", "parent_id"),
      hierarchy: at("record_cgroup", "hierarchy"),
      path: at("record_cgroup", "path"),
    },
    hook: { size: layouts("record_hook").size, ...hookOffsets(at) },
    data: {
      size: layouts("record_data").size,
      rule: at("record_data", "rule"),
      argument: at("record_data", "argument"),
      offset: at("record_data", "offset"),
      bytes: at("record_data", "bytes"),
      total: at("record_data", "total"),
    },
    hash: {
      since: at("record_hash", "since"),
      result: at("record_hash", "result"),
      algorithm: at("record_hash", "algorithm"),
      digest: at("record_hash", "digest"),
    },
    arg: {
      header: layouts("arg").size,
      type: at("arg", "type"),
      flags: at("arg", "flags"),
      size: at("arg", "size"),
      extra: at("arg", "extra"),
    },
    sock: sockOffsets(at),
  };
}

type OffsetOf = (struct: string, field: string) => number;

/** The start of all records. */
function headOffsets(at: OffsetOf) {
  const key = { start: at("process_key", "start"), pid: at("process_key", "pid") };
  return {
    type: at("record", "type"),
    flags: at("record", "flags"),
    size: at("record", "size"),
    time: at("record", "time"),
    cgroup: at("record", "cgroup"),
    processStart: at("record", "process") + key.start,
    processPid: at("record", "process") + key.pid,
    parentStart: at("record", "parent") + key.start,
    parentPid: at("record", "parent") + key.pid,
    tid: at("record", "tid"),
    uid: at("record", "uid"),
  };
}

function execOffsets(at: OffsetOf) {
  const exec = (field: string) => at("record_exec", field);
  const key = { start: at("process_key", "start"), pid: at("process_key", "pid") };
  return {
    previousStart: exec("previous") + key.start,
    previousPid: exec("previous") + key.pid,
    nsPid: exec("ns_pid"),
    namespaces: exec("privileges") + at("privileges", "namespaces"),
    flags: exec("flags"),
    inode: exec("inode"),
    links: exec("links"),
    mode: exec("mode"),
    argumentsSize: exec("arguments_size"),
    // In the order in which the texts follow the struct.
    path: exec("path"),
    filename: exec("filename"),
    cwd: exec("cwd"),
    arguments: exec("arguments"),
    interp: exec("interp"),
  };
}

/** Part of an exec record. */
function credentialOffsets(at: OffsetOf) {
  const start = at("record_exec", "privileges") + at("privileges", "cred");
  const cred = (field: string) => start + at("credentials", field);
  return {
    uid: cred("uid"),
    gid: cred("gid"),
    euid: cred("euid"),
    egid: cred("egid"),
    suid: cred("suid"),
    sgid: cred("sgid"),
    fsuid: cred("fsuid"),
    fsgid: cred("fsgid"),
    securebits: cred("securebits"),
    auid: cred("auid"),
    permitted: cred("permitted"),
    effective: cred("effective"),
    inheritable: cred("inheritable"),
    userNsLevel: cred("user_ns_level"),
    userNsOwner: cred("user_ns_owner"),
    userNsGroup: cred("user_ns_group"),
  };
}

function hookOffsets(at: OffsetOf) {
  const hook = (field: string) => at("record_hook", field);
  return {
    rule: hook("rule"),
    selector: hook("selector"),
    nargs: hook("nargs"),
    signal: hook("signal"),
    actions: hook("actions"),
    done: hook("done"),
    error: hook("error"),
    kernelStack: hook("kernel_stack"),
    userStack: hook("user_stack"),
  };
}

function sockOffsets(at: OffsetOf) {
  return {
    family: at("sock_value", "family"),
    type: at("sock_value", "type"),
    protocol: at("sock_value", "protocol"),
    state: at("sock_value", "state"),
    mark: at("sock_value", "mark"),
    priority: at("sock_value", "priority"),
    sport: at("sock_value", "sport"),
    dport: at("sock_value", "dport"),
    hasAddr: at("sock_value", "has_addr"),
    cookie: at("sock_value", "cookie"),
    saddr: at("sock_value", "saddr"),
    daddr: at("sock_value", "daddr"),
  };
}
