// SPDX-License-Identifier: Apache-2.0
import { createLogger } from "@gander/base";
import { expect, it, vi } from "vitest";
import { RecordingServer } from "../../test/recording-server.ts";
import { createKubeClient } from "../client/client.ts";
import { unfenced } from "../client/write-permit.ts";
import {
  createEventRecorder,
  type EventRecorder,
  type EventRecorderOptions,
} from "./event-recorder.ts";

async function recording(
  test: (recorder: EventRecorder, server: RecordingServer) => Promise<void>,
  options: Partial<EventRecorderOptions> = {},
): Promise<void> {
  const server = new RecordingServer();
  await server.listen();
  const client = createKubeClient(server.source);
  const recorder = createEventRecorder(
    { client, logger: createLogger({ write: () => {} }) },
    { controller: "gander.dev/operator", instance: "a", permit: () => unfenced, ...options },
  );
  const controller = new AbortController();
  const running = recorder.run({ signal: controller.signal });
  try {
    await test(recorder, server);
  } finally {
    controller.abort();
    await running;
    client.close();
    await server.close();
  }
}

const transition = (reason: string, name = "p", note = "text") => ({
  regarding: { apiVersion: "cilium.io/v1alpha1", kind: "TracingPolicy", name, uid: `uid-${name}` },
  aspect: "Ready",
  type: "Normal" as const,
  reason,
  action: "Load",
  note,
});

const drained = async (recorder: EventRecorder) =>
  expect(await recorder.drain({ signal: AbortSignal.timeout(10_000) })).toBe(true);

it("makes an Event when a state changes, none while it stays", async () => {
  await recording(async (recorder, server) => {
    for (const reason of ["Loaded", "Loaded", "Failed"]) recorder.record(transition(reason));
    await drained(recorder);
    expect(server.requests.map(({ method, url }) => `${method} ${url}`)).toEqual(
      Array(2).fill("POST /apis/events.k8s.io/v1/namespaces/default/events"),
    );
    expect(server.requests[0]?.body).toMatchObject({
      kind: "Event",
      metadata: { namespace: "default", name: expect.stringMatching(/^p\.[0-9a-f-]{36}$/) },
      eventTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
      reportingController: "gander.dev/operator",
      reportingInstance: "a",
      regarding: transition("").regarding,
      reason: "Loaded",
      type: "Normal",
      note: "text",
    });
    expect(recorder.counters()).toMatchObject({ recorded: 3, unchanged: 1, sent: 2, dropped: 0 });
  });
});

it("counts a state that comes and goes, instead of repeating its Event", async () => {
  await recording(async (recorder, server) => {
    for (let n = 0; n < 50; n++) recorder.record(transition(n % 2 === 0 ? "Loaded" : "Failed"));
    await drained(recorder);
    expect(server.requests.map(({ method }) => method)).toEqual(["POST", "PATCH", "POST", "PATCH"]);
    expect(server.requests[3]?.contentType).toBe("application/merge-patch+json");
    expect(server.requests[3]?.body).toMatchObject({ series: { count: 25 } });
  });
});

it("begins a new Event when the last one is long ago", async () => {
  let ms = 0;
  const options = { seriesMs: 1000, now: () => ms };
  await recording(async (recorder, server) => {
    for (const reason of ["Loaded", "Failed", "Loaded"]) {
      recorder.record(transition(reason));
      await drained(recorder);
      ms += 600;
    }
    expect(server.requests.map(({ method }) => method)).toEqual(["POST", "POST", "POST"]);
  }, options);
});

it("says nothing of a state that was known", async () => {
  await recording(async (recorder, server) => {
    recorder.know("uid-p", "Ready", "Loaded");
    recorder.record(transition("Loaded"));
    await drained(recorder);
    expect(server.requests).toEqual([]);
  });
});

it("makes no second Event when only the answer was lost", async () => {
  await recording(async (recorder, server) => {
    const names = new Set<string>();
    server.reply = ({ body }) => {
      const { name } = (body as { metadata: { name: string } }).metadata;
      if (names.has(name)) return { status: 409, body: { reason: "AlreadyExists", code: 409 } };
      names.add(name);
      return "lost";
    };
    recorder.record(transition("Loaded"));
    await vi.waitFor(() => expect(server.requests).toHaveLength(2), 10_000);
    await drained(recorder);
    expect(names.size).toBe(1);
    expect(recorder.counters().dropped).toBe(0);
  });
});

it("gives up what is refused, and counts it", async () => {
  await recording(async (recorder, server) => {
    server.reply = () => ({ status: 422 });
    recorder.record(transition("Loaded"));
    await vi.waitFor(() => expect(recorder.counters().dropped).toBe(1));
    expect(server.requests).toHaveLength(1);
  });
});

it("leaves it to the leader when it may not write", async () => {
  const options = { permit: () => undefined };
  await recording(async (recorder, server) => {
    recorder.record(transition("Loaded"));
    await vi.waitFor(() => expect(recorder.counters().withheld).toBe(1));
    expect(server.requests).toEqual([]);
  }, options);
});

it("keeps no more than its capacity", async () => {
  const options = { capacity: 10 };
  await recording(async (recorder, server) => {
    for (let n = 0; n < 100; n++) recorder.record(transition("Loaded", `p${n}`));
    await drained(recorder);
    expect(server.requests).toHaveLength(10);
    expect(recorder.counters()).toMatchObject({ recorded: 100, sent: 10, dropped: 90 });
  }, options);
});

it("cuts a long note between characters", async () => {
  await recording(async (recorder, server) => {
    recorder.record(transition("Loaded", "p", "ä€😀".repeat(300)));
    await drained(recorder);
    const [request] = server.requests;
    const { note } = (request?.body ?? { note: "" }) as { note: string };
    expect(Buffer.byteLength(note)).toBeLessThanOrEqual(1024);
    expect(note).toMatch(/^(ä€😀)+(ä|ä€)?…$/u);
  });
});
