// SPDX-License-Identifier: Apache-2.0
import { measureHookCost, type Scenario } from "../hook-cost.ts";
import { type Phase, scaledExtent } from "../phase.ts";
import { connectPolicy, variants } from "../policy-texts.ts";

/** The added cost of an allowed connection, and of an unrelated message. */
export const connect: Phase = {
  name: "connect",
  title: "instructions added to connect and send by policies on tcp_connect that let them pass",
  measure: (options) =>
    measureHookCost(
      {
        extents: {
          "connect-udp": scaledExtent(options, { batches: 41, size: 50 }),
          "connect-tcp": scaledExtent(options, { batches: 21, size: 20 }),
          send: scaledExtent(options, { batches: 41, size: 50 }),
        },
        empty: [{ kind: "lsm", target: "socket_connect", calls: ["connect-udp", "connect-tcp"] }],
        scenarios: [1, 10, 100].flatMap(allowed),
      },
      options,
    ),
};

function allowed(count: number): Scenario[] {
  const policies = count === 1 ? "1 policy" : `${count} policies`;
  return [
    {
      id: `connect.observed.${count}`,
      what: `${policies} that observe, filtered out by the address`,
      policies: variants(connectPolicy("Post"), count),
      attached: /^fentry program on tcp_connect$/,
      calls: ["connect-tcp"],
    },
    {
      id: `connect.enforced.${count}`,
      what: `${policies} that enforce, allowed by the address`,
      policies: variants(connectPolicy("Sigkill"), count),
      attached: /LSM program on socket_connect, LSM program on socket_sendmsg/,
      calls: ["connect-tcp", "connect-udp", "send"],
    },
  ];
}
