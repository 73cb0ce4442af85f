// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { checkPolicyFile, useSets } from "@gander/policy";
import { readLibrary } from "@gander/policy-test/library";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCli } from "../cli.ts";

const library = readLibrary();

async function run(words: string, stdin = "") {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const outputs = Promise.all([text(stdout), text(stderr)]);
  const status = await runCli(["policy", "library", ...words.split(" ")], {
    ...{ stdin: Readable.from([stdin]), stdout, stderr, env: {} },
    signal: new AbortController().signal,
  });
  stdout.end();
  stderr.end();
  const [out, err] = await outputs;
  return { status, out, err };
}

describe("gander policy library list", () => {
  it("has every policy, and fewer with filters", async () => {
    const all = await run("list");
    expect(all.out.trim().split("\n")).toHaveLength(library.length + 1);
    const some = JSON.parse((await run("list --level guard --pack network -o json")).out);
    expect(some).toMatchObject([{ name: "mining", level: "guard", techniques: ["T1496"] }]);
  });

  it("names a pack that was probably meant", async () => {
    const { status, err } = await run("list --pack netwrk");
    expect(status).toBe(1);
    expect(err).toContain("Did you mean network?");
  });
});

describe("gander policy library show", () => {
  it("says all of each policy", async () => {
    const { out } = await run(`show ${library.map(({ name }) => name).join(" ")}`);
    expect(out).not.toMatch(/undefined|\[object|NaN/);
    for (const { name, cases } of library) {
      expect(out).toContain(`${name}: pack `);
      expect(out).toContain(cases[0]?.name);
    }
  });

  it("has the costs as JSON", async () => {
    const [policy] = JSON.parse((await run("show io-uring -o json")).out);
    expect(policy.costs[0].filtered).toBeGreaterThan(100);
  });
});

describe("gander policy library export", () => {
  it("writes policies with the sets that they name, and no others", async () => {
    const { out } = await run("export cloud-metadata io-uring");
    expect(out.match(/^kind: .*/gm)).toEqual([
      "kind: TracingPolicy",
      "kind: GuardPolicy",
      "kind: ValueSet",
    ]);
  });

  it("writes every policy in mode monitor", async () => {
    const { out } = await run("export --mode monitor guard strict observe");
    const sets = "kubernetes/api-server kubernetes/nodes"
      .split(" ")
      .map((name) => ({ name, values: ["10.0.0.1"], file: "", places: [] }));
    const { value, problems } = checkPolicyFile(out, { file: "all" });
    expect(problems).toBeUndefined();
    const known = new Map([...(value?.sets ?? []), ...sets].map((set) => [set.name, set]));
    const modes = value?.policies.map((one) => useSets(one, known).value?.compiled.mode);
    expect(modes).toHaveLength(library.length);
    for (const mode of modes ?? []) expect(mode).toMatch(/^monitor/);
  });
});

describe("gander policy library diff", () => {
  let folder = "";
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "gander-library-"));
    await run(`export guard strict --to ${folder} --kustomization`);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const changed = (name: string, change: (text: string) => string) => {
    const { pack } = library.find((one) => one.name === name) ?? { pack: "" };
    return change(readFileSync(join(folder, pack, `${name}.yaml`), "utf8"));
  };

  it("finds no difference in what was exported, whatever its mode", async () => {
    const { status, out } = await run(`diff --want guard ${folder}`);
    expect({ status, out }).toMatchObject({ status: 0 });
    const monitored = await run("export guard --mode monitor");
    expect(await run("diff -", monitored.out)).toMatchObject({
      status: 0,
      out: expect.stringContaining("in mode monitor"),
    });
  });

  it("says what differs in sentences and lines", async () => {
    const copy = changed("raw-sockets", (text) =>
      text.replace('["17"]', '["18"]').replace("level: strict", "level: guard"),
    );
    const { status, out } = await run("diff -", copy);
    expect(status).toBe(1);
    expect(out).toContain("level: guard; in the library strict");
    expect(out).toMatch(/Only in the copy: .*is 18, the call is denied/);
    expect(out).toMatch(/Only in the library: .*is 17, the call is denied/);
    expect(out).toMatch(/^-\s+- "18"\n\+\s+- "17"$/m);
  });

  it("leaves out what tools write, and policies of others", async () => {
    const copy = changed("mining", (text) =>
      text.replace("  labels:\n", "  labels:\n    app.kubernetes.io/managed-by: Helm\n"),
    );
    expect(await run("diff -", copy)).toMatchObject({ status: 0 });
    const other = copy.replace(/gander.dev\/pack: .*/, "team: a");
    expect(await run("diff -", other)).toMatchObject({
      status: 0,
      out: "No policy of the library's packs\n",
    });
  });

  it("names what is missing, and what the library no longer has", async () => {
    const gone = changed("mining", (text) => text.replace("name: mining", "name: quarrying"));
    const { status, out } = await run("diff --want mining -", gone);
    expect(status).toBe(1);
    expect(out).toContain("quarrying (standard input): this version of the library does not have");
    expect(out).toContain("mining: there is no copy");
  });

  it("says that a copy is refused", async () => {
    const copy = changed("mining", (text) => text.replace("Postfix", "Postfixes"));
    const { out } = await run("diff -", copy);
    expect(out).toContain("This version refuses the copy:");
  });

  it("needs files or a cluster", async () => {
    expect(await run("diff --want guard")).toMatchObject({ status: 1 });
    writeFileSync(join(folder, "broken.yaml"), "a: [");
    expect((await run(`diff ${folder}`)).err).toContain("broken.yaml");
  });
});
