// SPDX-License-Identifier: Apache-2.0
// The export: rotation by size, age and count; permissions; lists; what happens on a full disk.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, statSync } from "node:fs";
import { afterEach, describe, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { attack, run } from "./lib/attack.ts";
import { parseLines } from "./lib/parse-lines.ts";
import { plainPolicy } from "./lib/plain-policy.ts";
import { exportDirectory, exportFiles, gander, Sensor } from "./lib/sensor.ts";
import { waitUntil } from "./lib/wait-until.ts";

const watch = { "watch.yaml": plainPolicy({ name: "watch", prefix: "/var/tmp/watched" }) };

describe("the export file", () => {
  let sensor: Sensor | undefined;
  afterEach(async () => {
    await sensor?.[Symbol.asyncDispose]();
    sensor = undefined;
  });

  test("is for root alone", async () => {
    sensor = await Sensor.start();
    assert.equal(statSync(sensor.exportFile).mode & 0o777, 0o600);
  });

  test("--export-file-perm", async () => {
    sensor = await Sensor.start({ flags: ["--export-file-perm", "640"] });
    assert.equal(statSync(sensor.exportFile).mode & 0o777, 0o640);
  });

  test("rotates by size, keeps so many, cuts no line, loses none", async () => {
    sensor = await Sensor.start({
      policies: watch,
      flags: ["--export-file-max-size-mb", "1", "--export-file-max-backups", "50"],
    });
    const [done] = attack("write-storm", "/var/tmp/watched", "8000", "4000").output.split(" ");
    await sensor.settled();
    assert.ok(exportFiles().length > 3, exportFiles().join(" "));
    for (const name of exportFiles()) {
      const path = `${exportDirectory}/${name}`;
      assert.ok(statSync(path).size <= 1024 * 1024 + 65_536, `${name}: ${statSync(path).size}`);
      assert.ok(readFileSync(path, "utf8").endsWith("\n"), name);
    }
    const writes = sensor.events().filter((event) => event.process_kprobe?.policy_name === "watch");
    assert.equal(writes.length, Number(done));
  });

  test("keeps no more backups than asked for", async () => {
    sensor = await Sensor.start({
      policies: watch,
      flags: ["--export-file-max-size-mb", "1", "--export-file-max-backups", "2"],
    });
    attack("write-storm", "/var/tmp/watched", "8000", "4000");
    await waitUntil("old ones are gone", () => exportFiles().length === 3);
  });

  test("rotates by age", async () => {
    sensor = await Sensor.start({ flags: ["--export-file-rotation-interval", "2s"] });
    await waitUntil("there are backups", () => {
      run("/bin/true", []);
      return exportFiles().length >= 3;
    });
    parseLines(sensor.exportedText());
  });

  test("compresses backups", async () => {
    sensor = await Sensor.start({
      policies: watch,
      flags: ["--export-file-max-size-mb", "1", "--export-file-compress"],
    });
    attack("write-storm", "/var/tmp/watched", "4000", "4000");
    const name = await waitUntil("there is a compressed backup", () =>
      run("ls", [exportDirectory])
        .output.split("\n")
        .find((name) => name.endsWith(".gz")),
    );
    assert.ok(
      parseLines(gunzipSync(readFileSync(`${exportDirectory}/${name}`)).toString()).length > 100,
    );
  });

  test("allow and deny lists", async () => {
    sensor = await Sensor.start({
      flags: [
        ...["--export-allowlist", '{"event_set":["PROCESS_EXEC"]}\n{"event_set":["PROCESS_EXIT"]}'],
        ...["--export-denylist", '{"arguments_regex":["^secret"]}'],
        ...["--export-denylist", '{"event_set":["PROCESS_EXIT"],"binary_regex":["/env$"]}'],
      ],
    });
    run("/bin/true", ["secret"]);
    run("/usr/bin/env", ["--version"]);
    await sensor.settled();
    const events = sensor.events();
    assert.ok(!events.some((event) => event.process_exec?.process.arguments?.startsWith("secret")));
    assert.ok(events.some((event) => event.process_exec?.process.binary.endsWith("/env")));
    assert.ok(!events.some((event) => event.process_exit?.process.binary.endsWith("/env")));
  });

  test("a rate limit counts and marks what it drops", async () => {
    sensor = await Sensor.start({ flags: ["--export-rate-limit", "20"] });
    for (let i = 0; i < 50; i++) run("/bin/true", [`${i}`]);
    const dropped = await waitUntil(
      "the mark comes",
      () => sensor?.events().find((event) => event.rate_limit_info !== undefined)?.rate_limit_info,
      90_000,
    );
    assert.ok(Number(dropped.number_of_dropped_process_events) > 0);
  });

  test("redaction", async () => {
    sensor = await Sensor.start({
      flags: ["--redaction-filters", '{"redact":["--password[= ](\\\\S+)"]}'],
    });
    run("/bin/true", ["--password=hunter2", "visible"]);
    const event = await sensor.event(
      "it",
      (event) => event.process_exec?.process.arguments?.includes("visible") === true,
    );
    assert.equal(event.process_exec?.process.arguments, "--password=***** visible");
    assert.ok(!sensor.exportedText().includes("hunter2"));
  });

  test("a full disk stops the export alone, is told, and passes", {
    timeout: 240_000,
  }, async () => {
    mkdirSync("/run/small", { recursive: true });
    run("mount", ["-t", "tmpfs", "-o", "size=1m", "small", "/run/small"]);
    try {
      sensor = await Sensor.start({
        policies: {
          ...watch,
          "kill.yaml": plainPolicy({
            name: "kill",
            prefix: "/var/tmp/killed",
            actions: ["- action: Sigkill"],
          }),
        },
        flags: ["--export-filename", "/run/small/export.log"],
      });
      attack("write-storm", "/var/tmp/watched", "6000", "4000");
      await waitUntil("the log says so", () => /ENOSPC|no space/i.test(sensor?.log() ?? ""));
      assert.ok(sensor.running);
      assert.equal(run("bash", ["-c", "echo x > /var/tmp/killed"]).signal, "SIGKILL");
      assert.equal(gander("status").status, 0);
      run("sh", ["-c", "mount -o remount,size=64m /run/small"]);
      await waitUntil("it goes on", () => {
        run("/bin/true", ["after-full-disk"]);
        return readFileSync("/run/small/export.log", "utf8").includes("after-full-disk");
      });
      parseLines(readFileSync("/run/small/export.log", "utf8"));
    } finally {
      await sensor?.stop();
      run("umount", ["-l", "/run/small"]);
    }
  });

  test("a file that is moved away (as logrotate does) and SIGHUP", async () => {
    sensor = await Sensor.start();
    run("mv", [sensor.exportFile, `${exportDirectory}/moved-away`]);
    process.kill(sensor.pid, "SIGHUP");
    const { exportFile } = sensor;
    await waitUntil("there is a new file", () => {
      run("/bin/true", []);
      return run("test", ["-s", exportFile]).status === 0;
    });
    assert.ok(sensor.running);
  });
});
