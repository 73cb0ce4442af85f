// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { redactKernelParameters, redactText } from "./redact.ts";

describe("what an archive leaves out", () => {
  it.each([
    ["http://me:word@host:4318/v1", "http://(left out)@host:4318/v1"],
    ['{"password": "a b", "user": "c"}', '{"password": (left out), "user": "c"}'],
    ["API_KEY=abc next", "API_KEY=(left out) next"],
    ["Authorization: Bearer abc.def-g", "Authorization: (left out) abc.def-g"],
    ["got eyJhbGciOi.eyJzdWIi.c2ln here", "got (left out) here"],
    ["nothing of that kind: /etc/passwd-", "nothing of that kind: /etc/passwd-"],
  ])("%s", (text, left) => expect(redactText(text)).toBe(left));

  it("values of the kernel's parameters that do not concern it", () => {
    const line = "root=UUID=1 lsm=bpf,yama luks.key=abc quiet lockdown=integrity\n";
    expect(redactKernelParameters(line)).toBe(
      "root=(left out) lsm=bpf,yama luks.key=(left out) quiet lockdown=integrity",
    );
  });
});
