// SPDX-License-Identifier: Apache-2.0
import { execFile, execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { runCli } from "./cli.ts";
import { COMMANDS } from "./commands.ts";

const NO_SENSOR = "/nowhere/gander.sock";

async function gander(line: string, stdin = "", env: Record<string, string> = {}) {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const outputs = Promise.all([text(stdout), text(stderr)]);
  const status = await runCli(line === "" ? [] : line.split(" "), {
    stdin: Readable.from([stdin]),
    stdout,
    stderr,
    env,
    signal: new AbortController().signal,
  });
  stdout.end();
  stderr.end();
  const [out, err] = await outputs;
  return { status, out, err };
}

const EXEC = '{"process_exec":{"process":{"binary":"/bin/ls","pid":7}},"node_name":"n"}';
const EXIT = '{"process_exit":{"process":{"binary":"/bin/sh"},"signal":"SIGKILL"},"node_name":"n"}';

describe("command line", () => {
  it.each([
    ["", 2, "", /^Gander watches[\s\S]*Usage: gander COMMAND/],
    ["--help", 0, /^Gander watches[\s\S]*policy check/, ""],
    ["help", 0, /Usage: gander COMMAND/, ""],
    ["help events", 0, /Usage: gander events[\s\S]*--cel-expression/, ""],
    ["events --help", 0, /-o, --output json\|compact/, ""],
    ["run -h", 0, /--policies DIR[\s\S]*--export-filename/, ""],
    ["policy", 2, "", /Usage: gander policy COMMAND/],
    ["tp --help", 0, /Usage: gander policy COMMAND/, ""],
    ["--version", 0, /^gander \d+\.\d+\.\d+\n$/, ""],
    ["polcy", 2, "", /there is no command polcy\n {2}Did you mean "gander policy"\?/],
    ["policy chek", 2, "", /Did you mean "gander policy check"\?/],
    ["events --colour always", 2, "", /there is no option "colour"[\s\S]*Did you mean "color"\?/],
    ["events -o xml --timeout soon", 2, "", /"xml" is none of[\s\S]*"soon" is not a duration/],
    ["run --export-file-perm rw", 2, "", /is not an octal mode/],
    ["run somewhere", 2, "", /Unexpected argument "somewhere"/],
    ["policy set-mode x", 2, "", /which mode\?/],
    ["completion fish", 2, "", /bash and zsh/],
  ])("gander %s", async (line, status, out, err) => {
    const result = await gander(line);
    expect(result.out).toMatch(out === "" ? /^$/ : out);
    expect(result.err).toMatch(err === "" ? /^$/ : err);
    expect(result.status).toBe(status);
  });

  it.each(COMMANDS.map(({ words }) => words.join(" ")))("gander %s has help", async (words) => {
    const { status, out } = await gander(`${words} --help`);
    expect(status).toBe(0);
    expect(out).toContain(`Usage: gander ${words}`);
  });

  it.each(["status", "policy list", "policy delete x", "policy set-mode x monitor"])(
    "gander %s says what to do where no sensor runs",
    async (words) => {
      const { status, err } = await gander(`${words} --server-address ${NO_SENSOR}`);
      expect(status).toBe(1);
      expect(err).toBe(
        `gander: Cannot reach the sensor at ${NO_SENSOR}: there is no such socket\n` +
          "  Is the sensor running? Start it with: sudo gander run --policies DIR\n",
      );
    },
  );

  it("gander status says why the last start failed, and nothing that a terminal acts on", async () => {
    const folder = mkdtempSync(join(tmpdir(), "gander-cli-"));
    const problem =
      "BTF is missing: use another kernel.\ntracefs \u001b[31mis missing: mount it.\n";
    writeFileSync(join(folder, "gander.sock.problem"), problem);
    const { status, err } = await gander(`status --server-address ${folder}/gander.sock`);
    rmSync(folder, { recursive: true });
    expect(status).toBe(1);
    expect(err.split("\n").slice(0, 3)).toEqual([
      `gander: Cannot reach the sensor at ${folder}/gander.sock: there is no such socket, because the sensor could not start:`,
      "  BTF is missing: use another kernel.",
      "  tracefs \\x1b[31mis missing: mount it.",
    ]);
  });

  it("takes the address from the environment", async () => {
    const { err } = await gander("status", "", { GANDER_SERVER_ADDRESS: "unix:///nowhere/other" });
    expect(err).toContain("/nowhere/other");
  });

  it("tells in JSON, too, that no sensor is there", async () => {
    const { status, out } = await gander(`status -o json --server-address ${NO_SENSOR}`);
    expect(status).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      ready: false,
      details: expect.stringContaining("there is no such socket"),
    });
  });

  it("waits for a sensor no longer than it is told", async () => {
    const start = performance.now();
    const { status } = await gander(`status --wait 500ms --server-address ${NO_SENSOR}`);
    expect(status).toBe(1);
    expect(performance.now() - start).toBeGreaterThan(450);
    expect(performance.now() - start).toBeLessThan(3000);
  });
});

describe("events from a pipe", () => {
  it.each([
    ["events -o compact", "🚀 process n /bin/ls\n💥 exit    n /bin/sh SIGKILL\n"],
    ["getevents -o compact -e PROCESS_EXIT", "💥 exit    n /bin/sh SIGKILL\n"],
    ["events --process ls$", `${EXEC}\n`],
    ["events --process (?i)LS$", `${EXEC}\n`],
    ['events --cel-expression process_exec.process.binary.endsWith("/ls")', `${EXEC}\n`],
    [
      "events -f signal",
      '{"process_exec":{},"node_name":"n"}\n{"process_exit":{"signal":"SIGKILL"},"node_name":"n"}\n',
    ],
    ["events -F process -e PROCESS_EXEC", '{"process_exec":{},"node_name":"n"}\n'],
    [
      "events -o compact --color always -e PROCESS_EXEC",
      "\u001b[36m🚀 process\u001b[0m \u001b[2mn\u001b[0m \u001b[1m/bin/ls\u001b[0m\n",
    ],
  ])("gander %s", async (line, out) => {
    expect(await gander(line, `${EXEC}\n\n${EXIT}\n`)).toEqual({ status: 0, out, err: "" });
  });

  it("names lines that are no events, goes on, and fails", async () => {
    const { status, out, err } = await gander("events", `nonsense \u001b[31m\n${EXEC}\n{"a":1}`);
    expect(out).toBe(`${EXEC}\n`);
    expect(err).toBe(
      'gander: line 1 is not an event: "nonsense \\x1b[31m"\ngander: line 3 is not an event: {"a":1}\n',
    );
    expect(status).toBe(1);
  });

  it.each([
    ["events --process (", /^gander: Cannot filter: .*missing closing/],
    ["events --cel-expression process_exec.x==1", /^gander: Cannot filter: .*1:14: No such key: x/],
  ])("refuses %s", async (line, problem) => {
    const { status, out, err } = await gander(line, EXEC);
    expect({ status, out }).toEqual({ status: 1, out: "" });
    expect(err).toMatch(problem);
  });
});

const MAIN = join(import.meta.dirname, "main.ts");

describe("the program", () => {
  it("ends quietly when its reader goes away", async () => {
    const run = promisify(execFile);
    const many = `yes '${EXEC}' | head -20000 | ${process.execPath} ${MAIN} events | head -1`;
    const { stdout, stderr } = await run("bash", ["-o", "pipefail", "-c", `${many}; true`]);
    expect(stdout).toBe(`${EXEC}\n`);
    expect(stderr).toBe("");
  });

  it("has help at once", () => {
    // Time on a CPU, as this machine may be busy. Bare Node takes a third of it.
    const script = `TIMEFORMAT="%U %S"; time "$0" "$@" --help > /dev/null`;
    const times = Array.from({ length: 5 }, () => {
      const { stderr } = spawnSync("bash", ["-c", script, process.execPath, MAIN], {
        encoding: "utf8",
      });
      return stderr
        .trim()
        .split(" ")
        .map(Number)
        .reduce((sum, seconds) => sum + seconds, 0);
    });
    expect(Math.min(...times)).toBeGreaterThan(0);
    expect(Math.min(...times)).toBeLessThan(0.3);
  });

  it("loads no gRPC for help or pipes, and the Kubernetes client never", () => {
    const script = `
      import { registerHooks } from "node:module";
      const urls = [];
      registerHooks({ load: (url, context, next) => (urls.push(url), next(url, context)) });
      process.argv.splice(1, 0, "gander");
      await import(${JSON.stringify(MAIN)});
      console.error(urls.join("\\n"));`;
    // A shell's pipe: Node would give a socket, which is not taken for input.
    const loaded = (...args: string[]) =>
      spawnSync(
        "bash",
        [
          "-c",
          'echo "$EXEC" | "$0" --input-type=module -e "$@"',
          process.execPath,
          script,
          ...args,
        ],
        { encoding: "utf8", env: { ...process.env, EXEC } },
      ).stderr;
    expect(loaded("events")).toContain("/packages/cli/src/commands/events.ts");
    expect(loaded("events")).not.toMatch(/grpc-js|client-node/);
    expect(loaded("status", "--server-address", "/nowhere")).toContain("grpc-js");
    expect(loaded("status", "--server-address", "/nowhere")).not.toContain("client-node");
  });

  it("prints completion that bash accepts and that knows the options", () => {
    const complete = `source <(${process.execPath} ${MAIN} completion bash)
      COMP_WORDS=(gander policy li) COMP_CWORD=2; _gander; echo "\${COMPREPLY[@]}"
      COMP_WORDS=(gander policy library l) COMP_CWORD=3; _gander; echo "\${COMPREPLY[@]}"
      COMP_WORDS=(gander policy library list --le) COMP_CWORD=4; _gander; echo "\${COMPREPLY[@]}"
      COMP_WORDS=(gander attack r) COMP_CWORD=2; _gander; echo "\${COMPREPLY[@]}"
      COMP_WORDS=(gander attack run --he) COMP_CWORD=3; _gander; echo "\${COMPREPLY[@]}"
      COMP_WORDS=(gander events --ti) COMP_CWORD=2; _gander; echo "\${COMPREPLY[@]}"`;
    const out = execFileSync("bash", ["-c", complete], { encoding: "utf8" });
    expect(out).toBe("list library\nlist\n--level\nrun\n--help --here\n--timestamps --timeout\n");
  });
});
