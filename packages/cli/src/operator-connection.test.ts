// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { describeOperator, operatorReport } from "./operator-connection.ts";

const connection = {
  address: "gander-operator:8443",
  connected: true,
  peer: "10.0.0.5:8443",
  since: { seconds: "1763651234" },
  epoch: "1763651235000",
  source: "operator",
  policies: 3,
  pods: 12,
};

describe("the operator in gander status", () => {
  it.each([
    [
      "connected",
      connection,
      [
        "operator: connected to 10.0.0.5:8443 (gander-operator:8443) since 2025-11-20T15:07:14.000Z",
        "from the cluster: 3 policies, 12 pods, version 1763651235000",
      ],
    ],
    [
      "away",
      {
        ...connection,
        ...{ connected: false, peer: "", source: "disk", exceptions: 1 },
        ...{ last_error: "UNAVAILABLE: \u001b[31mno", store_problem: "ENOSPC: no space" },
      },
      [
        'operator: not connected to gander-operator:8443 since 2025-11-20T15:07:14.000Z: "UNAVAILABLE: \\x1b[31mno"',
        "from the cluster: 3 policies, 1 not or not wholly in force, 12 pods, version 1763651235000, as it was stored before this start",
        'from the cluster: not on disk, a restart would not find it: "ENOSPC: no space"',
      ],
    ],
    [
      "never seen",
      { address: "x:1", since: { seconds: "0" } },
      [
        "operator: not connected to x:1 since 1970-01-01T00:00:00.000Z",
        "from the cluster: nothing yet",
      ],
    ],
  ])("%s", (_, given, lines) => {
    expect(describeOperator(operatorReport(given))).toEqual(lines);
  });
});
