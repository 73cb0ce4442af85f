// SPDX-License-Identifier: Apache-2.0
import type { CompiledPolicy, Network, TypedFilter } from "@gander/policy";

/** Something that a filter may match, and the nearest thing that it should not. */
export type Sample = { readonly matching: string; readonly near: string };

export type Samples = {
  readonly paths: readonly Sample[];
  /** `10.0.0.1:443` */
  readonly peers: readonly Sample[];
  readonly binaries: readonly Sample[];
  readonly ancestors: readonly Sample[];
  readonly args: readonly Sample[];
  /** `NAME=value` */
  readonly variables: readonly Sample[];
};

/** Of a long list the first: one value is as good as another. */
const mostValues = 2;

/** What the filters of a policy speak of. */
export function samplesOf({ hooks }: CompiledPolicy): Samples {
  const filters = hooks.flatMap(({ selectors }) =>
    selectors.flatMap((selector) => [...selector.filters] as readonly TypedFilter[]),
  );
  const each = <T>(read: (filter: TypedFilter) => readonly T[]) => filters.flatMap(read);
  return {
    paths: unique(each(pathSamples)),
    peers: unique(peersOf(each(networksOf), each(portsOf))),
    binaries: unique(each((one) => (one.on === "binary" ? binarySamples(one) : []))),
    ancestors: unique(
      each((one) =>
        one.on === "ancestor-binary" || one.on === "parent-binary" ? binarySamples(one) : [],
      ),
    ),
    args: unique(each((one) => (one.on === "exec-argument" ? textSamples(one.test) : []))),
    variables: unique(
      each((one) =>
        one.on === "exec-variable"
          ? (one.test.op === "exists" ? [{ matching: "x", near: "x" }] : textSamples(one.test)).map(
              ({ matching, near }) => ({
                matching: `${one.names[0]}=${matching}`,
                near: one.test.op === "exists" ? `X${one.names[0]}=x` : `${one.names[0]}=${near}`,
              }),
            )
          : [],
      ),
    ),
  };
}

type TextTest = { readonly op: string; readonly values: readonly string[] };

const unique = (samples: readonly Sample[]): readonly Sample[] => [
  ...new Map(samples.map((one) => [one.matching, one])).values(),
];

function textSamples({ op, values }: TextTest): readonly Sample[] {
  return values.slice(0, mostValues).map((value) => {
    const inner = value.slice(0, -1) || "x";
    if (op === "str-prefix") return { matching: `${value}x`, near: `x${value}` };
    if (op === "str-postfix") return { matching: `x${value}`, near: `${value}x` };
    return { matching: value, near: `${inner}-` };
  });
}

/** Files of a path's beginning or end, or with a name in the folders where the kernel has such files. */
function pathSamples(filter: TypedFilter): readonly Sample[] {
  if (filter.on === "any") return filter.of.flat().flatMap(pathSamples);
  if (filter.on !== "arg" || !filter.test.op.startsWith("str-")) return [];
  const { op, values } = filter.test as TextTest;
  return values.slice(0, mostValues).flatMap((value) => {
    if (value.startsWith("/")) return [pathSample(op, value), ...inFolder(op, value)];
    return ["/tmp", "/proc", "/proc/sys/kernel", "/host"].map((folder) => ({
      matching: `${folder}/${value}`,
      near: `${folder}/x-${value}`,
    }));
  });
}

function pathSample(op: string, value: string): Sample {
  const isFolder = value.endsWith("/");
  const bare = isFolder ? value.slice(0, -1) : value;
  if (op === "str-prefix")
    return { matching: isFolder ? `${value}x` : value, near: `${bare.slice(0, -1)}-/x` };
  if (op === "str-postfix") return { matching: `/home/x${value}`, near: `/home/x${bare}-` };
  return { matching: value, near: `${bare}-` };
}

/** What is made there: a path may be that of the folder. */
function inFolder(op: string, value: string): readonly Sample[] {
  if (op !== "str-prefix" || value.endsWith("/")) return [];
  return [{ matching: `${value}/x`, near: `${value.slice(0, -1)}-/x` }];
}

type BinaryFilter = { readonly match: string; readonly paths: readonly string[] };

const binarySamples = ({ match, paths }: BinaryFilter): readonly Sample[] =>
  paths.slice(0, mostValues).map((path) => {
    if (match === "postfix") return { matching: `/usr/bin${path}`, near: `/usr/bin${path}-` };
    return match === "prefix"
      ? { matching: `${path}x`, near: `/opt${path}x` }
      : { matching: path, near: `${path}-` };
  });

function networksOf(filter: TypedFilter): readonly Network[] {
  if (filter.on === "any") return filter.of.flat().flatMap(networksOf);
  if (filter.on !== "arg" || !("networks" in filter.test)) return [];
  return filter.test.networks.filter(({ family }) => family === 4).slice(0, mostValues);
}

function portsOf(filter: TypedFilter): readonly number[] {
  if (filter.on === "any") return filter.of.flat().flatMap(portsOf);
  if (filter.on !== "arg" || !["sport", "dport"].includes(filter.test.op)) return [];
  return "ranges" in filter.test ? filter.test.ranges.map(([low]) => Number(low)) : [];
}

/** Addresses for documentation: no filter means them (RFC 5737). */
const elsewhere = "198.51.100.7";

function peersOf(networks: readonly Network[], ports: readonly number[]): readonly Sample[] {
  const addresses = networks.map(({ address }) => [...Buffer.from(address, "hex")].join("."));
  const port = ports[0] ?? 443;
  return [
    ...addresses.flatMap((address) =>
      [port, port + 1].map((one) => ({
        ...{ matching: `${address}:${one}`, near: `${elsewhere}:${one}` },
      })),
    ),
    { matching: `${elsewhere}:${port}`, near: `${addresses[0] ?? elsewhere}:${port + 1}` },
  ];
}
