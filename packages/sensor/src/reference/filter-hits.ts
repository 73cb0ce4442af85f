// SPDX-License-Identifier: Apache-2.0
import { type ArgTest, hasForm, type Network, type TestOf, type TypedFilter } from "@gander/policy";
import type { PlainFilter } from "../link/alternatives.ts";
import type { FileIdentity } from "../link/file-identity.ts";
import { type Call, file, number, raw, type Socket, socket, text, type Value } from "./call.ts";

/** Whether one of the filter's values is what the call has; negation is not its concern. */
export function hits(filter: PlainFilter, call: Call): boolean {
  switch (filter.on) {
    case "arg":
      return argHits(filter, call);
    case "pid":
      if (filter.followForks)
        return (
          (filter.pids.includes(0) && call.ancestors.zero) ||
          (filter.pids.includes(1) && call.ancestors.first)
        );
      return filter.pids.includes(filter.inNamespace ? call.nsPid : call.pid);
    case "exec-argument":
    case "exec-variable": {
      const { test } = filter;
      return execTexts(filter, call.exec).some(
        (value) => test.op === "exists" || testHolds(test, value),
      );
    }
    case "binary": {
      const { match } = filter;
      if (match === "file")
        return filter.paths.some((path) => isSameFile(call.hostFiles.get(path), call.file));
      return filter.paths.some((path) => textMatches(match, call.binary, path));
    }
    case "parent-binary":
      return filter.paths.some((path) => textMatches(filter.match, call.parent, path));
    case "ancestor-binary":
      return call.ancestorBinaries.some((binary) =>
        filter.paths.some((path) => textMatches(filter.match, binary, path)),
      );
    case "workloads":
      return call.belongs?.(filter.workloads) === "within";
    case "marked":
      return call.mark?.error === filter.error && call.mark.signal === filter.signal;
    case "namespace-change":
      return filter.namespaces.some(
        (name) => call.namespaces[name] !== call.before.namespaces[name],
      );
    case "capability-change": {
      const [now, then] = [call.capabilities[filter.set], call.before.capabilities[filter.set]];
      const changed = (bit: number) => ((now >> BigInt(bit)) & 1n) !== ((then >> BigInt(bit)) & 1n);
      return filter.negate
        ? now !== then && !filter.capabilities.some(changed)
        : filter.capabilities.some(changed);
    }
    case "process":
      return inRanges(
        filter.property === "InInitTree"
          ? Number(call.ancestors.first)
          : call.properties[filter.property],
        filter.ranges,
      );
    case "namespace": {
      const { namespace } = filter;
      const ids = filter.ids.map((id) =>
        id === "host" ? call.hostNamespaces[namespace] : BigInt(id),
      );
      return ids.includes(call.namespaces[namespace]);
    }
    case "capability": {
      const held = call.capabilities[filter.set];
      return filter.capabilities.some((bit) => ((held >> BigInt(bit)) & 1n) === 1n);
    }
  }
}

function argHits(filter: Extract<PlainFilter, { on: "arg" }>, call: Call): boolean {
  const value = filter.arg === "return" ? call.returned : call.args[filter.arg];
  if (value === undefined) throw new RangeError("no such argument");
  const { test } = filter;
  if (test.op === "gained") return gains(call.args[test.before], value, test.values[0]);
  if (hasForm(test, "pairs")) {
    const other = number(call.args[test.other]) * (test.op === "sum" ? 1n : -1n);
    const made = number(value) + other;
    return test.ranges.some(([low, high]) => made >= low && made <= high);
  }
  return testHolds(test, value);
}

const inRanges = (value: number | undefined, ranges: readonly (readonly [number, number])[]) =>
  value !== undefined && ranges.some(([low, high]) => value >= low && value <= high);

export type ExecFilter = Extract<TypedFilter, { on: "exec-argument" | "exec-variable" }>;

export function execTexts(filter: ExecFilter, { args, env }: Call["exec"]): readonly string[] {
  if (filter.on === "exec-variable")
    return env.flatMap((text) =>
      filter.names
        .filter((name) => text.startsWith(`${name}=`))
        .map((name) => text.slice(name.length + 1)),
    );
  return filter.index === undefined ? args : args.slice(filter.index, filter.index + 1);
}

/** Bits that only the second number has. */
export const gains = (before: Value | undefined, after: Value | undefined, mask = 0n) =>
  (raw(after) & ~raw(before) & mask) !== 0n;

export function testHolds(
  test: Exclude<ArgTest, { op: "gained" } | TestOf<"pairs">>,
  value: Value,
): boolean {
  switch (test.op) {
    case "equal":
    case "in-set":
      return test.values.some((one) => one === value);
    case "greater":
      return test.values.some((one) => number(value) > one);
    case "less":
      return test.values.some((one) => number(value) < one);
    case "mask":
      return test.values.some((one) => (number(value) & one) !== 0n);
    case "range":
      return test.ranges.some(([low, high]) => number(value) >= low && number(value) <= high);
    case "str-equal":
    case "str-prefix":
    case "str-postfix": {
      const match =
        test.op === "str-equal" ? "equal" : test.op === "str-prefix" ? "prefix" : "postfix";
      return test.values.some((one) => textMatches(match, text(value), one));
    }
    case "str-contains":
      return test.values.some((one) => text(value).includes(one));
    case "str-contains-any-case":
      return test.values.some((one) => text(value).toLowerCase().includes(one));
    case "saddr":
    case "daddr": {
      const { op } = test;
      return test.networks.some((network) => inNetwork(network, socket(value), op));
    }
    case "sport":
    case "dport": {
      const port = socket(value)[test.op];
      return test.ranges.some(([low, high]) => port >= low && port <= high);
    }
    case "protocol":
    case "family":
    case "state":
      return test.values.includes(socket(value)[test.op]);
    case "file-type":
      return test.values.includes(file(value).fileType);
    case "origin":
      return test.values.includes(file(value).origin);
    default:
      throw new RangeError("the reference doesn't know this test");
  }
}

export function isSameFile(a: FileIdentity | undefined, b: FileIdentity): boolean {
  return a?.inode === b.inode && a.device === b.device && a.generation === b.generation;
}

export function textMatches(
  match: "equal" | "prefix" | "postfix",
  value: string,
  wanted: string,
): boolean {
  if (match === "equal") return value === wanted;
  return match === "prefix" ? value.startsWith(wanted) : value.endsWith(wanted);
}

export function inNetwork(network: Network, socket: Socket, side: "saddr" | "daddr"): boolean {
  const bits = (hex: string) =>
    [...hex].map((digit) => Number.parseInt(digit, 16).toString(2).padStart(4, "0")).join("");
  const { prefixLength } = network;
  return (
    network.family === socket.addressFamily &&
    bits(network.address).slice(0, prefixLength) === bits(socket[side]).slice(0, prefixLength)
  );
}
