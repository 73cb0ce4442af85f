// SPDX-License-Identifier: Apache-2.0
// Processes whose names, arguments, paths and environment are made to upset whoever reads them.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { attack, describeResult, run } from "./lib/attack.ts";
import { EventClient } from "./lib/event-client.ts";
import { parseLines } from "./lib/parse-lines.ts";
import { plainPolicy } from "./lib/plain-policy.ts";
import { gander, readSeedPolicies, Sensor } from "./lib/sensor.ts";
import { waitUntil } from "./lib/wait-until.ts";

const kinds = attack("hostile", "list").output.trim().split("\n");

describe("hostile processes", () => {
  let sensor: Sensor;
  before(async () => {
    sensor = await Sensor.start({
      policies: {
        ...readSeedPolicies(),
        "watch.yaml": plainPolicy({ name: "watch", prefix: "/var/tmp/watched" }),
      },
      flags: ["--export-file-max-size-mb", "1000"],
    });
  });
  after(() => sensor?.[Symbol.asyncDispose]());

  for (const kind of kinds)
    test(`${kind}: one exec and one exit, each a line of JSON`, async () => {
      const result = run("/bin/sh", ["-c", `: ${kind}; exec "$0" hostile ${kind}`, attackPath]);
      assert.ok(result.status === 0 || result.status === 2, describeResult(result));
      await sensor.settled();
      const events = sensor.events();
      const shell = events.find((event) =>
        event.process_exec?.process.arguments?.includes(`: ${kind}; exec`),
      );
      const pid = shell?.process_exec?.process.pid;
      const execs = events.filter((event) => event.process_exec?.process.pid === pid);
      const exits = events.filter((event) => event.process_exit?.process.pid === pid);
      assert.equal(execs.length, 3, "the shell, the attack, the hostile program");
      assert.equal(exits.length, 1);
      const last = execs[2]?.process_exec?.process;
      assert.equal(exits[0]?.process_exit?.process.exec_id, last?.exec_id);
      checkText(kind, last?.arguments ?? "", last?.flags ?? "");
    });

  test("no line holds a raw control character, and each is one event", () => {
    const text = sensor.exportedText();
    // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these must not be there
    const raw = /[\u0000-\u0009\u000b-\u001f\u007f]/.exec(text);
    assert.equal(
      raw,
      null,
      JSON.stringify(text.slice((raw?.index ?? 0) - 200, (raw?.index ?? 0) + 50)),
    );
    for (const event of parseLines(text))
      assert.equal(
        Object.keys(event).filter((key) => key.startsWith("process_") || key === "rate_limit_info")
          .length,
        1,
      );
    assert.ok(
      !text.includes("\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd"),
      "text is not garbled",
    );
    // jq-like readers also split at these
    assert.ok(!/[\u2028\u2029\u0085]/.test(text), "line separators of Unicode are escaped");
  });

  test("the compact output holds nothing that a terminal obeys", async () => {
    const output = await compactWhile(async () => {
      for (const kind of kinds.filter((kind) => !["largest", "many"].includes(kind)))
        attack("hostile", kind);
    });
    assert.match(output, /🚀/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these must not be there
    const raw = /[\u0000-\u0008\u000b-\u001f\u007f\u0080-\u009f\u202a-\u202e\u2066-\u2069]/.exec(
      output,
    );
    assert.equal(
      raw,
      null,
      JSON.stringify(output.slice((raw?.index ?? 0) - 100, (raw?.index ?? 0) + 50)),
    );
    for (const line of output.trimEnd().split("\n"))
      assert.match(line, /^\P{ASCII}/u, `a line of its own: ${JSON.stringify(line.slice(0, 200))}`);
  });

  test("the export read by gander events is as harmless", () => {
    const result = run("sh", [
      "-c",
      `gander events -o compact --color never < ${sensor.exportFile}`,
    ]);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these must not be there
    assert.equal(/[\u0000-\u0008\u000b-\u001f\u007f\u0080-\u009f]/.exec(result.output), null);
  });

  test("hostile file names in a hook's event", async () => {
    const names = [
      "line\nbreak",
      "\u001b[31mred",
      'quote"back\\slash',
      "tab\tend",
      "umlaut-ä-🚀",
      "x".repeat(200),
    ];
    for (const name of names) run("bash", ["-c", 'echo x > "/var/tmp/watched-$1"', "bash", name]);
    run("bash", ["-c", "echo x > $'/var/tmp/watched-\\xff\\xfe'"]);
    await sensor.settled();
    const paths = sensor
      .events()
      .filter((event) => event.process_kprobe?.policy_name === "watch")
      .map((event) => event.process_kprobe?.args?.[0]?.file_arg?.path);
    for (const name of names)
      assert.ok(paths.includes(`/var/tmp/watched-${name}`), JSON.stringify(paths));
    assert.ok(
      paths.some((path) => path?.startsWith("/var/tmp/watched-\ufffd") || path?.includes("\\xff")),
      "invalid UTF-8 is shown somehow",
    );
  });

  test("a gRPC client receives all of it", async () => {
    using client = new EventClient(sensor.socket);
    using stream = client.events({ allow_list: [{ event_set: ["PROCESS_EXEC"] }] });
    await waitUntil("the stream has begun", () => {
      run("/bin/true", ["begin"]);
      return stream.received.length > 0;
    });
    for (const kind of kinds) attack("hostile", kind);
    run("/bin/true", ["after all"]);
    await stream.event(
      "what comes after",
      (event) => event.process_exec.process.arguments === '"after all"',
    );
    assert.equal(stream.error, undefined);
  });

  test("the sensor runs", () => {
    assert.ok(sensor.running, sensor.log().slice(-3000));
    assert.equal(gander("status").status, 0);
  });
});

const attackPath = new URL("../attacks/build/attack", import.meta.url).pathname;

/** What the arguments must hold, by kind. */
const contents: Readonly<Record<string, string>> = {
  newline: "first\nsecond\r\n",
  escape: "\u001b[2J\u001b[31mred",
  unicode: "🚀",
  // biome-ignore lint/suspicious/noTemplateCurlyInString: what the program was given
  quotes: "<script>&amp; %s %n ${HOME} `id`",
};

/** How long they are at least, unless the flags say that they were cut. */
const lengths: Readonly<Record<string, number>> = {
  "one-large": 131_071,
  "large-invalid": 100_000,
  many: 60_000,
  largest: 1_000_000,
};

function checkText(kind: string, text: string, flags: string): void {
  assert.ok(text.includes(contents[kind] ?? ""), JSON.stringify(text.slice(0, 500)));
  const cut = /trunc/i.test(flags);
  assert.ok(
    cut || text.length >= (lengths[kind] ?? 0),
    `${text.length} characters, flags ${flags}`,
  );
}

async function compactWhile(during: () => Promise<void>): Promise<string> {
  const events = spawn("gander", ["events", "-o", "compact", "--color", "never"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  events.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  try {
    await waitUntil("events are shown", () => {
      run("/bin/true", ["begin"]);
      return output.includes("begin");
    });
    await during();
    run("/bin/true", ["the-end"]);
    await waitUntil("the last is shown", () => output.includes("the-end"));
    return output;
  } finally {
    events.kill("SIGTERM");
  }
}
