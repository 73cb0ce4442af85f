// SPDX-License-Identifier: Apache-2.0

/** The state of a policy's fuse on this node. */
export type FuseReport = {
  /** Such as `5 pods in 1m`. */
  readonly fuse: string;
  /** ISO 8601; empty: it is not blown. */
  readonly blownAt: string;
  /** Matches since then that would have been enforced. */
  readonly spared: bigint;
};

/** For people; empty: it is not blown. Without a count, which would change with each call. */
export function blownText(report: Pick<FuseReport, "fuse" | "blownAt"> | undefined): string {
  if (report === undefined || report.blownAt === "") return "";
  const { fuse, blownAt } = report;
  return `the fuse (${fuse}) is blown since ${blownAt}: it only monitors here until someone arms the fuse again`;
}
