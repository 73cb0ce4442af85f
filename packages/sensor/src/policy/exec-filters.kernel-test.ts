// SPDX-License-Identifier: Apache-2.0
// matchExecArgs and matchExecEnv: a program with such arguments or variables does not run, in whatever way it is
// started, and any other does.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, writeFileSync } from "node:fs";
import { after, test } from "node:test";
import { addPolicy, policyText, startGuestSensor, stateOf } from "../../test/guest-sensor.ts";

const { policies, ...sensor } = await startGuestSensor({ name: "gander-exec" });
after(() => sensor[Symbol.asyncDispose]());

// On a file system that is no network's, and with a name of its own.
const program = "/tmp/execs";
copyFileSync("/gander/bpf/build/test/execs", program);
chmodSync(program, 0o755);
const guarded = "/tmp/guarded";
copyFileSync(program, guarded);

const ran = 42;
const denied = 13; // EACCES

type Outcome = { readonly status: number | string; readonly output: string };

/** How `guarded` ends, started by `how` with these arguments besides its name. */
function start(how: string, ...args: readonly string[]): Outcome {
  return outcome(program, [how, guarded, guarded, ...args]);
}

function outcome(file: string, args: readonly string[]): Outcome {
  const { status, signal, stdout, error } = spawnSync(file, args, { encoding: "utf8" });
  if (error) throw error;
  return { status: status ?? signal ?? "", output: stdout.trim() };
}

const statusOf = (...args: Parameters<typeof start>) => start(...args).status;

/** The policy denies `guarded` where this filter holds; entries of it as in JSON. */
function denying(name: string, filter: string, before = ""): string {
  return policyText(
    name,
    `
lsmhooks:
- hook: bprm_check_security
  args: [{ index: 0, type: linux_binprm }]
  selectors:${before}
  - matchArgs: [{ index: 0, operator: Equal, values: [${guarded}] }]
    ${filter}
    matchActions: [{ action: Override, argError: -13 }]`,
  );
}

const args = (filter: object) => `matchExecArgs: [${JSON.stringify(filter)}]`;
const env = (filter: object) => `matchExecEnv: [${JSON.stringify(filter)}]`;

/** While a policy with this filter is in force. */
async function under(policy: string, act: () => unknown): Promise<void> {
  await addPolicy(policies, policy);
  await act();
  await policies.remove({ name: "p", namespace: "", origin: "static" });
}

const unknown = () => {
  const { unknownMemory, unknownName } = stateOf(policies, "p").counters;
  return Number(unknownMemory + unknownName);
};

test("operators, at a position and anywhere", async () => {
  const cases: [filter: object, deniesE: boolean, deniesOther: boolean][] = [
    [{ index: 2, operator: "Equal", values: ["-x", "-e"] }, true, false],
    [{ index: 2, operator: "NotEqual", values: ["-e"] }, false, true],
    [{ index: 3, operator: "Equal", values: ["-e"] }, false, false],
    [{ index: 9, operator: "NotEqual", values: ["-e"] }, false, false],
    [{ operator: "Equal", values: ["-e"] }, true, false],
    [{ operator: "NotEqual", values: ["-e"] }, false, true],
    [{ operator: "Prefix", values: ["--long", "/bin/"] }, true, false],
    [{ operator: "NotPrefix", values: ["--long", "/bin/"] }, false, true],
    [{ index: 3, operator: "Prefix", values: ["/bin/"] }, true, false],
    [{ operator: "Postfix", values: ["/sh"] }, true, false],
    [{ operator: "NotPostfix", values: ["/sh", "/bash"] }, false, true],
    [{ operator: "SubString", values: ["in/s"] }, true, false],
    [{ operator: "SubStringIgnCase", values: ["IN/S"] }, true, false],
    [{ index: 0, operator: "Postfix", values: ["/guarded"] }, true, true],
  ];
  for (const [filter, deniesE, deniesOther] of cases)
    await under(denying("p", args(filter)), () => {
      const got = [
        statusOf("plain", "ran", "-e", "/bin/sh"),
        statusOf("plain", "ran", "-f", "/etc"),
      ];
      const expected = [deniesE, deniesOther].map((denies) => (denies ? denied : ran));
      assert.deepEqual(got, expected, JSON.stringify(filter));
      assert.equal(unknown(), 0);
    });
});

const evil = args({ operator: "Equal", values: ["evil"] });

test("in whatever way it is started", () =>
  under(denying("p", evil), () => {
    for (const how of ["plain", "thread", "vfork", "descriptor"]) {
      assert.equal(statusOf(how, "ran", "evil"), denied, how);
      assert.deepEqual(start(how, "ran", "good"), { status: ran, output: "ran" }, how);
    }
    // The one that is denied is not another program.
    assert.equal(outcome(program, ["ran", "evil"]).status, ran);
  }));

test("without any argument: the kernel adds an empty one", async () => {
  const first = { index: 0, operator: "Equal", values: [""] };
  await under(denying("p", args(first)), () => assert.equal(statusOf("empty"), denied));
  const second = { index: 1, operator: "NotEqual", values: ["a"] };
  await under(denying("p", args(second)), () => assert.equal(statusOf("empty"), 43));
});

test("bytes that are no UTF-8", async () => {
  const ends = { index: 2, operator: "Postfix", values: ["-e"] };
  await under(denying("p", args(ends)), () => assert.equal(statusOf("bytes", "ran", "-"), denied));
  const begins = { index: 2, operator: "Prefix", values: ["-e"] };
  await under(denying("p", args(begins)), () => assert.equal(statusOf("bytes", "ran", "-"), ran));
});

test("texts that cross pages", () =>
  under(denying("p", args({ operator: "Equal", values: ["evil"] })), () => {
    for (let size = 4000; size < 4110; size += 5) {
      const filler = "f".repeat(size);
      assert.equal(statusOf("plain", "ran", filler, "evil"), denied, `${size}`);
      assert.equal(statusOf("plain", "ran", filler, "evi"), ran, `${size}`);
    }
    assert.equal(unknown(), 0);
  }));

test("an argument of 128 KiB", async () => {
  const most = 131_071;
  await under(denying("p", args({ operator: "SubString", values: ["stratum+tcp"] })), () => {
    for (const size of [4090, 4096, 4100, 8000, most]) {
      assert.equal(statusOf(`long-${size}`, "ran", "stratum+tcp"), denied, `${size}`);
      assert.equal(statusOf(`long-${size}`, "ran", "stratum+tcp", "-"), denied, `${size}`);
      assert.equal(statusOf(`long-${size}`, "ran", "stratum-tcp", "-"), ran, `${size}`);
    }
    assert.equal(unknown(), 0);
  });
  await under(denying("p", args({ operator: "Postfix", values: ["evil"] })), () => {
    assert.equal(statusOf(`long-${most}`, "ran", "evil"), denied);
    assert.equal(statusOf(`long-${most}`, "ran", "evi_"), ran);
  });
});

test("behind 40,000 arguments it is found, behind 100,000 it is not known", async () => {
  await under(denying("p", evil), () => {
    assert.equal(statusOf("many-40000", "ran", "evil"), denied);
    assert.equal(statusOf("many-40000", "ran", "good"), ran);
    assert.equal(unknown(), 0);
    assert.equal(statusOf("many-100000", "ran", "evil"), denied);
    assert.equal(statusOf("many-100000", "ran", "good"), denied);
    assert.equal(unknown(), 2);
  });
  const exception = `\n  - ${args({ operator: "Equal", values: ["--safe"] })}\n    matchActions: [{ action: NoPost }]`;
  await under(denying("p", "", exception), () => {
    assert.equal(statusOf("many-40000", "ran", "--safe"), ran);
    assert.equal(statusOf("many-100000", "ran", "--safe"), denied);
    assert.equal(statusOf("many-100000", "ran", "good"), denied);
  });
});

test("the texts are read once for all policies", async () => {
  const words = Array.from({ length: 12 }, (_, i) => `evil-${i}`);
  const filters = words.map((word, i) =>
    i % 3 === 2
      ? env({ names: [`NAME_${i}`], operator: "Equal", values: [word] })
      : args({ operator: i % 3 ? "Postfix" : "Equal", values: [word] }),
  );
  for (const [i, filter] of filters.entries()) await addPolicy(policies, denying(`p${i}`, filter));
  // Another policy that asks the same as the first.
  await addPolicy(policies, denying("same", filters[0] ?? ""));
  const missing = () =>
    words.reduce((sum, _, i) => sum + stateOf(policies, `p${i}`).counters.unknownMemory, 0n);
  for (const [i, word] of words.entries()) {
    const isVariable = i % 3 === 2;
    const [name, other] = isVariable ? [`NAME_${i}=`, "NAME_=x"] : ["", "x"];
    const how = isVariable ? "variables" : "many-40000";
    assert.equal(statusOf(how, "ran", `${name}${word}`), denied, word);
    assert.equal(statusOf(how, "ran", other, `${name}${word}-`), ran, word);
  }
  assert.equal(statusOf("plain", "ran", "evil-2", "evil-5"), ran);
  assert.equal(missing(), 0n);
  assert.equal(statusOf("many-100000", "ran", "good"), denied);
  assert.ok(missing() > 0n);
  for (const name of [...words.keys().map((i) => `p${i}`), "same"])
    await policies.remove({ name, namespace: "", origin: "static" });
});

test("a script's interpreter gets the script's name, and then its arguments", async () => {
  const script = "/tmp/a-script";
  writeFileSync(script, `#!${guarded} ran\n`, { mode: 0o755 });
  const run = (...rest: readonly string[]) => outcome(program, ["plain", script, "name", ...rest]);
  const at = (index: number, value: string) =>
    denying("p", args({ index, operator: "Equal", values: [value] }));
  await under(at(2, script), () => assert.equal(run("evil").status, denied));
  await under(at(3, "evil"), () => {
    assert.equal(run("evil").status, denied);
    assert.deepEqual(run("good", "evil"), { status: ran, output: "ran" });
  });
  // The name that the caller gave is gone.
  await under(at(0, "name"), () => assert.equal(run("evil").status, ran));
});

test("no thread can change an argument between the check and the program", () =>
  under(denying("p", evil), () => {
    const ends = Array.from({ length: 120 }, () => start("changing", "show"));
    assert.deepEqual(
      ends.filter(({ output }) => output === "evil"),
      [],
    );
    assert.ok(ends.some(({ status }) => status === denied));
    assert.ok(ends.some(({ output }) => output === "good"));
  }));

test("a kill comes before the program's first instruction", async () => {
  for (const call of [
    "security_bprm_check",
    "security_bprm_creds_for_exec",
    "security_bprm_creds_from_file",
    "security_bprm_committing_creds",
    "security_bprm_committed_creds",
  ]) {
    const killing = policyText(
      "p",
      `
kprobes:
- call: ${call}
  syscall: false
  selectors:
  - ${args({ operator: "Equal", values: ["only-here"] })}
    matchActions: [{ action: Sigkill }]`,
    );
    await under(killing, () => {
      assert.deepEqual(start("plain", "ran", "only-here"), { status: "SIGKILL", output: "" }, call);
      assert.deepEqual(start("plain", "ran", "here"), { status: ran, output: "ran" }, call);
    });
  }
});

test("variables, by name and value", async () => {
  const preload = (operator: string, ...values: readonly string[]) =>
    denying(
      "p",
      env({ names: ["LD_AUDIT", "LD_PRELOAD"], operator, ...(values[0] && { values }) }),
    );
  const withVariables = (...variables: readonly string[]) =>
    statusOf("variables", "ran", ...variables);
  const [odd, usual] = ["LD_PRELOAD=/tmp/x.so", "LD_PRELOAD=/opt/agent/a.so"] as const;
  await under(preload("Exists"), () => {
    assert.equal(withVariables("A=b", odd), denied);
    assert.equal(withVariables("A=b", "XLD_PRELOAD=/tmp/", "LD_PRELOADS=/tmp/"), ran);
    assert.equal(withVariables("LD_AUDIT="), denied);
    // An argument is no variable.
    assert.equal(statusOf("plain", "ran", odd), ran);
  });
  await under(preload("DoesNotExist"), () => {
    assert.equal(withVariables(odd), ran);
    assert.equal(withVariables("A=b"), denied);
  });
  await under(preload("NotPrefix", "/opt/agent/"), () => {
    assert.equal(withVariables(odd), denied);
    assert.equal(withVariables(usual), ran);
    assert.equal(withVariables("A=b"), ran);
    assert.equal(unknown(), 0);
    // Which of the two counts depends on the program.
    assert.equal(withVariables(usual, odd), denied);
    assert.equal(withVariables(odd, usual), denied);
    assert.equal(unknown(), 2);
  });
  await under(preload("SubString", "/tmp/"), () => {
    assert.equal(withVariables(`${usual}:/tmp/x.so`), denied);
    assert.equal(withVariables(`LD_PRELOAD=${"/opt/a.so:".repeat(1000)}/tmp/x.so`), denied);
    assert.equal(withVariables(`LD_PRELOAD=${"/opt/a.so:".repeat(1000)}`), ran);
  });
  const exception = `\n  - ${env({ names: ["LD_PRELOAD"], operator: "Prefix", values: ["/opt/agent/"] })}\n    matchActions: [{ action: NoPost }]`;
  await under(denying("p", "", exception), () => {
    assert.equal(withVariables(usual), ran);
    assert.equal(withVariables(odd, usual), denied);
    assert.equal(withVariables(usual, odd), denied);
  });
});
