// SPDX-License-Identifier: Apache-2.0
import { createLogger } from "@gander/base";
import { createReflector, type KubeObject, unfenced } from "@gander/kube";
import { afterAll, beforeAll, expect, it } from "vitest";
import { waitUntil } from "../tests/lib/wait-until.ts";
import { type ControlPlane, startControlPlane } from "./control-plane.ts";

let cluster: ControlPlane;
beforeAll(async () => {
  cluster = await startControlPlane();
});
afterAll(() => cluster[Symbol.asyncDispose]());

const widgets = { group: "example.com", version: "v1", plural: "widgets" };
const name = `${widgets.plural}.${widgets.group}`;
const definition = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name },
  spec: {
    group: widgets.group,
    scope: "Cluster",
    names: { plural: "widgets", singular: "widget", kind: "Widget" },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
        },
      },
    ],
  },
};

async function define(): Promise<void> {
  await cluster.kubectl(["apply", "-f", "-"], { input: JSON.stringify(definition) });
  await cluster.kubectl(["wait", "--for=condition=Established", `crd/${name}`]);
}

async function make(widget: string): Promise<void> {
  await cluster.client.write({
    task: "make a widget",
    method: "POST",
    permit: unfenced,
    path: "/apis/example.com/v1/widgets",
    body: { apiVersion: "example.com/v1", kind: "Widget", metadata: { name: widget } },
  });
}

it("a reflector finds a kind that comes later, sees all go with it, and finds it again", async () => {
  const reflector = createReflector<{ readonly uid: string }, KubeObject>(
    { client: cluster.client, logger: createLogger({ write: () => {} }) },
    {
      resource: widgets,
      project: ({ metadata: { uid } }) => ({ uid }),
      // The longest wait of a controller, for this test.
      timing: { backOffMaxMs: 2_000 },
    },
  );
  const controller = new AbortController();
  const running = reflector.run({ signal: controller.signal });
  const holds = (...expected: string[]) =>
    waitUntil(`it holds ${expected}`, () => {
      const keys = [...reflector.store.keys()].sort();
      return reflector.state().synced && keys.join() === expected.join();
    });
  await waitUntil("it is told that there is no such kind", () => {
    return reflector.state().lastError?.code === "kube-not-found";
  });
  expect(reflector.state().synced).toBe(false);
  await define();
  await make("one");
  await make("two");
  await holds("one", "two");
  await cluster.kubectl(["delete", "crd", name]);
  await holds();
  await define();
  await make("three");
  await holds("three");
  controller.abort();
  await running;
});
